"""Importance sampling of log p(x), with draws from the encoder or from the prior."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jensen._batching import map_rows
from jensen._sampling import draw, row_keys
from jensen._types import Data, PRNGKey, as_datum, condition_of
from jensen.evidence.arguments import checked_draws
from jensen.evidence.estimate import Estimate
from jensen.evidence.weights import Weights
from jensen.model import Model

__all__ = ["estimate_by_weights", "importance", "prior_monte_carlo"]

# Rows and draws in one compiled call: some thousand decodings keep the matrix products large
# and their memory small.
_ROWS = 8
_DRAWS = 512


class _Context(eqx.Module):
    """What all rows share; `proposal` and `draws` are part of the compiled program."""

    model: Model
    proposal: Callable[..., Any] = eqx.field(static=True)
    draws: int = eqx.field(static=True)


def _from_encoder(model: Model, x: Any) -> tuple[Any, Callable[[Any], Array]]:
    q, p = model.posterior(x), model.latent_prior(condition_of(x))
    return q, lambda z: model.log_likelihood(x, z) + p.log_prob(z) - q.log_prob(z)


def _from_prior(model: Model, x: Any) -> tuple[Any, Callable[[Any], Array]]:
    return model.latent_prior(condition_of(x)), lambda z: model.log_likelihood(x, z)


def _one_row(context: _Context, x: Any, key: PRNGKey) -> tuple[Array, Array, Array, Array]:
    proposal, log_weight = context.proposal(context.model, x)
    draws = context.draws
    chunk = min(_DRAWS, draws)
    # Nothing was observed, and p(nothing) = 1: no weight is to be off it by chance.
    certain = _of_nothing(context.model, x)

    def take_in(weights: Weights, inputs: tuple[Array, Array]) -> tuple[Weights, None]:
        start, key = inputs
        log_weights = jax.vmap(log_weight)(draw(proposal, key, chunk))
        log_weights = jnp.where(certain, 0.0, log_weights)
        # The last chunk is cut to the number of draws that was asked for.
        wanted = start + jnp.arange(chunk) < draws
        return weights.add(jnp.where(wanted, log_weights, -jnp.inf)), None

    starts = jnp.arange(0, draws, chunk)
    keys = jax.random.split(key, starts.shape[0])
    weights, _ = jax.lax.scan(take_in, Weights.none(draws), (starts, keys))
    return (
        weights.log_mean(draws),
        weights.standard_error(draws),
        weights.effective(),
        weights.khat(draws),
    )


def _of_nothing(model: Model, x: Any) -> Any:
    """Whether no entry of a row was observed, and what was is no part of the evidence."""
    mask = as_datum(x).mask
    return False if mask is None or model.missingness is not None else ~jnp.any(mask)


def estimate_by_weights(
    proposal: Callable[..., Any], method: str, model: Model, X: Data, key: PRNGKey, draws: int
) -> Estimate:
    """log 1/K Σ_k w_k for each row, with weights of the caller's making.

    `proposal(model, x)` gives the distribution that z is drawn from and a function z -> log w,
    with E[w] = p(x); the other arguments are those of `importance`.
    """
    draws = checked_draws(X, draws)
    context = _Context(model, proposal, draws)
    keys = row_keys(key, X)
    value, error, ess, khat = map_rows(_one_row, context, X, keys, batch=_ROWS)
    return Estimate(
        values=value.astype(np.float64),
        standard_errors=error.astype(np.float64),
        kind="lower bound",
        method=method,
        draws=draws,
        ess=ess.astype(np.float64),
        khat=khat.astype(np.float64),
    )


def importance(model: Model, X: Data, key: PRNGKey, draws: int = 1000) -> Estimate:
    """log p(x) by importance sampling from the encoder.

        log p̂(x) = log 1/K Σ_k p(x, z_k) / q(z_k | x),    z_k ~ q(z | x)

    p̂ is unbiased, so log p̂ is a lower bound in the mean (Burda et al. 2016, theorem 1). A row's
    estimate depends on the row, the key and the number of draws, not on the rows beside it. Of a
    row without any observed entry it is 0, exactly.

    Args:
        model: a `Model`.
        X: rows, shape (rows, *event), or a `Datum` of such.
        key: a typed JAX key.
        draws: K, exactly as many as are taken for each row; memory does not grow with them.

    Returns:
        An `Estimate` in nats with effective sample sizes and Pareto k̂.

    Raises:
        OptionError: `draws` below 1, or no rows.

    Example:
        >>> import jax, jensen, numpy as np
        >>> lg = jensen.LinearGaussian.random(jax.random.key(0), features=3, latent=1)
        >>> X = lg.sample(np.random.default_rng(0), 5)
        >>> estimate = importance(lg.model(), X.astype("float32"), jax.random.key(1), draws=100)
        >>> bool(np.allclose(estimate.values, lg.log_evidence(X), atol=1e-4))
        True
    """
    return estimate_by_weights(_from_encoder, "importance", model, X, key, draws)


def prior_monte_carlo(model: Model, X: Data, key: PRNGKey, draws: int = 1000) -> Estimate:
    """log p(x) as the mixture it is, over draws from the prior: log 1/K Σ_k p(x | z_k).

    Unbiased before the logarithm like `importance`, and hopeless where few z explain x: its
    effective sample size says so. Arguments, result and errors are those of `importance`.
    """
    return estimate_by_weights(_from_prior, "prior", model, X, key, draws)
