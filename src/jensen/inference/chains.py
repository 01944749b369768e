"""Chains of Hamiltonian Monte Carlo over p(z | x), adapted first and then frozen."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from jensen._lenient import lenient
from jensen._types import Data, PRNGKey, Scalar
from jensen.inference.hamiltonian import Path, Point, transition
from jensen.inference.weighted import importance_draws, moments
from jensen.model import Model

__all__ = ["CHAINS", "LEAST_DRAWS", "ChainDraws", "chain_draws"]

CHAINS = 4
# R-hat compares the halves of all chains, which need two draws each.
LEAST_DRAWS = 4 * CHAINS
# Transitions of a chain, at least. On the digits, 200-200 and ten latents, R-hat of 32 rows is
# 1.007 at most; with 500 of twice as many leapfrogs, 1.02, as |z| then mixes too little.
_LEAST_TRANSITIONS = 1000
_CANDIDATES = 200
_WARM_UP = 300
# The last third adapts the step size alone, to the scale that stays.
_WITH_SCALE = 200
_ACCEPTANCE = 0.8
_FIRST_STEP = 0.5
_LEAPFROGS = 4
# Steps of one length can bring an oscillation back to where it began (Neal 2011, section 3.2).
_JITTER = (0.4, 1.2)
# A scale estimated from few effective draws may be much too small to start from.
_LEAST_SHARE_OF_SCALE = 0.3


class ChainDraws(eqx.Module):
    """Draws of all chains, one chain after another, and how far they can be relied on.

    `rhat` is the rank-normalised split R-hat of the worst latent and `ess` the bulk effective
    sample size of the worst (Vehtari et al. 2021), over all transitions.
    """

    z: Any
    rhat: Scalar
    ess: Scalar
    acceptance: Scalar


class _Flat(eqx.Module):
    """A start that costs nothing: at β = 1 its density plays no part, and z has its shape."""

    like: Any

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Any:
        return self.like.sample(key, sample_shape)

    def log_prob(self, z: Any) -> Scalar:
        return jnp.float32(0.0)


class _Tuning(eqx.Module):
    """What the warm-up adapts: of all chains of the row together."""

    log_step: Scalar
    mean: Float[Array, " size"]
    variance: Float[Array, " size"]

    def adapted(
        self, t: Array, position: Float[Array, "chains size"], acceptance: Scalar
    ) -> "_Tuning":
        """After step t, by ever smaller steps (Andrieu & Thoms 2008, algorithm 4)."""
        step = t.astype(jnp.float32)
        gain = jnp.where(t < _WITH_SCALE, (step + 10.0) ** -0.7, 0.0)
        away = position - self.mean[None]
        mean = self.mean + gain * jnp.mean(away, axis=0)
        variance = self.variance + gain * (jnp.mean(away**2, axis=0) - self.variance)
        log_step = self.log_step + (step + 1.0) ** -0.5 * (acceptance - _ACCEPTANCE)
        return _Tuning(log_step, mean, variance)


def _move(path: Path, points: Point, tuning: _Tuning, key: PRNGKey) -> tuple[Point, Scalar]:
    """One transition of each chain at β = 1, and the mean probability with which it was taken."""
    for_length, for_moves = jax.random.split(key)
    jitter = jax.random.uniform(for_length, minval=_JITTER[0], maxval=_JITTER[1])
    step, unit = jnp.exp(tuning.log_step) * jitter, jnp.sqrt(tuning.variance)
    one = jnp.float32(1.0)
    move = lambda point, key: transition(path, point, one, unit, step, jnp.int32(_LEAPFROGS), key)
    moved = jax.vmap(move)(points, jax.random.split(for_moves, CHAINS))
    return moved.point, jnp.mean(moved.acceptance)


def chain_draws(model: Model, x: Data, key: PRNGKey, draws: int) -> ChainDraws:
    """`draws` draws of p(z | x) for one datum, from four chains together.

    Chains start at draws from the encoder, resampled by their weights. In a warm-up of 300
    transitions step size and scales follow all chains together; then they are frozen, because
    chains that adapt to their own past do not keep p(z | x). A mode that no chain starts in
    is seldom found, and R-hat tells of modes only where chains are in different ones.

    Args:
        model: a `Model`, whose densities must have gradients.
        x: one datum.
        key: a typed JAX key.
        draws: a multiple of 4, at least 16; chains are thinned to them where they need more
            transitions to be judged by.
    """
    for_candidates, for_start, for_warm_up, for_chains = jax.random.split(key, 4)
    q = model.posterior(x)
    path = Path.of(model, x, _Flat(q))
    candidates = importance_draws(model, x, q, for_candidates, _CANDIDATES)
    mean, scale = moments(candidates)
    scale = jnp.maximum(scale, _LEAST_SHARE_OF_SCALE * moments(candidates.unweighted())[1])
    first = jax.vmap(lambda z: ravel_pytree(z)[0])(candidates.resample(for_start, CHAINS))
    begun = jax.vmap(path.at)(first), _Tuning(jnp.log(jnp.float32(_FIRST_STEP)), mean, scale**2)

    def warm_up(t: Array, carry: tuple[Point, _Tuning]) -> tuple[Point, _Tuning]:
        points, tuning = carry
        points, acceptance = _move(path, points, tuning, jax.random.fold_in(for_warm_up, t))
        return points, tuning.adapted(t, points.position, acceptance)

    points, tuning = jax.lax.fori_loop(0, _WARM_UP, warm_up, begun)

    def step(points: Point, key: PRNGKey) -> tuple[Point, tuple[Array, Scalar]]:
        points, acceptance = _move(path, points, tuning, key)
        return points, (points.position, acceptance)

    # To import BlackJAX takes as long as most answers, and few of them need chains.
    from blackjax.diagnostics import ess_bulk, rhat

    each = draws // CHAINS
    thin = -(-_LEAST_TRANSITIONS // each)
    _, (positions, acceptance) = jax.lax.scan(
        step, points, jax.random.split(for_chains, each * thin)
    )
    chains = jnp.swapaxes(positions, 0, 1)
    with lenient():
        worst, least = jnp.max(rhat(chains)), jnp.min(ess_bulk(chains))
    kept = chains[:, thin - 1 :: thin].reshape(draws, -1)
    return ChainDraws(jax.vmap(path.unravel)(kept), worst, least, jnp.mean(acceptance))
