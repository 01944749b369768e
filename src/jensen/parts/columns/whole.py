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
from jax.lax import stop_gradient
from jax.nn import log_softmax, sigmoid, softplus
from jax.scipy.special import log_ndtr, ndtr
from jaxtyping import Float

from jensen._runtime import on_device
from jensen._types import Constant, PRNGKey
from jensen.parts._rounded import rounded, rounded_log_prob
from jensen.parts._special import log1mexp
from jensen.parts._standardise import standardisation
from jensen.parts.columns._base import Facts, Law, LawDistribution, single
from jensen.parts.columns.real import LocationScale, gamma_nodes
from jensen.parts.likelihoods.counts import NegativeBinomial as CountLikelihood
from jensen.parts.likelihoods.counts import NegativeBinomialDistribution

__all__ = ["NegativeBinomial", "Rounded", "RoundedLogNormal"]

# A logistic's standard deviation is π/√3 of its scale.
_LOGISTIC = float(np.log(np.sqrt(3) / np.pi))
# Ends of a support lie so many scales away, where there is nothing left and nothing overflows.
_FAR = 1e9
# Cells about the location that a mean sums one by one.
_CELLS = np.arange(64, dtype=np.float32) + 0.5
# The largest mean and the largest number drawn, e⁶⁰ = 10²⁶.
_LARGEST_LOG = 60.0
_HALF_LOG_TWO_PI = 0.5 * float(np.log(2 * np.pi))
# Below it three terms of the series of log Φ are exact to single precision.
_TAIL = -12.0
# An interval this wide has as many digits by the slope at its middle as by a difference.
_NARROW = 0.02
# Where nodes lie, in scales of a logistic and in standard deviations: closely where most of the
# share is, and further apart beyond, where groups hold less. Past the last there is one of 1e-7.
_LOGITS = np.concatenate(
    [[-16, -12, -9, -7, -5.6], np.linspace(-4.4, 4.4, 23), [5.6, 7, 9, 12, 16]]
)
_DEVIATIONS = np.concatenate(
    [[-6, -5, -4.2, -3.5, -3], np.linspace(-2.6, 2.6, 27), [3, 3.5, 4.2, 5, 6]]
)
# A share that is none.
_NOTHING = 1e-30


def _groups(
    values: Float[Array, "nodes k"],
) -> tuple[Float[Array, "nodes k"], Float[Array, "inner k"]]:
    """Whole numbers in order as groups of their neighbours: the middles, and the edges between.

    Equal ones share a group, and the others of them are empty. The first and the last group are
    open, and have no middle but the number itself.
    """
    values = stop_gradient(values)
    edges = jnp.floor(0.5 * (values[:-1] + values[1:])) + 0.5
    inner = 0.5 * (edges[:-1] + edges[1:])
    return jnp.concatenate([values[:1], inner, values[-1:]]), edges


def _shares(below: Float[Array, "inner k"]) -> Float[Array, "nodes k"]:
    """The logarithm of each group's share, from what lies below each edge."""
    up_to = jnp.pad(below, ((0, 1), (0, 0)), constant_values=1.0)
    return jnp.log(jnp.maximum(up_to - jnp.pad(below, ((1, 0), (0, 0))), _NOTHING))


class RoundedDistribution(LawDistribution):
    """A logistic variable, rounded to whole numbers from low to high; see `parts._rounded`."""

    loc: Float[Array, " k"]
    scale: Float[Array, " k"]
    low: Float[Array, " k"]
    high: Float[Array, " k"]

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        return rounded_log_prob(x, self.loc, self.scale, self.low, self.high)

    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        y = self.loc + self.scale * jax.random.logistic(key, self.loc.shape)
        return rounded(y, self.low, self.high)

    @property
    def mean(self) -> Float[Array, " k"]:
        """low + Σ P(X > k) from low up to high; where low is far, from far below the location."""
        far = jnp.rint(self.loc) - 40.0 * jnp.maximum(self.scale, 1.0)
        start = jnp.clip(jnp.rint(far), self.low, self.high)
        return start + self._beyond(start) - self._beyond(self.high)

    def nodes(self) -> tuple[Float[Array, "nodes k"], Float[Array, "nodes k"]]:
        y = self.loc[None] + self.scale[None] * jnp.asarray(_LOGITS[:, None], jnp.float32)
        middles, edges = _groups(jnp.clip(jnp.rint(y), self.low[None], self.high[None]))
        return middles, _shares(sigmoid((edges - self.loc[None]) / self.scale[None]))

    def _beyond(self, start: Array) -> Array:
        """Σ_k P(Y > k + ½) over whole k from `start` on."""
        above = lambda t: sigmoid((self.loc - t) / self.scale)
        # Sharp: all but a few terms about the location are 0 or 1.
        few = jnp.maximum(start, jnp.rint(self.loc) - 32.0)
        sharp = few - start + jnp.sum(jax.vmap(lambda cell: above(few + cell))(_CELLS), axis=0)
        # Smooth: the integral, and Euler's and Maclaurin's first corrections at its end.
        p = above(start)
        slope = -p * (1 - p) / self.scale
        third = slope * (1 - 6 * p * (1 - p)) / self.scale**2
        integral = self.scale * softplus((self.loc - start) / self.scale)
        smooth = integral + slope / 24 - 7 * third / 5760
        return jnp.where(self.scale < 1.0, sharp, smooth)


class Rounded(LocationScale):
    """Whole numbers, of any sign, by a logistic that was rounded; heavier tails than a normal's."""

    name: ClassVar[str] = "rounded"
    discrete: ClassVar[bool] = True

    first_log_scale: ClassVar[float] = LocationScale.first_log_scale + _LOGISTIC

    low: Constant
    high: Constant

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Law":
        # A logarithm's exponential has no value below nought.
        least = 0.0 if cls.logarithmic else -np.inf
        ends = (
            single([max(each.low, least) for each in facts]),
            single([each.high for each in facts]),
        )
        seen = standardisation(cls.seen(rows))
        return cls(*map(Constant, seen), *(Constant(on_device(end)) for end in ends))

    def __call__(self, h: Float[Array, " size"]) -> LawDistribution:
        loc, scale = self.location_and_scale(h)
        return RoundedDistribution(loc, scale, self.low.value, self.high.value)


def _log_ndtr(x: Array) -> Array:
    """log Φ(x); far out by its series, of which a gradient keeps its digits."""
    far = x < _TAIL
    y = jnp.where(far, x, _TAIL)
    inverse = 1.0 / (y * y)
    series = jnp.log1p(-inverse * (1 - 3 * inverse * (1 - 5 * inverse)))
    tail = -0.5 * (y * y) - jnp.log(-y) - _HALF_LOG_TWO_PI + series
    return jnp.where(far, tail, log_ndtr(jnp.where(far, 0.0, x)))


class RoundedLogNormalDistribution(LawDistribution):
    """A log-normal variable, rounded to whole numbers from low ≥ 0 to high.

    P(k) = Φ(b) − Φ(a) with a, b = (log(k ∓ ½) − μ) / s.
    """

    loc: Float[Array, " k"]
    scale: Float[Array, " k"]
    low: Float[Array, " k"]
    high: Float[Array, " k"]

    def _standard(self, edge: Array) -> Array:
        return (jnp.log(edge) - self.loc) / self.scale

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        first, last = x <= self.low, x >= self.high
        # Of large numbers the logarithms of both edges are the same in single precision.
        width = jnp.log1p(1.0 / (jnp.maximum(x, 1.0) - 0.5)) / self.scale
        upper = self._standard(jnp.maximum(x, 0.0) + 0.5)
        a, b = jnp.where(first, -_FAR, upper - width), jnp.where(last, _FAR, upper)
        width = jnp.where(first | last, _FAR, width)
        # On the side of the nearer tail, where both are small and their difference has digits.
        flip = a + b > 0
        low, high = jnp.where(flip, -b, a), jnp.where(flip, -a, b)
        log_high, log_low = _log_ndtr(high), _log_ndtr(low)
        # How much log Φ rises from one to the other; where they are near, by its slope at the
        # middle, which is off by a share of width² / 24 and not by the rounding of both.
        narrow = width < _NARROW
        middle = jnp.where(narrow, 0.5 * (low + high), 0.0)
        _, rise = jax.jvp(_log_ndtr, (middle,), (jnp.where(narrow, width, 1.0),))
        return log_high + log1mexp(jnp.where(narrow, rise, log_high - log_low))

    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        y = self.loc + self.scale * jax.random.normal(key, self.loc.shape)
        x = jnp.rint(jnp.exp(jnp.minimum(y, _LARGEST_LOG)))
        return jnp.clip(x, self.low, self.high)

    @property
    def mean(self) -> Float[Array, " k"]:
        """low + Σ P(X > k) from low up to high: 64 terms one by one, and an integral."""
        above = lambda t: ndtr(-self._standard(t))
        # Where the distribution is about as narrow as a step, the terms are those about its
        # middle; before them all are one. Where it is wide the integral is as good as the sum.
        middle = jnp.exp(jnp.minimum(self.loc, _LARGEST_LOG))
        sharp = self.scale * middle < 5.0
        few = jnp.where(sharp, jnp.rint(middle) - 32.0, self.low)
        few = jnp.clip(few, self.low, self.high)
        within = lambda t: jnp.where(t < self.high, above(t), 0.0)
        terms = jnp.sum(jax.vmap(lambda cell: within(few + cell))(_CELLS), axis=0)
        end = few + float(len(_CELLS))
        rest = self._up_to(jnp.maximum(self.high, end)) - self._up_to(end)
        return few + terms + rest

    def nodes(self) -> tuple[Float[Array, "nodes k"], Float[Array, "nodes k"]]:
        y = self.loc[None] + self.scale[None] * jnp.asarray(_DEVIATIONS[:, None], jnp.float32)
        x = jnp.rint(jnp.exp(jnp.minimum(y, _LARGEST_LOG)))
        middles, edges = _groups(jnp.clip(x, self.low[None], self.high[None]))
        return middles, _shares(jax.vmap(lambda edge: ndtr(self._standard(edge)))(edges))

    def _up_to(self, t: Array) -> Array:
        """∫ P(Y > u) du from 0 to t, which is E[min(Y, t)]; and Euler's correction for a sum."""
        z = self._standard(t)
        log_share = self.loc + self.scale**2 / 2 + _log_ndtr(z - self.scale)
        slope = jnp.exp(-0.5 * z**2 - _HALF_LOG_TWO_PI) / self.scale / t
        return jnp.exp(jnp.minimum(log_share, _LARGEST_LOG)) + t * ndtr(-z) + slope / 24


class RoundedLogNormal(Rounded):
    """Whole numbers from 0 up and skewed, by a log-normal that was rounded."""

    name: ClassVar[str] = "rounded-log-normal"
    logarithmic: ClassVar[bool] = True
    first_log_scale: ClassVar[float] = LocationScale.first_log_scale

    @classmethod
    def seen(cls, rows: np.ndarray) -> np.ndarray:
        """Nought stands for what lies below one half."""
        return np.log(np.maximum(rows, 0.25))

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

    def nodes(self) -> tuple[Float[Array, "nodes k"], Float[Array, "nodes k"]]:
        """The first whole numbers, and those about a gamma's of the same mean and variance."""
        mean, r = self.counts.mean, self.counts.concentration
        far, _ = gamma_nodes(jnp.log(mean), mean / (1.0 + mean / r))
        few = jnp.broadcast_to(jnp.arange(17.0)[:, None], (17, len(mean)))
        far = jnp.rint(jnp.exp(jnp.minimum(far, _LARGEST_LOG)))
        middles, edges = _groups(jnp.sort(jnp.concatenate([few, far]), axis=0))
        edges = jnp.concatenate([middles[:1] - 0.5, edges, middles[-1:] + 0.5])
        widths = jnp.maximum(jnp.diff(edges, axis=0), _NOTHING)
        log_p = jax.vmap(self.counts.log_prob)(middles)
        return self.low[None] + middles, log_softmax(log_p + jnp.log(widths), axis=0)


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
        return cls(CountLikelihood(rows.shape[1:]), Constant(on_device(low)))

    @property
    def size(self) -> int:
        """Mean and concentration of each column."""
        return 2 * self.likelihood.event_shape[0]

    def initial(self, rows: np.ndarray) -> np.ndarray:
        above = np.maximum(rows - np.asarray(self.low.value), 0.0)
        return np.asarray(self.likelihood.initial(above)).reshape(-1)

    def __call__(self, h: Float[Array, " size"]) -> CountDistribution:
        return CountDistribution(self.likelihood(h.reshape(2, -1)), self.low.value)
