"""A mixture of discretised logistics for pixels of three channels that depend on each other."""

from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from jensen._types import PRNGKey
from jensen.parts._rounded import rounded, rounded_terms
from jensen.parts.likelihoods._mixing import by_uniforms, chosen_by, log_sum, logit, overall
from jensen.parts.likelihoods.pixels import level_moments, log_probs_of_levels

__all__ = ["ColourMixtureDistribution"]

# Points at which the moments of green and blue are taken.
_POINTS = 256


def _channels(pixels: Float[Array, "*rest 3"]) -> list[Array]:
    """Red, green and blue, apart."""
    return [channel[0] for channel in jnp.split(jnp.moveaxis(pixels, -1, 0), 3)]


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
        so_far = log_sum(exponent, factor)
        found = []
        for channel in range(3):
            own, share = terms(channel, values[channel])
            joint = log_sum(exponent + own, factor * share)
            found.append(joint - so_far)
            if x is not given:
                own, share = terms(channel, before[channel] + 0.5 * self.n)
            exponent, factor = exponent + own, factor * share
            so_far = joint if x is given else log_sum(exponent, factor)
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
        # Where each channel lies without noise: what is taken off must not cancel.
        centre = self._pixel(self.loc, self.scale, self.coefficients, jnp.zeros(3))
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
        return overall(self.logits[..., None], mean, variance)

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
            which = chosen_by(self.logits, u[0])[..., None]
            every = (self.loc, self.scale, self.coefficients)
            loc, scale, by = (jnp.take_along_axis(each, which, axis=0)[0] for each in every)
            return self._pixel(loc, scale, by, logit(u[1:]))

        return by_uniforms(draw, key, sample_shape, (4, *self.logits.shape[1:]))
