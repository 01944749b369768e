"""The discretised logistic: grey values, whole numbers 0..n whose order counts.

The decoder speaks in units in which 0..n is −1..1, as Salimans et al. (2017) do: those of a
pixel's own spread would make a step of the optimiser in a pixel that is nearly always black a
step of less than a level.
"""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import sigmoid
from jaxtyping import Float

from jensen._runtime import on_device
from jensen._types import PRNGKey
from jensen.errors import OptionError
from jensen.parts._rounded import rounded, rounded_log_prob
from jensen.parts.likelihoods._base import parameters_of
from jensen.parts.likelihoods.bounded import Bounded

__all__ = [
    "MOST_LEVELS",
    "DiscretisedLogistic",
    "DiscretisedLogisticDistribution",
    "in_levels",
    "level_moments",
    "log_probs_of_levels",
    "require_few_levels",
    "start",
]

# In levels. A level in the middle of its cell has then a probability of 0.987, and a step to the
# next one costs 5 nats, each further one 10; a sharper one would learn from nothing but the levels
# at its edges.
_SMALLEST_SCALE = 0.1
# In half the range: beyond it only the ends have a probability to speak of.
_LARGEST_LOG_SCALE = 5.0
# Mean and variance are sums over all levels; pictures have eight bits, some sixteen.
MOST_LEVELS = 2**16
# Levels added up at a time, so that few of the sums are long.
_TOGETHER = 16
# Rows that are sorted for the start, which needs no more digits than so many give.
_SORTED = 4000
_LOGISTIC = float(np.sqrt(3) / np.pi)


def require_few_levels(name: str, n: int) -> None:
    """Raise `OptionError` where 0..n is more than can be added up."""
    if n >= MOST_LEVELS:
        raise OptionError(
            f"likelihood={name!r} adds up all levels, of which it takes {MOST_LEVELS:,}; these"
            f" rows have {n + 1:,}."
        )


def in_levels(loc: Array, log_scale: Array, n: int) -> tuple[Array, Array]:
    """Location and scale in levels, of the decoder's location and log scale."""
    scale = jnp.exp(jnp.minimum(log_scale, _LARGEST_LOG_SCALE))
    return 0.5 * n * (loc + 1.0), _SMALLEST_SCALE + 0.5 * n * scale


def level_moments(
    loc: Float[Array, "*shape"], scale: Float[Array, "*shape"], n: int
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Mean and variance on 0..n, as sums over all levels.

    About the level c that is nearest to the location, with d = k + ½ − c:

        E[X] − c     = Σ_{k≥c} P(X > k) − Σ_{k<c} P(X ≤ k)
        E[(X − c)²]  = Σ_{k≥c} 2d P(X > k) + Σ_{k<c} 2|d| P(X ≤ k)

    whose terms do not cancel, however far out the location lies.
    """
    centre = rounded(loc, 0.0, float(n))
    few = jnp.arange(float(_TOGETHER)).reshape(-1, *(1,) * loc.ndim)

    def add(block: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
        k = block.astype(loc.dtype) * _TOGETHER + few
        sign = jnp.where(k < centre[None], -1.0, 1.0)
        beyond = sigmoid(sign * (loc[None] - k - 0.5) / scale[None])
        beyond = jnp.where(k < n, beyond, 0.0)
        distance = jnp.abs(k + 0.5 - centre[None])
        return sums[0] + jnp.sum(sign * beyond, 0), sums[1] + jnp.sum(2 * distance * beyond, 0)

    blocks = -(-n // _TOGETHER)
    zero = jnp.zeros_like(loc)
    first, second = jax.lax.fori_loop(0, blocks, add, (zero, zero))
    return centre + first, second - first**2


def log_probs_of_levels(log_prob: Callable[[Array], Array], n: int) -> Array:
    """`log_prob`, a function of one level, at each of 0..n along a new last axis."""
    return jax.vmap(log_prob, out_axes=-1)(jnp.arange(n + 1.0))


class DiscretisedLogisticDistribution(eqx.Module):
    """A logistic variable about `loc` in units of `scale`, both in levels, rounded to 0..n.

        P(k) = σ((k + ½ − loc) / scale) − σ((k − ½ − loc) / scale)

    The values 0 and n take what lies beyond them (Salimans et al. 2017, eq. 2). NumPyro has none.
    """

    loc: Float[Array, "*event"]
    scale: Float[Array, "*event"]
    n: int = eqx.field(static=True)

    @property
    def mean(self) -> Float[Array, "*event"]:
        """Σ_k k P(k)."""
        return level_moments(self.loc, self.scale, self.n)[0]

    @property
    def variance(self) -> Float[Array, "*event"]:
        """Σ_k (k − mean)² P(k)."""
        return level_moments(self.loc, self.scale, self.n)[1]

    def log_prob(self, x: Float[Array, "*event"]) -> Float[Array, "*event"]:
        """log P(x) of whole numbers x in 0..n, in nats."""
        return rounded_log_prob(x, self.loc, self.scale, 0.0, float(self.n))

    def log_probs(self) -> Float[Array, "*event levels"]:
        """log P of every number 0..n, along a new last axis."""
        return log_probs_of_levels(lambda k: self.log_prob(jnp.full_like(self.loc, k)), self.n)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x, as floats."""
        shape = (*sample_shape, *self.loc.shape)
        loc, scale = (jnp.broadcast_to(each, shape) for each in (self.loc, self.scale))
        return rounded(loc + scale * jax.random.logistic(key, shape), 0.0, float(self.n))


class DiscretisedLogistic(Bounded):
    """x is a logistic variable, rounded to {0, ..., n}; location and scale are the decoder's.

    h holds the location, in units in which 0..n is −1..1, and the logarithm of the scale there.
    Salimans, Karpathy, Chen & Kingma (2017), "PixelCNN++", section 2.1; Kingma et al. (2016),
    "Improved variational inference with inverse autoregressive flow".
    """

    name: ClassVar[str] = "discretised-logistic"

    def __check_init__(self):
        """Refuse more levels than can be added up."""
        require_few_levels(self.name, self.n)

    @property
    def parameters(self) -> int:
        """The location and the logarithm of the scale."""
        return 2

    def initial(self, rows: np.ndarray) -> Float[Array, "2 *event"]:
        loc, log_scale = start(rows, self.n, 1)
        return on_device(np.concatenate([loc, log_scale]))

    def __call__(self, h: Float[Array, "2 *event"]) -> DiscretisedLogisticDistribution:
        loc, log_scale = parameters_of(h)
        return DiscretisedLogisticDistribution(*in_levels(loc, log_scale, self.n), self.n)


def start(rows: np.ndarray, n: int, components: int) -> tuple[np.ndarray, np.ndarray]:
    """Locations and log scales in the decoder's units, each of shape (components, *event).

    Each component begins with the mean and the spread of its share of each entry's values, from
    the least to the largest: all of them together have the mean of the rows.
    """
    values = np.sort(rows[:: -(-len(rows) // _SORTED)], axis=0).astype(np.float64)
    count = len(values) / components
    mean, square = (_means_of_shares(each, components) for each in (values, values**2))
    spread = _LOGISTIC * np.sqrt(np.maximum(square - mean**2, 0.0))
    # One part in n of an observation more, in the middle, keeps an end that all rows share from
    # being all there is.
    mean = n * (mean * count + 0.5) / (n * count + 1.0)
    # A sixty-fourth of the range: rows that were not seen are not far out of reach.
    scale = np.maximum(spread, max(0.5, n / 64))
    return 2 * _location(mean, scale, n) / n - 1, np.log(2 * (scale - _SMALLEST_SCALE) / n)


def _means_of_shares(values: np.ndarray, shares: int) -> np.ndarray:
    """Means of equal shares of rising values, shape (shares, *event); a value may be divided."""
    at = np.linspace(0, len(values), shares + 1)
    whole = np.minimum(at.astype(int), len(values) - 1)
    sums = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    part = (at - whole).reshape(-1, *(1,) * (values.ndim - 1))
    return np.diff(sums[whole] + part * values[whole], axis=0) * (shares / len(values))


def _location(mean: np.ndarray, scale: np.ndarray, n: int) -> np.ndarray:
    """The location at which what lies beyond the ends is moved there and the mean is this one.

    Of a variable that is not rounded it has a closed form: from

        mean / s = log(1 + e^(μ/s)) − log(1 + e^((μ−n)/s))

    follows μ = mean + s [log(1 − e^(−mean/s)) − log(1 − e^(−(n−mean)/s))]. To round moves the mean
    by Euler's and Maclaurin's correction at both ends, of which a few rounds take account.
    """
    target = mean
    for _ in range(5):
        below, above = (np.log(-np.expm1(-d / scale)) for d in (target, n - target))
        loc = target + scale * (below - above)
        ends = (1 / (1 + np.exp((end - loc) / scale)) for end in (0.0, float(n)))
        low, high = (p * (1 - p) / (24 * scale) for p in ends)
        target = np.clip(mean + low - high, 0.5 * mean, n - 0.5 * (n - mean))
    return loc
