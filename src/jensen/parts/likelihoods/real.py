"""Likelihoods of real numbers: densities, of the data as given.

The decoder speaks in standardised units, y = (x − shift) / scale. Location and scale are
carried back to the data's units, which counts the log-Jacobian −log(scale) in.
"""

from abc import abstractmethod
from math import inf
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from jensen._runtime import on_device
from jensen._types import Constant, PRNGKey
from jensen.errors import OptionError
from jensen.parts._special import log_gamma_ratio
from jensen.parts._standardise import standardisation
from jensen.parts.likelihoods._base import Likelihood

__all__ = [
    "Normal",
    "NormalFixed",
    "NormalPerFeature",
    "NormalPredicted",
    "NormalShared",
    "StudentT",
    "StudentTDistribution",
]

# In standard deviations of a column: below this a density says how a column was rounded,
# and nothing about what generated it.
_SMALLEST_SCALE = 1e-3
# A learned scale starts at what a model that explains half a column's variance leaves.
_FIRST_LOG_SCALE = -0.35


class Normal(Likelihood):
    """x ~ N(shift + scale · h₀, (scale · s)²); the members differ in where s comes from."""

    kinds: ClassVar[tuple[str, ...]] = ("binary", "bounded", "count", "real")
    discrete: ClassVar[bool] = False

    shift: eqx.AbstractVar[Constant]
    scale: eqx.AbstractVar[Constant]

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of x."""
        return self.shift.value.shape

    @property
    def largest(self) -> float:
        """No bound."""
        return inf

    @abstractmethod
    def standard_scale(self, h: Float[Array, "parameters *event"]) -> Array:
        """s, in standardised units; broadcasts to the event shape."""

    def __call__(self, h: Float[Array, "parameters *event"]) -> Any:
        loc = self.shift.value + self.scale.value * h[0]
        return dist.Normal(loc, self.scale.value * self.standard_scale(h))


def _learned(log_scale: Array) -> Array:
    return jnp.exp(log_scale) + _SMALLEST_SCALE


def _constants(rows: np.ndarray) -> tuple[Constant, Constant]:
    shift, scale = standardisation(rows)
    return Constant(shift), Constant(scale)


class NormalFixed(Normal):
    """One standard deviation for all entries, given in the data's units: "normal-fixed:0.5"."""

    name: ClassVar[str] = "normal-fixed"
    takes_value: ClassVar[bool] = True

    shift: Constant
    scale: Constant
    sigma: Constant

    @classmethod
    def from_rows(cls, rows: np.ndarray, high: float | None, value: float | None) -> "NormalFixed":
        if value is None or not 0 < value < inf:
            raise OptionError(
                "likelihood='normal-fixed' needs the standard deviation, above 0 and in the"
                " data's units, behind its name: 'normal-fixed:0.5', say."
            )
        return cls(*_constants(rows), Constant(jnp.float32(value)))

    @property
    def parameters(self) -> int:
        """The location."""
        return 1

    def initial(self, rows: np.ndarray) -> Float[Array, "1 *event"]:
        return jnp.zeros((1, *self.event_shape))

    def standard_scale(self, h: Float[Array, "1 *event"]) -> Array:
        return self.sigma.value / self.scale.value


class NormalShared(Normal):
    """One learned standard deviation for all entries, in the data's units.

    With a linear decoder this is probabilistic PCA (Tipping & Bishop 1999).
    """

    name: ClassVar[str] = "normal-shared"

    shift: Constant
    scale: Constant
    log_sigma: Float[Array, ""]

    @classmethod
    def from_rows(cls, rows: np.ndarray, high: float | None, value: float | None) -> "NormalShared":
        shift, scale = _constants(rows)
        spread = jnp.sqrt(jnp.mean(scale.value**2))
        return cls(shift, scale, jnp.log(spread) + _FIRST_LOG_SCALE)

    @property
    def parameters(self) -> int:
        """The location."""
        return 1

    def initial(self, rows: np.ndarray) -> Float[Array, "1 *event"]:
        return jnp.zeros((1, *self.event_shape))

    def standard_scale(self, h: Float[Array, "1 *event"]) -> Array:
        return jnp.exp(self.log_sigma) / self.scale.value


class NormalPerFeature(Normal):
    """A learned standard deviation for each entry; with a linear decoder, factor analysis."""

    name: ClassVar[str] = "normal"

    shift: Constant
    scale: Constant
    log_scales: Float[Array, "*event"]

    @classmethod
    def from_rows(
        cls, rows: np.ndarray, high: float | None, value: float | None
    ) -> "NormalPerFeature":
        shift, scale = _constants(rows)
        return cls(shift, scale, on_device(np.full(shift.value.shape, _FIRST_LOG_SCALE)))

    @property
    def parameters(self) -> int:
        """The location."""
        return 1

    def initial(self, rows: np.ndarray) -> Float[Array, "1 *event"]:
        return jnp.zeros((1, *self.event_shape))

    def standard_scale(self, h: Float[Array, "1 *event"]) -> Array:
        return _learned(self.log_scales)


class NormalPredicted(Normal):
    """A standard deviation that the decoder predicts for each entry of each datum."""

    name: ClassVar[str] = "normal-predicted"

    shift: Constant
    scale: Constant

    @classmethod
    def from_rows(
        cls, rows: np.ndarray, high: float | None, value: float | None
    ) -> "NormalPredicted":
        return cls(*_constants(rows))

    @property
    def parameters(self) -> int:
        """The location and the logarithm of the scale."""
        return 2

    def initial(self, rows: np.ndarray) -> Float[Array, "2 *event"]:
        zeros = jnp.zeros(self.event_shape)
        return jnp.stack([zeros, zeros + _FIRST_LOG_SCALE])

    def standard_scale(self, h: Float[Array, "2 *event"]) -> Array:
        return _learned(h[1])


class StudentTDistribution(eqx.Module):
    """Student's t with ν degrees of freedom, about `loc` and in units of `scale`.

        p(x) = Γ((ν + 1)/2) / (Γ(ν/2) √(πν) scale) (1 + y²/ν)^(−(ν + 1)/2),  y = (x − loc)/scale

    NumPyro's takes the difference of two log-gamma functions, which in single precision is off by
    0.001 nats an entry at ν = 10⁴, and by 0.5 at 10⁶.
    """

    df: Float[Array, "*event"]
    loc: Float[Array, "*event"]
    scale: Float[Array, "*event"]

    @property
    def mean(self) -> Float[Array, "*event"]:
        """loc, for ν > 1."""
        return jnp.where(self.df > 1, self.loc, jnp.nan)

    @property
    def variance(self) -> Float[Array, "*event"]:
        """scale² ν / (ν − 2), infinite up to ν = 2."""
        more = jnp.where(self.df > 2, self.df - 2, 1.0)
        return jnp.where(self.df > 2, self.scale**2 * (self.df / more), inf)

    def log_prob(self, x: Float[Array, "*event"]) -> Float[Array, "*event"]:
        """log p(x), in nats."""
        half = self.df / 2
        y = (x - self.loc) / self.scale
        peak = log_gamma_ratio(half, jnp.full_like(half, 0.5)) - 0.5 * jnp.log(2 * jnp.pi * half)
        return peak - jnp.log(self.scale) - (half + 0.5) * jnp.log1p(y * (y / self.df))

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x: a normal whose precision is drawn from the gamma distribution."""
        from_normal, from_gamma = jax.random.split(key)
        half, loc, scale = (
            jnp.broadcast_to(each, (*sample_shape, *self.loc.shape))
            for each in (self.df / 2, self.loc, self.scale)
        )
        precision = jax.random.gamma(from_gamma, half) / half
        return loc + scale * jax.random.normal(from_normal, half.shape) / jnp.sqrt(precision)


class StudentT(Likelihood):
    """x ~ StudentT(ν, shift + scale · h, scale · s), ν > 2 and s learned for each entry."""

    name: ClassVar[str] = "student-t"
    kinds: ClassVar[tuple[str, ...]] = ("binary", "bounded", "count", "real")
    discrete: ClassVar[bool] = False

    shift: Constant
    scale: Constant
    log_scales: Float[Array, "*event"]
    raw_df: Float[Array, "*event"]

    @classmethod
    def from_rows(cls, rows: np.ndarray, high: float | None, value: float | None) -> "StudentT":
        shift, scale = _constants(rows)
        shape = shift.value.shape
        return cls(shift, scale, *(on_device(np.full(shape, at)) for at in (_FIRST_LOG_SCALE, 3.0)))

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of x."""
        return self.shift.value.shape

    @property
    def largest(self) -> float:
        """No bound."""
        return inf

    @property
    def parameters(self) -> int:
        """The location."""
        return 1

    def initial(self, rows: np.ndarray) -> Float[Array, "1 *event"]:
        return jnp.zeros((1, *self.event_shape))

    def __call__(self, h: Float[Array, "1 *event"]) -> StudentTDistribution:
        loc = self.shift.value + self.scale.value * h[0]
        df = 2.0 + jax.nn.softplus(self.raw_df)
        return StudentTDistribution(df, loc, self.scale.value * _learned(self.log_scales))
