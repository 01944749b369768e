"""Likelihoods of whole numbers between 0 and a known bound n."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import log_sigmoid, log_softmax, sigmoid, softmax
from jaxtyping import Float

from jensen._runtime import on_device
from jensen._types import PRNGKey
from jensen.parts._special import deviance, stirling_remainder
from jensen.parts.likelihoods._base import Likelihood

__all__ = [
    "Binomial",
    "BinomialDistribution",
    "Bounded",
    "Categorical",
    "bound_of",
    "mean_logit",
]

# Beyond this logit one of the probabilities is 1 in single precision, and log p a straight line.
_STRAIGHT = 30.0
# With no more trials than these it is faster to make them all (1.3 million draws on one core of a
# CPU: 0.15 s for n = 16, 0.40 s for 32, and some 0.8 s by JAX's rejection; NumPyro's takes 6.8 s).
_FEW_TRIALS = 32


def bound_of(rows: np.ndarray, high: float | None) -> int:
    """n: what is given, or the largest of the rows."""
    return int(high if high is not None else max(1.0, rows.max()))


class Bounded(Likelihood):
    """A likelihood on {0, ..., n}; n is the largest of the rows where it is not given."""

    kinds: ClassVar[tuple[str, ...]] = ("binary", "bounded")
    discrete: ClassVar[bool] = True

    event_shape: tuple[int, ...] = eqx.field(static=True)
    n: int = eqx.field(static=True)

    @classmethod
    def from_rows(cls, rows: np.ndarray, high: float | None, value: float | None) -> "Bounded":
        return cls(rows.shape[1:], bound_of(rows, high))

    @property
    def largest(self) -> float:
        """The bound."""
        return float(self.n)


class BinomialDistribution(eqx.Module):
    """The binomial with n trials of probability p = sigmoid(logit).

        p(x) = n! / (x! (n − x)!) p^x (1 − p)^(n − x)

    Taken as it stands, as NumPyro does, its terms cancel and leave an error of 0.01 nats at
    n = 10⁴ in single precision. In the form of Loader (2000, "Fast and accurate computation of
    binomial probabilities", eq. 4) nothing large is left to cancel:

        log p(x) = δ(n) − δ(x) − δ(n − x) − D(x, np) − D(n − x, n(1 − p)) − ½ log 2πx(n − x)/n

    with δ Stirling's remainder and D the deviance.
    """

    logit: Float[Array, "*event"]
    n: int = eqx.field(static=True)

    @property
    def mean(self) -> Float[Array, "*event"]:
        """n p."""
        return self.n * sigmoid(self.logit)

    @property
    def variance(self) -> Float[Array, "*event"]:
        """n p (1 − p)."""
        return self.n * sigmoid(self.logit) * sigmoid(-self.logit)

    def log_prob(self, x: Float[Array, "*event"]) -> Float[Array, "*event"]:
        """log p(x) of whole numbers x in 0..n, in nats."""
        n, near = self.n, jnp.clip(self.logit, -_STRAIGHT, _STRAIGHT)
        beyond = x * jnp.minimum(self.logit + _STRAIGHT, 0.0) - (n - x) * jnp.maximum(
            self.logit - _STRAIGHT, 0.0
        )
        yes, no = jnp.maximum(x, 1.0), jnp.maximum(n - x, 1.0)
        inside = (
            stirling_remainder(jnp.float32(n))
            - stirling_remainder(yes)
            - stirling_remainder(no)
            - deviance(yes, n * sigmoid(near))
            - deviance(no, n * sigmoid(-near))
            - 0.5 * jnp.log(2 * jnp.pi * yes * (no / n))
        )
        # At the ends there is one factor only.
        log_p, log_q = n * log_sigmoid(near), n * log_sigmoid(-near)
        return beyond + jnp.where(x > 0, jnp.where(x < n, inside, log_p), log_q)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x, as floats: trial by trial where n is small, else by rejection."""
        shape = (*sample_shape, *self.logit.shape)
        # Of the likelier side single precision would lose what lies near 1.
        logit = jnp.broadcast_to(self.logit, shape)
        rarer = sigmoid(-jnp.abs(logit))

        def trial(number: Array, count: Array) -> Array:
            # Nought would be below any probability, however small.
            uniform = jax.random.uniform(jax.random.fold_in(key, number), shape, minval=2.0**-24)
            return count + (uniform < rarer).astype(jnp.float32)

        if self.n <= _FEW_TRIALS:
            rare = jax.lax.fori_loop(0, self.n, trial, jnp.zeros(shape))
        else:
            rare = jax.random.binomial(key, float(self.n), rarer)
        found = jnp.where(logit > 0, self.n - rare, rare)
        return jnp.where(jnp.isnan(logit), logit, found)


class Binomial(Bounded):
    """x ~ Binomial(n, sigmoid(h)), on {0, ..., n}."""

    name: ClassVar[str] = "binomial"

    @property
    def parameters(self) -> int:
        """The logit."""
        return 1

    def initial(self, rows: np.ndarray) -> Float[Array, "1 *event"]:
        return on_device(mean_logit(rows, self.n)[None])

    def __call__(self, h: Float[Array, "1 *event"]) -> BinomialDistribution:
        return BinomialDistribution(h[0], self.n)


def mean_logit(rows: np.ndarray, n: int) -> np.ndarray:
    """logit of each entry's mean share of n, of one observation more that is half of n."""
    share = (rows.sum(0) + 0.5) / (n * len(rows) + 1.0)
    return np.log(share / (1 - share))


def _by_distribution_function(
    log_probs: Float[Array, "*event levels"], key: PRNGKey, sample_shape: tuple[int, ...]
) -> Array:
    """Draws of x in 0..n: how many of the levels a uniform number has passed."""
    below = jnp.cumsum(jnp.exp(log_probs[..., :-1]), axis=-1)
    u = jax.random.uniform(key, (*sample_shape, *log_probs.shape[:-1], 1))
    passed = u >= jnp.broadcast_to(below, (*sample_shape, *below.shape))
    return jnp.sum(passed, axis=-1).astype(jnp.float32)


class LevelsDistribution(eqx.Module):
    """A probability for each of the whole numbers 0..n, along the last axis of the logits."""

    logits: Float[Array, "*event levels"]

    @property
    def mean(self) -> Float[Array, "*event"]:
        """Σ_k k p(k)."""
        return softmax(self.logits) @ jnp.arange(self.logits.shape[-1], dtype=jnp.float32)

    @property
    def variance(self) -> Float[Array, "*event"]:
        """Σ_k (k − mean)² p(k)."""
        levels = jnp.arange(self.logits.shape[-1], dtype=jnp.float32)
        levels = jnp.broadcast_to(levels, self.logits.shape)
        return jnp.sum(softmax(self.logits) * (levels - self.mean[..., None]) ** 2, axis=-1)

    def log_probs(self) -> Float[Array, "*event levels"]:
        """log p of every number 0..n, along the last axis."""
        return log_softmax(self.logits)

    def log_prob(self, x: Float[Array, "*event"]) -> Float[Array, "*event"]:
        """log p(x) of whole numbers x in 0..n, in nats."""
        chosen = x.astype(jnp.int32)[..., None]
        return jnp.take_along_axis(self.log_probs(), chosen, axis=-1)[..., 0]

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x, as floats."""
        return _by_distribution_function(self.log_probs(), key, sample_shape)


class Categorical(Bounded):
    """x ~ Categorical(softmax(h)) over the n + 1 whole numbers 0..n, their order unused."""

    name: ClassVar[str] = "categorical"

    @property
    def parameters(self) -> int:
        """A logit for each level."""
        return self.n + 1

    def initial(self, rows: np.ndarray) -> Float[Array, "levels *event"]:
        counts = np.stack([(rows == level).sum(0) for level in range(self.n + 1)])
        share = (counts + 0.1) / (len(rows) + 0.1 * (self.n + 1))
        return on_device(np.log(share))

    def __call__(self, h: Float[Array, "levels *event"]) -> LevelsDistribution:
        return LevelsDistribution(jnp.moveaxis(h, 0, -1))
