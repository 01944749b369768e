"""Laws of whole numbers: counts, and numbers that were recorded in steps.

A column recorded in steps of δ comes as the number of steps, and each value stands for the
interval half a step to both sides, whose probability a continuous law gives:

    P(k) = F((k + ½ − μ) / s) − F((k − ½ − μ) / s)

The end values of a support take what lies beyond them.
"""

from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import log_sigmoid, sigmoid, softplus
from jax.scipy.special import log_ndtr, ndtr
from jaxtyping import Float

from jensen._types import Constant, PRNGKey
from jensen.parts._standardise import standardisation
from jensen.parts.columns._base import Facts, Law, LawDistribution, single
from jensen.parts.columns.real import LocationScale
from jensen.parts.likelihoods.counts import NegativeBinomial as CountLikelihood
from jensen.parts.likelihoods.counts import NegativeBinomialDistribution

__all__ = ["NegativeBinomial", "Rounded", "RoundedLogNormal"]

# A logistic's standard deviation is π/√3 of its scale.
_LOGISTIC = float(np.log(np.sqrt(3) / np.pi))
# Beyond it both ends of an interval are at infinity, and no number overflows.
_FAR = 1e4
# Cells summed one by one before the rest is an integral.
_CELLS = 16
# Up to here a whole number is exact in single precision.
_MOST = 2.0**24


def _log1mexp(y: Array) -> Array:
    """log(1 − e^−y) for y > 0."""
    small = y < 0.7
    return jnp.where(
        small,
        jnp.log(-jnp.expm1(-jnp.where(small, y, 0.5))),
        jnp.log1p(-jnp.exp(-jnp.where(small, 1.0, y))),
    )


class RoundedDistribution(LawDistribution):
    """A logistic variable, rounded to whole numbers from low to high.

        P(k) = σ(b) − σ(a) = σ(b) σ(−a) (1 − e^−(b−a)),  a, b = (k ∓ ½ − μ) / s

    of which the product has no difference of nearly equal numbers.
    """

    loc: Float[Array, " k"]
    scale: Float[Array, " k"]
    low: Float[Array, " k"]
    high: Float[Array, " k"]

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        first, last = x <= self.low, x >= self.high
        a = jnp.where(first, -_FAR, (x - 0.5 - self.loc) / self.scale)
        b = jnp.where(last, _FAR, (x + 0.5 - self.loc) / self.scale)
        width = jnp.where(first | last, _FAR, 1.0 / self.scale)
        return log_sigmoid(b) + log_sigmoid(-a) + _log1mexp(width)

    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        y = self.loc + self.scale * jax.random.logistic(key, self.loc.shape)
        return jnp.clip(jnp.rint(y), self.low, self.high)

    @property
    def mean(self) -> Float[Array, " k"]:
        """low + Σ P(X > k) from low up to high; where low is far, from far below the location."""
        far = jnp.rint(self.loc) - 40.0 * jnp.maximum(self.scale, 1.0)
        start = jnp.clip(jnp.rint(far), self.low, self.high)
        return start + self._beyond(start) - self._beyond(self.high)

    def _beyond(self, start: Array) -> Array:
        """Σ_k P(Y > k + ½) over whole k from `start` on."""
        above = lambda t: sigmoid((self.loc - t) / self.scale)
        # Sharp: all but a few terms about the location are 0 or 1.
        few = jnp.maximum(start, jnp.rint(self.loc) - 20.0)
        cells = jnp.arange(2 * 20 + 1, dtype=jnp.float32)[:, None] + 0.5
        sharp = few - start + jnp.sum(above(few[None] + cells), axis=0)
        # Smooth: the sum is the integral, and Euler's and Maclaurin's corrections at its end.
        end = start + float(_CELLS)
        first = jnp.sum(above(start[None] + cells[:_CELLS]), axis=0)
        p = above(end)
        slope = -p * (1 - p) / self.scale
        third = slope * (1 - 6 * p * (1 - p)) / self.scale**2
        rest = self.scale * softplus((self.loc - end) / self.scale)
        smooth = first + rest + slope / 24 - 7 * third / 5760
        return jnp.where(self.scale < 1.0, sharp, smooth)


class Rounded(LocationScale):
    """Whole numbers, of any sign, by a logistic that was rounded; heavier tails than a normal's."""

    name: ClassVar[str] = "rounded"
    discrete: ClassVar[bool] = True

    low: Constant
    high: Constant

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Law":
        ends = (single([each.low for each in facts]), single([each.high for each in facts]))
        seen = standardisation(cls.seen(rows))
        return cls(*map(Constant, seen), *(Constant(jnp.asarray(end)) for end in ends))

    def first_log_scale(self) -> float:
        """That of a logistic."""
        return super().first_log_scale() + _LOGISTIC

    def __call__(self, h: Float[Array, " size"]) -> LawDistribution:
        loc, scale = self.location_and_scale(h)
        return RoundedDistribution(loc, scale, self.low.value, self.high.value)


class RoundedLogNormalDistribution(LawDistribution):
    """A log-normal variable, rounded to whole numbers from low ≥ 0 to high.

    P(k) = Φ(b) − Φ(a) with a, b = (log(k ∓ ½) − μ) / s.
    """

    loc: Float[Array, " k"]
    scale: Float[Array, " k"]
    low: Float[Array, " k"]
    high: Float[Array, " k"]

    def _standard(self, edge: Array) -> Array:
        return (jnp.log(jnp.maximum(edge, 0.25)) - self.loc) / self.scale

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        first, last = x <= self.low, x >= self.high
        a, b = self._standard(x - 0.5), self._standard(x + 0.5)
        # On the side of the nearer tail, where both are small and their difference has digits.
        flip = a + b > 0
        low, high = jnp.where(flip, -b, a), jnp.where(flip, -a, b)
        width = jnp.maximum(high - low, 1e-30)
        narrow = width < 0.02
        middle = 0.5 * (low + high)
        # The density at the middle, and the next term of its series.
        density = (
            -0.5 * middle**2
            - 0.5 * float(np.log(2 * np.pi))
            + jnp.log(width)
            + (middle**2 - 1) * width**2 / 24
        )
        wide_low = jnp.where(narrow, high - 1.0, low)
        log_high, log_low = log_ndtr(high), log_ndtr(wide_low)
        between = log_high + _log1mexp(jnp.maximum(log_high - log_low, 1e-30))
        inside = jnp.where(narrow, density, between)
        return jnp.where(first, log_ndtr(b), jnp.where(last, log_ndtr(-a), inside))

    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        y = self.loc + self.scale * jax.random.normal(key, self.loc.shape)
        x = jnp.rint(jnp.exp(jnp.minimum(y, float(np.log(_MOST)))))
        return jnp.clip(x, self.low, self.high)

    @property
    def mean(self) -> Float[Array, " k"]:
        """low + Σ P(X > k), the first 64 terms one by one and the rest as an integral."""
        cells = jnp.arange(64.0)[:, None] + 0.5
        start = jnp.maximum(self.low, 0.0)
        above = lambda t: ndtr(-self._standard(t))
        first = jnp.sum(
            above(start[None] + cells) * (start[None] + cells < self.high[None]), axis=0
        )
        end = start + 64.0
        rest = self._excess(end) - self._excess(self.high)
        return start + first + jnp.where(end < self.high, rest, 0.0)

    def _excess(self, t: Array) -> Array:
        """∫ P(Y > u) du from t on: E[max(Y − t, 0)]."""
        at = -self._standard(t)
        log_mean = jnp.minimum(self.loc + self.scale**2 / 2, 60.0)
        return jnp.exp(log_mean) * ndtr(at + self.scale) - t * ndtr(at)


class RoundedLogNormal(Rounded):
    """Whole numbers from 0 up and skewed, by a log-normal that was rounded."""

    name: ClassVar[str] = "rounded-log-normal"
    logarithmic: ClassVar[bool] = True

    @classmethod
    def seen(cls, rows: np.ndarray) -> np.ndarray:
        """Nought stands for what lies below one half."""
        return np.log(np.maximum(rows, 0.25))

    def first_log_scale(self) -> float:
        """That of a normal."""
        return LocationScale.first_log_scale(self)

    def __call__(self, h: Float[Array, " size"]) -> LawDistribution:
        loc, scale = self.location_and_scale(h)
        return RoundedLogNormalDistribution(loc, scale, self.low.value, self.high.value)


class CountDistribution(LawDistribution):
    """A negative binomial, as the likelihood of that name has it, from `low` up."""

    counts: NegativeBinomialDistribution
    low: Float[Array, " k"]

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        return self.counts.log_prob(x - self.low)

    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        return self.low + self.counts.sample(key)

    @property
    def mean(self) -> Float[Array, " k"]:
        """low + μ."""
        return self.low + self.counts.mean


class NegativeBinomial(Law):
    """Counts: x − low ~ NegativeBinomial; h holds log μ and log r, as for the likelihood."""

    name: ClassVar[str] = "negative-binomial"
    discrete: ClassVar[bool] = True
    logarithmic: ClassVar[bool] = True

    likelihood: CountLikelihood
    low: Constant

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Law":
        low = single([max(each.low, 0.0) for each in facts])
        return cls(CountLikelihood(rows.shape[1:]), Constant(jnp.asarray(low)))

    @property
    def size(self) -> int:
        """Mean and concentration of each column."""
        return 2 * self.likelihood.event_shape[0]

    def initial(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.likelihood.initial(rows - np.asarray(self.low.value))).reshape(-1)

    def __call__(self, h: Float[Array, " size"]) -> CountDistribution:
        return CountDistribution(self.likelihood(h.reshape(2, -1)), self.low.value)
