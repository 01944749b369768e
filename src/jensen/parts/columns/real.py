"""Laws of real numbers: densities, in the unit of the column."""

from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import log_softmax, softplus
from jaxtyping import Float

from jensen._runtime import on_device
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


# Standard deviations, of which those beyond have a share of 2e-9.
_TICKS = np.linspace(-6.0, 6.0, 49)
# Of Student's t the hyperbolic sine of these is scales, up to 750: its tails are longer.
_STRETCHED = np.linspace(-7.3, 7.3, 49)


def _column(values: np.ndarray) -> Array:
    """Numbers as an array that stands beside columns, shape (nodes, 1)."""
    return jnp.asarray(values[:, None], jnp.float32)


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

    def nodes(self) -> tuple[Float[Array, "nodes k"], Float[Array, "nodes k"]]:
        ticks = _column(_TICKS)
        values = self.loc[None] + self.scale[None] * ticks
        return values, jnp.broadcast_to(log_softmax(-0.5 * ticks**2, axis=0), values.shape)


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

    def nodes(self) -> tuple[Float[Array, "nodes k"], Float[Array, "nodes k"]]:
        y, log_weights = self.log.nodes()
        return jnp.exp(jnp.clip(y, -_LARGEST_LOG, _LARGEST_LOG)), log_weights


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

    def nodes(self) -> tuple[Float[Array, "nodes k"], Float[Array, "nodes k"]]:
        ticks = _column(np.sinh(_STRETCHED))
        values = self.t.loc[None] + self.t.scale[None] * ticks
        df = self.t.df[None]
        log_density = -0.5 * (df + 1.0) * jnp.log1p(ticks**2 / df)
        return values, log_softmax(log_density + _column(np.log(np.cosh(_STRETCHED))), axis=0)


class StudentT(LocationScale):
    """x ~ StudentT(ν, loc, scale); ν > 2 is learned for each column."""

    name: ClassVar[str] = "student-t"
    discrete: ClassVar[bool] = False

    raw_df: Float[Array, " k"]

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Law":
        shift, scale = standardisation(rows)
        return cls(Constant(shift), Constant(scale), on_device(np.full(rows.shape[1], 3.0)))

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

    def nodes(self) -> tuple[Float[Array, "nodes k"], Float[Array, "nodes k"]]:
        """Even in t = log(x / μ), whose density is all but exp(−a (e^t − 1 − t))."""
        log_values, log_weights = gamma_nodes(self.log_mean, self.shape)
        return jnp.exp(jnp.clip(log_values, -_LARGEST_LOG, _LARGEST_LOG)), log_weights


def gamma_nodes(
    log_mean: Float[Array, " k"], shape: Float[Array, " k"]
) -> tuple[Float[Array, "nodes k"], Float[Array, "nodes k"]]:
    """Nodes of the logarithm of a gamma variable, in order, and the logarithms of their weights."""
    spread = 6.0 / jnp.sqrt(shape)
    first, last = -(spread + 4.0), jnp.log1p(spread + 20.0 / shape)
    # Of a large shape both ends are six deviations away.
    first = jnp.maximum(first, -(spread + 15.0 / shape))
    share = _column(np.linspace(0.0, 1.0, 65))
    away = first[None] + (last - first)[None] * share
    log_density = -shape[None] * (jnp.expm1(away) - away)
    # Below the first node the density falls as e^{at}, which is no step of the rule.
    step = (last - first)[None] / 64.0
    below = jnp.log(0.5 + 1.0 / (shape[None] * step))
    log_density += jnp.where(share == 0.0, jnp.maximum(below, 0.0), 0.0)
    return log_mean[None] + away, log_softmax(log_density, axis=0)


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
