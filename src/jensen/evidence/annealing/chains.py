"""Chains that are annealed, all rows and chains side by side in one compiled program.

The program runs a segment of the schedule: any number of temperatures up to `SEGMENT`, from
state to state, so that one compilation serves every length, the pilot, the forward chains, the
reverse ones and the real rows, and memory does not grow with temperatures.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.lax import fori_loop
from jaxtyping import Float, Int, Key

from jensen._batching import as_real
from jensen._runtime import quick_jit
from jensen._sampling import numbered
from jensen._types import PRNGKey, Scalar, condition_of
from jensen.inference.hamiltonian import Path, Point, Transition, transition, unit_of
from jensen.inference.weighted import systematic
from jensen.model import Model

__all__ = ["SEGMENT", "Chains", "Kept", "Program", "Segment", "advance", "begun", "drawn"]

# Temperatures in a compiled call: enough for the call itself to cost nothing beside them.
SEGMENT = 64


class Program(eqx.Module):
    """What all rows share.

    `start` is "encoder" or "prior"; `resample` the share of the chains below which the
    effective sample size makes a row's chains resample, 0 for never. Both are part of the
    compiled program, `leapfrogs` is not. So is `move`, which must leave f_β / ∫ f_β as it is
    and, where chains are to be reversed, be reversible.
    """

    model: Model
    leapfrogs: Int[Array, ""]
    start: str = eqx.field(static=True)
    resample: float = eqx.field(static=True)
    move: Callable[..., Transition] = eqx.field(static=True, default=transition)

    def path(self, x: Any) -> Path:
        """From the start to the joint density of x."""
        q = (
            self.model.posterior(x)
            if self.start == "encoder"
            else self.model.latent_prior(condition_of(x))
        )
        return Path.of(self.model, x, q)

    def size(self, x: Any) -> int:
        """Of a datum's z, laid out as one vector."""
        flat = lambda x: ravel_pytree(self.path(x).start.sample(jax.random.key(0)))[0]
        return int(eqx.filter_eval_shape(flat, x).size)


class Segment(eqx.Module):
    """A piece of a row's schedule, frozen before the chains that follow it begin.

    At its t-th temperature the chains are weighted by the log ratio times `before[t]`, moved
    at `beta[t]`, and weighted by the ratio where they then are times `after[t]`.
    """

    beta: Float[Array, "... temperatures"]
    before: Float[Array, "... temperatures"]
    after: Float[Array, "... temperatures"]
    log_step: Float[Array, "... temperatures"]
    log_spread: Float[Array, "... temperatures size"]


class Chains(eqx.Module):
    """The chains of one row between two segments.

    `log_evidence` is what resampling has taken out of the weights, `spent` the relative variance
    that went with it; `founders` say from which of the first points each chain descends.
    `log_step` and `log_spread` are corrections to the segment's: zero, unless a pilot is
    adapting them.
    """

    position: Float[Array, "... chains size"]
    log_weights: Float[Array, "... chains"]
    log_evidence: Float[Array, "..."]
    spent: Float[Array, "..."]
    founders: Float[Array, "... chains"]
    resamplings: Float[Array, "..."]
    acceptance: Float[Array, "..."]
    moves: Float[Array, "..."]
    log_step: Float[Array, "..."]
    log_spread: Float[Array, "... size"]

    @classmethod
    def at(cls, position: Float[Array, "... chains size"]) -> "Chains":
        """Chains of weight one that begin at these positions."""
        rows, (chains, size) = position.shape[:-2], position.shape[-2:]
        zero = jnp.zeros(rows)
        return cls(
            position=position,
            log_weights=jnp.zeros((*rows, chains)),
            log_evidence=zero,
            spent=zero,
            founders=jnp.broadcast_to(jnp.arange(float(chains)), (*rows, chains)),
            resamplings=zero,
            acceptance=zero,
            moves=zero,
            log_step=zero,
            log_spread=jnp.zeros((*rows, size)),
        )


class Kept(eqx.Module):
    """What a segment tells of each of its temperatures, from which a pilot makes settings."""

    log_step: Float[Array, "... temperatures"]
    log_spread: Float[Array, "... temperatures size"]
    deviation: Float[Array, "... temperatures"]


begun = quick_jit(Chains.at)


@quick_jit
def drawn(program: Program, X: Any, keys: Key[Array, " rows"], chains: int) -> Chains:
    """Chains that begin at draws of the start."""

    def row(x: Any, key: PRNGKey) -> Array:
        start = program.path(*as_real((x,))).start
        first = lambda key: ravel_pytree(start.sample(key))[0]
        return jax.vmap(first)(numbered(key, jnp.arange(chains)))

    return Chains.at(jax.vmap(row)(X, keys))


@quick_jit
def advance(
    program: Program,
    X: Any,
    keys: Key[Array, " rows"],
    chains: Chains,
    segment: Segment,
    first: Int[Array, ""],
    count: Int[Array, ""],
    adaptation: Scalar,
    target: Scalar,
) -> tuple[Chains, Kept]:
    """The chains of all rows after the first `count` temperatures of their segment.

    `first` is how many came before it, so that no two temperatures share random numbers.
    `adaptation` is the rate at which step sizes follow the acceptance towards `target` and
    spreads follow the chains; zero leaves both as the segment has them, and only then are
    the weights unbiased.
    """
    row = lambda x, key, chains, segment: _advance_row(
        program, x, key, chains, segment, first, count, adaptation, target
    )
    return jax.vmap(row)(as_real(X), keys, chains, segment)


def _advance_row(
    program: Program,
    x: Any,
    key: PRNGKey,
    chains: Chains,
    segment: Segment,
    first: Int[Array, ""],
    count: Int[Array, ""],
    adaptation: Scalar,
    target: Scalar,
) -> tuple[Chains, Kept]:
    path = program.path(x)
    # The same whatever the key: pilot, forward and reverse chains measure alike.
    unit = unit_of(path.start, jax.random.key(0))
    number, size = chains.position.shape

    def one(turn: Array, carry: Any) -> Any:
        points, chains, kept = carry
        # In turn 0 nothing but where the chains are is found out.
        begins = turn == 0
        t = jnp.maximum(turn - 1, 0)
        # One for each chain, and one to resample by; the first ones drew the chains' beginnings.
        keys = numbered(key, (first + t + 1) * (number + 1) + jnp.arange(number + 1))
        before = jnp.where(begins, 0.0, segment.before[t])
        log_weights = chains.log_weights + _scaled(before, points.log_ratio)
        chains = eqx.tree_at(lambda c: c.log_weights, chains, log_weights)
        if program.resample:
            points, chains = _resampled(program.resample, points, chains, keys[-1])
        log_step = segment.log_step[t] + chains.log_step
        log_spread = segment.log_spread[t] + chains.log_spread
        # A lower triangle has its own directions, whose lengths the step size follows as one.
        own = jnp.exp(log_spread) * unit if unit.ndim == 1 else unit
        step = jnp.where(begins, 0.0, jnp.exp(log_step))
        leapfrogs = jnp.where(begins, 1, program.leapfrogs)
        move = lambda point, key: program.move(
            path, point, segment.beta[t], own, step, leapfrogs, key
        )
        moved = jax.vmap(move)(points, keys[:-1])
        points, acceptance = moved.point, jnp.mean(moved.acceptance)
        ratio = points.log_ratio
        kept = Kept(
            kept.log_step.at[t].set(log_step),
            kept.log_spread.at[t].set(log_spread),
            kept.deviation.at[t].set(jnp.std(ratio)),
        )
        after = jnp.where(begins, 0.0, segment.after[t])
        log_weights = chains.log_weights + _scaled(after, ratio)
        if unit.ndim == 1:
            wanted = jnp.log(jnp.std(points.position, axis=0) / unit + 1e-6)
        else:
            wanted = jnp.zeros(size)
        rate = jnp.where(begins, 0.0, adaptation)
        chains = eqx.tree_at(
            lambda c: (c.log_weights, c.acceptance, c.moves, c.log_step, c.log_spread),
            chains,
            (
                log_weights,
                chains.acceptance + jnp.where(begins, 0.0, acceptance),
                chains.moves + jnp.where(begins, 0.0, 1.0),
                chains.log_step + rate * (acceptance - target),
                chains.log_spread + rate * (wanted - log_spread),
            ),
        )
        return points, chains, kept

    length = segment.beta.shape[0]
    kept = Kept(jnp.zeros(length), jnp.zeros((length, size)), jnp.zeros(length))
    points, chains, kept = fori_loop(
        0, count + 1, one, (jax.vmap(_unknown)(chains.position), chains, kept)
    )
    return eqx.tree_at(lambda c: c.position, chains, points.position), kept


def _unknown(position: Array) -> Point:
    """A point of no density to speak of, from which a step of no length is always taken.

    So the densities are evaluated in one place of the program, which halves its compilation.
    Where they are not finite the step is not taken, and the weight is nought, as it should be.
    """
    nowhere = jnp.zeros_like(position)
    return Point(position, jnp.float32(0.0), jnp.float32(-jnp.inf), nowhere, nowhere)


def _scaled(factor: Scalar, log_ratio: Array) -> Array:
    # Zero times minus infinity is no number.
    return jnp.where(factor == 0, 0.0, factor * log_ratio)


def _resampled(share: float, points: Point, chains: Chains, key: PRNGKey) -> tuple[Point, Chains]:
    """The chains after systematic resampling, where their weights have become too unequal.

    What their mean weight was goes into the evidence (Del Moral et al. 2006, section 3.2).
    """
    log_weights = chains.log_weights
    number = len(log_weights)
    largest = jnp.max(log_weights)
    relative = jnp.exp(log_weights - jnp.where(jnp.isfinite(largest), largest, 0.0))
    total = jnp.sum(relative)
    squares = jnp.sum(relative**2)
    now = (total**2 < share * number * squares) & (total > 0)
    parents = systematic(relative, key, number)
    parents = jnp.where(now, parents, jnp.arange(number))
    chosen = lambda leaf: leaf[parents]
    log_mean = largest + jnp.log(total / number)
    chains = eqx.tree_at(
        lambda c: (c.log_weights, c.log_evidence, c.spent, c.founders, c.resamplings),
        chains,
        (
            jnp.where(now, 0.0, log_weights),
            chains.log_evidence + jnp.where(now, log_mean, 0.0),
            chains.spent + jnp.where(now, squares / total**2 - 1 / number, 0.0),
            chosen(chains.founders),
            chains.resamplings + now.astype(jnp.float32),
        ),
    )
    return jax.tree.map(chosen, points), chains
