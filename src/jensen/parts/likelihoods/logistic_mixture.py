"""Mixtures of discretised logistics: of grey values one an entry, of colours one a pixel."""

from functools import lru_cache
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import stop_gradient
from jax.nn import logsumexp, softmax
from jaxtyping import Float

from jensen._types import PRNGKey
from jensen.errors import OptionError
from jensen.parts._rounded import rounded, rounded_terms
from jensen.parts.likelihoods._base import Likelihood
from jensen.parts.likelihoods.bounded import bound_of
from jensen.parts.likelihoods.pixels import (
    in_levels,
    level_moments,
    log_probs_of_levels,
    require_few_levels,
    start,
)

__all__ = ["ColourMixtureDistribution", "LogisticMixture", "LogisticMixtureDistribution"]

_COMPONENTS = 10
_MOST_COMPONENTS = 100
# Of a uniform number: its logit is a number, and the one of what is left too.
_LEAST = 2.0**-24
# Points at which the moments of green and blue are taken.
_POINTS = 256


def _log_sum(exponent: Float[Array, "k *rest"], factor: Float[Array, "k *rest"]) -> Array:
    """log Σ e^exponent · factor over the first axis: one logarithm, whatever the components."""
    top = stop_gradient(jnp.max(exponent, axis=0))
    return top + jnp.log(jnp.sum(jnp.exp(exponent - top[None]) * factor, axis=0))


def _overall(logits: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
    """Mean and variance of a mixture, from those of its components along the first axis."""
    weights = softmax(logits, axis=0)
    centre = jnp.sum(weights * mean, axis=0)
    return centre, jnp.sum(weights * (variance + (mean - centre[None]) ** 2), axis=0)


def _chosen(logits: Float[Array, "k *rest"], u: Float[Array, "*rest"]) -> Array:
    """A component for each uniform number, along a new first axis of length one."""
    below = jnp.cumsum(softmax(logits, axis=0), axis=0)[:-1]
    return jnp.sum(u[None] >= below, axis=0, keepdims=True)


def _channels(pixels: Float[Array, "*rest 3"]) -> list[Array]:
    """Red, green and blue, apart."""
    return [channel[0] for channel in jnp.split(jnp.moveaxis(pixels, -1, 0), 3)]


def _logit(u: Array) -> Array:
    return jnp.log(u) - jnp.log1p(-u)


def _by_uniforms(
    draw: Any, key: PRNGKey, sample_shape: tuple[int, ...], shape: tuple[int, ...]
) -> Array:
    """Draws by a function of uniform numbers of a shape, all of them drawn in one place."""
    u = jax.random.uniform(key, (int(np.prod(sample_shape)), *shape), minval=_LEAST)
    drawn = jax.vmap(draw)(u)
    return drawn.reshape(*sample_shape, *drawn.shape[1:])


class LogisticMixtureDistribution(eqx.Module):
    """Σ_j w_j P_j(x) of discretised logistics on 0..n, each entry with its own.

    `loc` and `scale` are in levels; w = softmax(logits) along the first axis.
    """

    logits: Float[Array, "components *event"]
    loc: Float[Array, "components *event"]
    scale: Float[Array, "components *event"]
    n: int = eqx.field(static=True)

    def _moments(self) -> tuple[Array, Array]:
        return _overall(self.logits, *level_moments(self.loc, self.scale, self.n))

    @property
    def mean(self) -> Float[Array, "*event"]:
        """Σ_k k P(k)."""
        return self._moments()[0]

    @property
    def variance(self) -> Float[Array, "*event"]:
        """Σ_k (k − mean)² P(k)."""
        return self._moments()[1]

    def log_prob(self, x: Float[Array, "*event"]) -> Float[Array, "*event"]:
        """log P(x) of whole numbers x in 0..n, in nats."""
        exponent, factor = rounded_terms(x[None], self.loc, self.scale, 0.0, float(self.n))
        return _log_sum(self.logits + exponent, factor) - logsumexp(self.logits, axis=0)

    def log_probs(self) -> Float[Array, "*event levels"]:
        """log P of every number 0..n, along a new last axis."""
        blank = jnp.zeros_like(self.loc[0])
        return log_probs_of_levels(lambda k: self.log_prob(blank + k), self.n)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x, as floats: first a component of each entry, then from it."""

        def draw(u: Array) -> Array:
            which = _chosen(self.logits, u[0])
            loc, scale = (
                jnp.take_along_axis(each, which, axis=0)[0] for each in (self.loc, self.scale)
            )
            return rounded(loc + scale * _logit(u[1]), 0.0, float(self.n))

        return _by_uniforms(draw, key, sample_shape, (2, *self.loc.shape[1:]))


@lru_cache
def _points() -> np.ndarray:
    """Three standard logistic variables at points that fill the cube evenly.

    Multiples of the powers of the root of φ⁴ = φ + 1 modulo one (Roberts 2018, "The unreasonable
    effectiveness of quasirandom sequences"), stretched to a logistic's mean and covariance.
    """
    root = 1.2207440846057596
    u = (0.5 + np.outer(np.arange(1, _POINTS + 1), root ** -np.arange(1.0, 4.0))) % 1.0
    z = np.log(u) - np.log1p(-u)
    z -= z.mean(axis=0)
    covariance = z.T @ z / _POINTS
    z = z @ np.linalg.inv(np.linalg.cholesky(covariance)).T
    return (z * (np.pi / np.sqrt(3))).astype(np.float32)


class ColourMixtureDistribution(eqx.Module):
    """Pixels (r, g, b) of whole numbers 0..n from mixtures whose channels depend on each other.

    With w = softmax(logits) of a pixel's components and c = n / 2,

        p(r, g, b) = Σ_j w_j P_j(r) P_j(g | r) P_j(b | r, g)

    of discretised logistics about μ_r, μ_g + α (r − c) and μ_b + β (r − c) + γ (g − c), where
    α, β, γ in (−1, 1) are a component's own (Salimans et al. 2017, section 2.2, eq. 3).

    `loc`, `scale` in levels and `coefficients`, (components, height, width, 3), of which the last
    are α, β, γ in this order.
    """

    logits: Float[Array, "components height width"]
    loc: Float[Array, "components height width 3"]
    scale: Float[Array, "components height width 3"]
    coefficients: Float[Array, "components height width 3"]
    n: int = eqx.field(static=True)

    def _log_probs_of(self, x: Array, given: Array) -> Array:
        """log p of x in each channel, where the channels before it are as in `given`."""
        # Channel by channel: in steps of three, as they lie in memory, a CPU takes exponentials one
        # by one, which is five times slower.
        red, green, _ = before = _channels(given - 0.5 * self.n)
        alpha, beta, gamma = _channels(self.coefficients)
        moved = (
            jnp.zeros_like(alpha),
            alpha * red[None],
            beta * red[None] + gamma * green[None],
        )
        locs, scales, values = _channels(self.loc), _channels(self.scale), _channels(x)

        def terms(channel: int, x: Array) -> tuple[Array, Array]:
            loc = locs[channel] + moved[channel]
            return rounded_terms(x[None], loc, scales[channel], 0.0, float(self.n))

        exponent, factor = self.logits, jnp.ones_like(self.logits)
        so_far = _log_sum(exponent, factor)
        found = []
        for channel in range(3):
            own, share = terms(channel, values[channel])
            joint = _log_sum(exponent + own, factor * share)
            found.append(joint - so_far)
            if x is not given:
                own, share = terms(channel, before[channel] + 0.5 * self.n)
            exponent, factor = exponent + own, factor * share
            so_far = joint if x is given else _log_sum(exponent, factor)
        return jnp.stack(found, axis=-1)

    def log_prob(self, x: Float[Array, "height width 3"]) -> Float[Array, "height width 3"]:
        """log p(r), log p(g | r) and log p(b | r, g), in nats; their sum is that of the pixel."""
        return self._log_probs_of(x, x)

    def conditional_log_probs(
        self, x: Float[Array, "height width 3"]
    ) -> Float[Array, "height width 3 levels"]:
        """log p of every number 0..n, given the channels of x before it, along a new last axis.

        Of x green's need its red, and blue's its red and green; what a decoder has not read yet
        may be anything in 0..n.
        """
        return log_probs_of_levels(lambda k: self._log_probs_of(jnp.full_like(x, k), x), self.n)

    def _pixel(self, loc: Array, scale: Array, coefficients: Array, z: Any) -> Array:
        """Values of the three channels, of three standard logistic variables."""
        middle = 0.5 * self.n
        value = lambda at, s, z: rounded(at + s * z, 0.0, float(self.n))
        (at_r, at_g, at_b), (s_r, s_g, s_b) = _channels(loc), _channels(scale)
        alpha, beta, gamma = _channels(coefficients)
        red = value(at_r, s_r, z[0])
        green = value(at_g + alpha * (red - middle), s_g, z[1])
        blue = value(at_b + beta * (red - middle) + gamma * (green - middle), s_b, z[2])
        return jnp.stack([red, green, blue], axis=-1)

    def _moments(self) -> tuple[Array, Array]:
        centre = rounded(self.loc, 0.0, float(self.n))
        points = jnp.asarray(_points())

        def add(sums: tuple[Array, Array], z: Array) -> tuple[tuple[Array, Array], None]:
            away = self._pixel(self.loc, self.scale, self.coefficients, z) - centre
            return (sums[0] + away, sums[1] + away**2), None

        zero = jnp.zeros_like(self.loc)
        (first, second), _ = jax.lax.scan(add, (zero, zero), points)
        first, second = first / _POINTS, second / _POINTS
        red_mean, red_variance = level_moments(self.loc[..., 0], self.scale[..., 0], self.n)
        mean = (centre + first).at[..., 0].set(red_mean)
        variance = (second - first**2).at[..., 0].set(red_variance)
        return _overall(self.logits[..., None], mean, variance)

    @property
    def mean(self) -> Float[Array, "height width 3"]:
        """E[x] of each channel: of red a sum over all levels.

        Of green and blue, whose sums would have n² and n³ terms, the mean over 256 evenly spread
        points of every component. They have the mean and the covariance of the noise, so that all
        but what the ends of 0..n cut off and what is rounded is exact; that errs by some hundredths
        of the component's standard deviation.
        """
        return self._moments()[0]

    @property
    def variance(self) -> Float[Array, "height width 3"]:
        """Var[x] of each channel, as exact as the mean."""
        return self._moments()[1]

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x, as floats: a component of each pixel, then r, g given r, b given both."""

        def draw(u: Array) -> Array:
            which = _chosen(self.logits, u[0])[..., None]
            every = (self.loc, self.scale, self.coefficients)
            loc, scale, by = (jnp.take_along_axis(each, which, axis=0)[0] for each in every)
            return self._pixel(loc, scale, by, _logit(u[1:]))

        return _by_uniforms(draw, key, sample_shape, (4, *self.logits.shape[1:]))


class LogisticMixture(Likelihood):
    """x is of a mixture of discretised logistics on {0, ..., n}: "logistic-mixture:5" has five.

    Salimans, Karpathy, Chen & Kingma (2017), "PixelCNN++", sections 2.1 and 2.2. A number behind
    the name says how many components, 1 to 100, without one they are 10.

    Entries have mixtures of their own, and h holds K logits, then K locations in units in which
    0..n is −1..1, then the logarithms of K scales there.

    In events of shape (height, width, 3) the last axis is taken for red, green and blue: a pixel's
    channels share the component, whose logits are the sums of theirs, and depend on each other
    linearly, by K coefficients more of each entry, the inverse hyperbolic tangents of α in the red
    ones, of β in the green and of γ in the blue; see `ColourMixtureDistribution`. The term of an
    entry is then log p of a channel given those before it. So a pixel's channels are to be missing
    together or not at all: where one alone is, the terms of those behind it are not given what
    was seen, but zero.
    """

    name: ClassVar[str] = "logistic-mixture"
    kinds: ClassVar[tuple[str, ...]] = ("binary", "bounded")
    discrete: ClassVar[bool] = True
    takes_value: ClassVar[bool] = True

    event_shape: tuple[int, ...] = eqx.field(static=True)
    n: int = eqx.field(static=True)
    components: int = eqx.field(static=True, default=_COMPONENTS)

    @classmethod
    def from_rows(
        cls, rows: np.ndarray, high: float | None, value: float | None
    ) -> "LogisticMixture":
        count = float(_COMPONENTS if value is None else value)
        if not (count.is_integer() and 1 <= count <= _MOST_COMPONENTS):
            raise OptionError(
                f"likelihood='{cls.name}:{value}': give a whole number of components, 1 to"
                f" {_MOST_COMPONENTS}."
            )
        return cls(rows.shape[1:], bound_of(rows, high), int(count))

    def __check_init__(self):
        """Refuse more levels than can be added up."""
        require_few_levels(self.name, self.n)

    @property
    def couples_entries(self) -> bool:
        """Whether entries depend on each other given h, as the channels of a colour do."""
        return len(self.event_shape) == 3 and self.event_shape[-1] == 3

    @property
    def largest(self) -> float:
        """The bound."""
        return float(self.n)

    @property
    def parameters(self) -> int:
        """Logit, location and log scale of each component; of colours a coefficient more."""
        return (4 if self.couples_entries else 3) * self.components

    def initial(self, rows: np.ndarray) -> Float[Array, "parameters *event"]:
        loc, log_scale = start(rows, self.n, self.components)
        # Equal weights; of colours no coupling to begin with.
        none = [np.zeros_like(loc)]
        parts = [*none, loc, log_scale, *(none if self.couples_entries else [])]
        return jnp.asarray(np.concatenate(parts), dtype=jnp.float32)

    def __call__(
        self, h: Float[Array, "parameters *event"]
    ) -> LogisticMixtureDistribution | ColourMixtureDistribution:
        logits, h0, h1, *coupling = jnp.split(h, len(h) // self.components)
        loc, scale = in_levels(h0, h1, self.n)
        if not coupling:
            return LogisticMixtureDistribution(logits, loc, scale, self.n)
        (raw,) = coupling
        return ColourMixtureDistribution(
            jnp.sum(logits, axis=-1), loc, scale, jnp.tanh(raw), self.n
        )
