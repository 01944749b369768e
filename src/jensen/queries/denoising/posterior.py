"""Denoising: the posterior of x given a noisy row, its mean and its standard deviation."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jensen._batching import map_rows
from jensen._sampling import row_keys
from jensen._types import PRNGKey
from jensen.inference import importance_draws, refine
from jensen.model import Model
from jensen.queries.denoising.noise import Clean, Noise

__all__ = ["Denoised", "NoisyLikelihood", "denoise"]

_DRAWS = 200
_ROWS = 32


class _Noisy(eqx.Module):
    """p(x̃ | z): p(x | z) with the noise folded in."""

    p: Any
    noise: Noise
    likelihood: Any

    def log_prob(self, noisy: Array) -> Array:
        return self.clean(noisy).log_prob

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        from_p, from_noise = jax.random.split(key)
        return self.noise.add(self.p.sample(from_p, sample_shape), from_noise)

    def clean(self, noisy: Array) -> Clean:
        return self.noise.clean(self.p, noisy, self.likelihood)


class NoisyLikelihood(eqx.Module):
    """h -> p(x̃ | z), so that a model of rows becomes a model of noisy rows."""

    likelihood: Any
    noise: Noise

    def __call__(self, h: Array) -> _Noisy:
        """The distribution of noisy rows that `h` stands for."""
        return _Noisy(self.likelihood(h), self.noise, self.likelihood)


@dataclass(frozen=True)
class Denoised:
    """What rows were before the noise.

    Attributes:
        mean: E[x | x̃], rows by event shape, in the form of the data.
        std: the standard deviation of x given x̃, likewise.
        ess: effective sample size of each row's draws, of 200.
    """

    mean: Any
    std: Any
    ess: np.ndarray


def _one_row(model: Model, noisy: Array, key: PRNGKey) -> tuple[Array, Array, Array]:
    for_q, for_draws = jax.random.split(key)
    q = refine(model, noisy, for_q)
    draws = importance_draws(model, noisy, q, for_draws, _DRAWS)
    folded: Any = model.conditional
    clean = jax.vmap(lambda z: folded(z).clean(noisy))(draws.z)
    mean = draws.expectation(clean.mean)
    # The law of total variance, over z.
    variance = draws.expectation(clean.variance + (clean.mean - mean[None]) ** 2)
    return mean, jnp.sqrt(variance), draws.ess


def denoise(model: Model, noisy: Array | np.ndarray, noise: Noise, key: PRNGKey) -> Denoised:
    """E[x | x̃] and sd[x | x̃] of each noisy row, under the model and a known noise.

    The encoder has seen clean rows only, so that it is no more than a start: draws from it are
    reweighted to the posterior of z given x̃, whose normal approximation is then refined by
    raising its ELBO, and 200 draws from that are reweighted in turn.

    Args:
        model: a model of clean rows.
        noisy: rows, shape (rows, *event).
        noise: what was done to them.
        key: a typed JAX key.
    """
    folded = Model(
        prior=model.prior,
        decoder=model.decoder,
        likelihood=NoisyLikelihood(model.likelihood, noise),
        encoder=model.encoder,
    )
    noisy = np.asarray(noisy, dtype=np.float32)
    keys = row_keys(key, noisy)
    return Denoised(*map_rows(_one_row, folded, noisy, keys, batch=_ROWS))
