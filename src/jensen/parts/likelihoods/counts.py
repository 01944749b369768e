"""Likelihoods of counts without a bound."""

from math import inf
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from jensen._runtime import on_device
from jensen._types import PRNGKey
from jensen.parts._special import deviance, stirling_remainder
from jensen.parts.likelihoods._base import Likelihood, parameters_of

__all__ = ["NegativeBinomial", "NegativeBinomialDistribution", "Poisson", "PoissonDistribution"]

_LOG_CONCENTRATION = (-7.0, 12.0)
# Means between a billionth and a billion; beyond, single precision has no digits for a count.
_LOG_MEAN = (-20.0, 20.0)


def _log_mean(rows: np.ndarray) -> np.ndarray:
    return np.log((rows.sum(0) + 0.5) / (len(rows) + 1.0))


class PoissonDistribution(eqx.Module):
    """The Poisson distribution with mean μ = exp(log_mean).

        p(x) = e^−μ μ^x / x!

    Taken as it stands, as NumPyro does, its terms cancel and leave an error of 0.02 nats at
    μ = 10⁴ in single precision. In the form of Loader (2000, "Fast and accurate computation of
    binomial probabilities") nothing large is left to cancel:

        log p(x) = −δ(x) − D(x, μ) − ½ log 2πx

    with δ Stirling's remainder and D the deviance.
    """

    log_mean: Float[Array, "*event"]

    @property
    def mean(self) -> Float[Array, "*event"]:
        """μ."""
        return jnp.exp(self.log_mean)

    @property
    def variance(self) -> Float[Array, "*event"]:
        """μ."""
        return self.mean

    def log_prob(self, x: Float[Array, "*event"]) -> Float[Array, "*event"]:
        """log p(x) of whole numbers x ≥ 0, in nats."""
        positive = jnp.maximum(x, 1.0)
        some = (
            -stirling_remainder(positive)
            - deviance(positive, self.mean)
            - 0.5 * jnp.log(2 * jnp.pi * positive)
        )
        return jnp.where(x > 0, some, -self.mean)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x, as floats."""
        shape = (*sample_shape, *self.log_mean.shape)
        rate = jnp.broadcast_to(self.mean, shape)
        return jax.random.poisson(key, rate).astype(jnp.float32)


class Poisson(Likelihood):
    """x ~ Poisson(exp(h))."""

    name: ClassVar[str] = "poisson"
    kinds: ClassVar[tuple[str, ...]] = ("binary", "bounded", "count")
    discrete: ClassVar[bool] = True

    event_shape: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def from_rows(cls, rows: np.ndarray, high: float | None, value: float | None) -> "Poisson":
        return cls(rows.shape[1:])

    @property
    def largest(self) -> float:
        """No bound."""
        return inf

    @property
    def parameters(self) -> int:
        """The logarithm of the rate."""
        return 1

    def initial(self, rows: np.ndarray) -> Float[Array, "1 *event"]:
        return on_device(_log_mean(rows)[None])

    def __call__(self, h: Float[Array, "1 *event"]) -> PoissonDistribution:
        return PoissonDistribution(jnp.clip(h[0], *_LOG_MEAN))


class NegativeBinomialDistribution(eqx.Module):
    """The negative binomial with mean μ = exp(log_mean) and concentration r: variance μ + μ²/r.

        p(x) = Γ(x + r) / (Γ(r) x!) (r / (r + μ))^r (μ / (r + μ))^x

    which is r / (r + x) times the binomial density of x out of r + x at μ / (r + μ), taken in
    Loader's form as for `PoissonDistribution`.
    """

    log_mean: Float[Array, "*event"]
    concentration: Float[Array, "*event"]

    @property
    def mean(self) -> Float[Array, "*event"]:
        """μ."""
        return jnp.exp(self.log_mean)

    @property
    def variance(self) -> Float[Array, "*event"]:
        """μ + μ² / r."""
        return self.mean + self.mean**2 / self.concentration

    def log_prob(self, x: Float[Array, "*event"]) -> Float[Array, "*event"]:
        """log p(x) of whole numbers x ≥ 0, in nats."""
        r, mean = self.concentration, self.mean
        positive = jnp.maximum(x, 1.0)
        n = positive + r
        # Of n, r and x are expected in proportion r : μ.
        some = (
            jnp.log(r / n)
            + stirling_remainder(n)
            - stirling_remainder(positive)
            - stirling_remainder(r)
            - deviance(positive, n * (mean / (r + mean)))
            - deviance(r, n * (r / (r + mean)))
            - 0.5 * jnp.log(2 * jnp.pi * positive * (r / n))
        )
        return jnp.where(x > 0, some, -r * jnp.log1p(mean / r))

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x: a rate from the gamma distribution, then a Poisson with that rate."""
        from_gamma, from_poisson = jax.random.split(key)
        shape = (*sample_shape, *self.log_mean.shape)
        log_rate = jax.random.loggamma(from_gamma, jnp.broadcast_to(self.concentration, shape))
        unit = jnp.broadcast_to(self.log_mean - jnp.log(self.concentration), shape)
        rate = jnp.exp(log_rate + unit)
        return jax.random.poisson(from_poisson, rate).astype(jnp.float32)


class NegativeBinomial(Likelihood):
    """x ~ NegativeBinomial, its mean and its concentration both from the decoder.

    h holds log μ and log r; see `NegativeBinomialDistribution`.
    """

    name: ClassVar[str] = "negative-binomial"
    kinds: ClassVar[tuple[str, ...]] = ("binary", "bounded", "count")
    discrete: ClassVar[bool] = True

    event_shape: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def from_rows(
        cls, rows: np.ndarray, high: float | None, value: float | None
    ) -> "NegativeBinomial":
        return cls(rows.shape[1:])

    @property
    def largest(self) -> float:
        """No bound."""
        return inf

    @property
    def parameters(self) -> int:
        """The logarithms of the mean and of the concentration."""
        return 2

    def initial(self, rows: np.ndarray) -> Float[Array, "2 *event"]:
        log_mean = _log_mean(rows)
        mean = np.exp(log_mean)
        excess = np.maximum(rows.var(0) - mean, 0.01 * mean)
        concentration = np.clip(mean**2 / excess, 0.05, 100.0)
        return on_device(np.stack([log_mean, np.log(concentration)]))

    def __call__(self, h: Float[Array, "2 *event"]) -> NegativeBinomialDistribution:
        log_mean, log_concentration = parameters_of(h)
        concentration = jnp.exp(jnp.clip(log_concentration, *_LOG_CONCENTRATION))
        return NegativeBinomialDistribution(jnp.clip(log_mean, *_LOG_MEAN), concentration)
