"""Laws of real numbers: densities, in the unit of the column."""

from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import softplus
from jaxtyping import Float

from jensen._types import Constant, PRNGKey
from jensen.parts._special import stirling_remainder
from jensen.parts._standardise import standardisation
from jensen.parts.columns._base import Facts, Law, LawDistribution
from jensen.parts.likelihoods.real import StudentTDistribution

__all__ = ["Gamma", "LocationScale", "LogNormal", "Normal", "StudentT"]

# Of the scale's logarithm, in standard deviations of the column. Below the first a density says how
# the column was rounded and not what made it. Above the others, more than any rows ask for, a law
# is nearly flat; of logarithms it then has a mean far above all that was ever seen.
_LEAST_LOG_SCALE = -7.0
_MOST_LOG_SCALE, _MOST_OF_LOGARITHMS = 1.5, 0.4
# Locations bend towards so many standard deviations from the mean, and lie no further out.
_FARTHEST = 8.0
_LOG_SHAPE = (-3.0, 12.0)


class LocationScale(Law):
    """Laws with a location and a scale, both from the decoder and in the column's own spread.

    h holds all locations and then the logarithms of all scales.
    """

    # Where the scale starts: at what a model that explains half the variance leaves.
    first_log_scale: ClassVar[float] = -0.35

    shift: Constant
    scale: Constant

    @classmethod
    def seen(cls, rows: np.ndarray) -> np.ndarray:
        """The values by which location and scale are measured."""
        return np.log(rows) if cls.logarithmic else rows

    @property
    def size(self) -> int:
        """Location and scale of each column."""
        return 2 * len(self.shift.value)

    def initial(self, rows: np.ndarray) -> np.ndarray:
        return np.repeat([0.0, self.first_log_scale], rows.shape[1])

    def location_and_scale(self, h: Float[Array, " size"]) -> tuple[Array, Array]:
        """In the column's unit, or in that of its logarithm."""
        h0, h1 = h.reshape(2, -1)
        spread = self.scale.value
        most = _MOST_OF_LOGARITHMS if self.logarithmic else _MOST_LOG_SCALE
        loc = self.shift.value + spread * (_FARTHEST * jnp.tanh(h0 / _FARTHEST))
        return loc, spread * jnp.exp(jnp.clip(h1, _LEAST_LOG_SCALE, most))


class NormalDistribution(LawDistribution):
    """N(loc, scale²)."""

    loc: Float[Array, " k"]
    scale: Float[Array, " k"]

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        """−½ y² − log scale − ½ log 2π with y = (x − loc) / scale."""
        y = (x - self.loc) / self.scale
        return -0.5 * (y * y) - jnp.log(self.scale) - 0.5 * float(np.log(2 * np.pi))

    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        return self.loc + self.scale * jax.random.normal(key, self.loc.shape)

    @property
    def mean(self) -> Float[Array, " k"]:
        """loc."""
        return self.loc


class Normal(LocationScale):
    """x ~ N(loc, scale²)."""

    name: ClassVar[str] = "normal"
    discrete: ClassVar[bool] = False

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Law":
        return cls(*map(Constant, standardisation(cls.seen(rows))))

    def __call__(self, h: Float[Array, " size"]) -> NormalDistribution:
        return NormalDistribution(*self.location_and_scale(h))


class LogNormalDistribution(LawDistribution):
    """exp of a normal."""

    log: NormalDistribution

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        """Of x > 0: that of log x, less log x for the change of variable; else −∞."""
        y = jnp.log(jnp.where(x > 0, x, 1.0))
        return jnp.where(x > 0, self.log.log_prob(y) - y, -jnp.inf)

    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        return jnp.exp(jnp.minimum(self.log.sample(key), _LARGEST_LOG))

    @property
    def mean(self) -> Float[Array, " k"]:
        """exp(loc + scale² / 2)."""
        return jnp.exp(jnp.minimum(self.log.loc + self.log.scale**2 / 2, _LARGEST_LOG))


# exp of it is still a number in single precision, and exp of the second times any shape.
_LARGEST_LOG = 85.0
_FARTHEST_LOG = 70.0


class LogNormal(Normal):
    """log x ~ N(loc, scale²), of x > 0."""

    name: ClassVar[str] = "log-normal"
    logarithmic: ClassVar[bool] = True

    def __call__(self, h: Float[Array, " size"]) -> LogNormalDistribution:  # type: ignore[override]
        return LogNormalDistribution(NormalDistribution(*self.location_and_scale(h)))


class TDistribution(LawDistribution):
    """Student's t, as the likelihood of that name has it."""

    t: StudentTDistribution

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        return self.t.log_prob(x)

    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        return self.t.sample(key)

    @property
    def mean(self) -> Float[Array, " k"]:
        """loc; ν is above 2."""
        return self.t.loc


class StudentT(LocationScale):
    """x ~ StudentT(ν, loc, scale); ν > 2 is learned for each column."""

    name: ClassVar[str] = "student-t"
    discrete: ClassVar[bool] = False

    raw_df: Float[Array, " k"]

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Law":
        shift, scale = standardisation(rows)
        return cls(Constant(shift), Constant(scale), jnp.full(rows.shape[1], 3.0))

    def __call__(self, h: Float[Array, " size"]) -> TDistribution:
        loc, scale = self.location_and_scale(h)
        return TDistribution(StudentTDistribution(2.0 + softplus(self.raw_df), loc, scale))


class GammaDistribution(LawDistribution):
    """Gamma with mean μ and shape a: variance μ² / a.

        p(x) = (a/μ)^a x^(a−1) e^(−ax/μ) / Γ(a)

    in Loader's form, in which nothing large is left to cancel:

        log p(x) = −log x + ½ log(a / 2π) − δ(a) − a (e^t − 1 − t),  t = log(x/μ)

    with δ Stirling's remainder.
    """

    log_mean: Float[Array, " k"]
    shape: Float[Array, " k"]

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        """Of x > 0; else −∞."""
        is_positive = x > 0
        x = jnp.where(is_positive, x, 1.0)
        away = jnp.clip(jnp.log(x) - self.log_mean, -_FARTHEST_LOG, _FARTHEST_LOG)
        peak = 0.5 * jnp.log(self.shape / (2 * np.pi)) - stirling_remainder(self.shape)
        log_p = peak - jnp.log(x) - self.shape * (jnp.expm1(away) - away)
        return jnp.where(is_positive, log_p, -jnp.inf)

    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        log_gamma = jax.random.loggamma(key, self.shape)
        log_x = log_gamma - jnp.log(self.shape) + self.log_mean
        return jnp.exp(jnp.clip(log_x, -_LARGEST_LOG, _LARGEST_LOG))

    @property
    def mean(self) -> Float[Array, " k"]:
        """μ."""
        return jnp.exp(self.log_mean)


class Gamma(LocationScale):
    """x ~ Gamma of x > 0; h holds log μ, in the spread of log x, and the logarithm of the shape."""

    name: ClassVar[str] = "gamma"
    discrete: ClassVar[bool] = False
    logarithmic: ClassVar[bool] = True

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Law":
        return cls(*map(Constant, standardisation(cls.seen(rows))))

    def initial(self, rows: np.ndarray) -> np.ndarray:
        # var(log x) is 1/a for a shape that is not small; half of it is for the model.
        shape = np.clip(2 / np.maximum(np.log(rows).var(0), 1e-3), 0.1, 1e3)
        return np.concatenate([np.zeros(rows.shape[1]), np.log(shape)])

    def __call__(self, h: Float[Array, " size"]) -> GammaDistribution:
        h0, h1 = h.reshape(2, -1)
        log_mean = jnp.clip(self.shift.value + self.scale.value * h0, -60.0, 60.0)
        return GammaDistribution(log_mean, jnp.exp(jnp.clip(h1, *_LOG_SHAPE)))
