"""Kinds of noise: p(x̃ | x), and what it leaves of p(x | z) once x̃ is seen.

Each kind answers, entry by entry, with log p(x̃ | z) = log ∫ p(x̃ | x) p(x | z) dx and with the
mean and variance of x given x̃ and z.
"""

from abc import abstractmethod
from math import ceil, log, log1p, pi, sqrt
from numbers import Real
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jax.nn import log_softmax, logsumexp, softmax
from jax.scipy.special import log_ndtr
from jaxtyping import Float

from jensen._types import PRNGKey
from jensen.errors import OptionError
from jensen.parts.likelihoods import (
    DiscretisedLogisticDistribution,
    Likelihood,
    LogisticMixtureDistribution,
    StudentTDistribution,
)

__all__ = [
    "Clean",
    "FlippedBits",
    "GaussianNoise",
    "Noise",
    "SaltAndPepper",
    "gaussian_noise_of",
    "parse_noise",
]


# Of so many numbers all are added up, however little the noise: where a decoder is wrong about a
# pixel, what noise makes of its level may be likelier than any level near the noisy one.
_LEVELS_OF_A_BYTE = 255
# Numbers added up side by side.
_TOGETHER = 16
# Sums of more are made block by block, and are too long to search by.
_MANY = 64
# log of a weight that is none, of which differences are still numbers.
_NOWHERE = -1e30
# A logistic of this scale has a variance of 1.
_UNIT_VARIANCE = sqrt(3) / pi
# How much of a logistic's rough density has its tails. A normal has none: one pixel that a decoder
# is wrong about would take a search further than all others together.
_TAILED = 0.1


class Clean(eqx.Module):
    """Of each entry, given z and its noisy value: log p(x̃ | z), E[x | x̃, z], Var[x | x̃, z]."""

    log_prob: Float[Array, "*event"]
    mean: Float[Array, "*event"]
    variance: Float[Array, "*event"]


class Noise(eqx.Module):
    """Independent noise on each entry."""

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]

    @abstractmethod
    def add(self, x: Float[Array, "*event"], key: PRNGKey) -> Float[Array, "*event"]:
        """A draw of x̃ ~ p(x̃ | x)."""

    @abstractmethod
    def clean(self, p: Any, noisy: Float[Array, "*event"], likelihood: Any) -> Clean:
        """What `noisy` says of x, where p = p(x | z) came from `likelihood`."""

    def adds_up_many(self, likelihood: Any) -> bool:
        """Whether `clean` adds up so many numbers for each entry that draws are taken in turns."""
        return False

    def is_rough(self, likelihood: Any) -> bool:
        """Whether z is searched for by a density that is near this one, and less work."""
        return False

    def log_prob(
        self, p: Any, noisy: Float[Array, "*event"], likelihood: Any
    ) -> Float[Array, "*event"]:
        """log p(x̃ | z) of each entry."""
        return self.clean(p, noisy, likelihood).log_prob

    def rough_log_prob(
        self, p: Any, noisy: Float[Array, "*event"], likelihood: Any
    ) -> Float[Array, "*event"]:
        """What is near log p(x̃ | z), where `is_rough`: to search z by, not to weigh it."""
        return self.log_prob(p, noisy, likelihood)


def _weigh(nodes: Array, log_weights: Array) -> Clean:
    """Sum over the first axis: the nodes that x may have been at."""
    return _pooled(Clean(log_weights, nodes, jnp.zeros_like(nodes)))


def _pooled(parts: Clean) -> Clean:
    """Of sets of nodes along the first axis, what all of them together say."""
    weights = softmax(parts.log_prob, axis=0)
    mean = jnp.sum(weights * parts.mean, axis=0)
    variance = jnp.sum(weights * (parts.variance + (parts.mean - mean[None]) ** 2), axis=0)
    return Clean(logsumexp(parts.log_prob, axis=0), mean, variance)


def _logistics(p: Any) -> tuple[Array, Array, Array] | None:
    """Log weights, locations and scales of the logistics, along the first axis, that p is made of;
    `None` where it is of none."""
    if isinstance(p, DiscretisedLogisticDistribution):
        logits, loc, scale = jnp.zeros_like(p.loc[None]), p.loc[None], p.scale[None]
    elif isinstance(p, LogisticMixtureDistribution):
        logits, loc, scale = p.logits, p.loc, p.scale
    else:
        return None
    # What lies beyond the ends is at them, and no variance on 0..n is larger than (n/2)².
    scale = jnp.minimum(scale, p.n * _UNIT_VARIANCE / 2)
    return log_softmax(logits, axis=0), jnp.clip(loc, 0.0, p.n), scale


def _log_laplace_and_normal(x: Array, scale: Array, sigma: float) -> Array:
    """log density of the sum of a Laplace variable and a normal one, both about 0."""
    side = lambda x: log_ndtr(x / sigma - sigma / scale) - x / scale
    return (sigma / scale) ** 2 / 2 - jnp.log(2 * scale) + jnp.logaddexp(side(x), side(-x))


class GaussianNoise(Noise):
    """x̃ = x + N(0, σ²), σ in the data's units. Numbers of any kind."""

    name: ClassVar[str] = "gaussian"
    kinds: ClassVar[tuple[str, ...]] = ("binary", "bounded", "count", "real")
    sigma: float = eqx.field(static=True)

    def __check_init__(self):
        """Refuse a σ that is none."""
        # Its square must be a number in single precision too.
        if not 1e-15 < self.sigma < 1e15:
            raise OptionError(
                f"noise=gaussian:{self.sigma}: sigma must be a number above 0, and below 1e15."
            )

    def add(self, x: Float[Array, "*event"], key: PRNGKey) -> Float[Array, "*event"]:
        return x + self.sigma * jax.random.normal(key, x.shape)

    def clean(self, p: Any, noisy: Float[Array, "*event"], likelihood: Any) -> Clean:
        if isinstance(p, dist.Normal):
            return self._of_normal(p.loc, p.scale**2, noisy)
        if isinstance(p, (dist.StudentT, StudentTDistribution)):
            return self._of_student(p, noisy)
        return self._of_whole_numbers(p, noisy, likelihood)

    def rough_log_prob(
        self, p: Any, noisy: Float[Array, "*event"], likelihood: Any
    ) -> Float[Array, "*event"]:
        if not self.is_rough(likelihood):
            return self.log_prob(p, noisy, likelihood)
        # In place of sums whose gradients would take minutes for one picture.
        logistics = _logistics(p)
        if logistics is None:
            return self._of_normal(p.mean, p.variance, noisy).log_prob
        log_weights, loc, scale = logistics
        off = noisy[None] - loc
        core = self._of_normal(loc, (scale / _UNIT_VARIANCE) ** 2, noisy[None]).log_prob
        # Where there is far more noise than that, it hides how the tails fall.
        tails = _log_laplace_and_normal(off, jnp.maximum(scale, self.sigma / 10), self.sigma)
        each = jnp.logaddexp(core + log1p(-_TAILED), tails + log(_TAILED))
        return logsumexp(log_weights + each, axis=0)

    def _of_normal(self, loc: Array, variance: Array, noisy: Array) -> Clean:
        total = variance + self.sigma**2
        gain = variance / total
        log_prob = dist.Normal(loc, jnp.sqrt(total)).log_prob(noisy)
        return Clean(log_prob, loc + gain * (noisy - loc), gain * self.sigma**2)

    def _of_student(self, p: Any, noisy: Array) -> Clean:
        # A Student-t is a normal whose precision is multiplied by g ~ Gamma(ν/2, ν/2). Over
        # log g the integrand is smooth and falls off on both sides, where the trapezoid rule
        # is all but exact; its width there is √(2/ν).
        half = p.df[..., None] / 2
        grid = jnp.broadcast_to(jnp.linspace(-9.0, 6.0, 61), (*p.df.shape, 61))
        log_g = grid / jnp.sqrt(half)
        # Up to a constant, and with no large terms to cancel.
        log_weight = half * (log_g - jnp.expm1(log_g))
        log_weight = log_weight - logsumexp(log_weight, axis=-1, keepdims=True)
        each = self._of_normal(
            p.loc[..., None], p.scale[..., None] ** 2 / jnp.exp(log_g), noisy[..., None]
        )
        log_weights = log_weight + each.log_prob
        weights = softmax(log_weights, axis=-1)
        mean = jnp.sum(weights * each.mean, axis=-1)
        second = each.variance + (each.mean - mean[..., None]) ** 2
        return Clean(logsumexp(log_weights, axis=-1), mean, jnp.sum(weights * second, axis=-1))

    def _numbers(self, largest: float) -> int:
        """How many whole numbers are added up: all, or five σ to either side, which hold all but
        a millionth of the noise."""
        reach = ceil(5 * self.sigma) + 1
        return int(largest) + 1 if largest <= max(2 * reach, _LEVELS_OF_A_BYTE) else 2 * reach + 1

    def adds_up_many(self, likelihood: Any) -> bool:
        whole = getattr(likelihood, "discrete", False)
        return whole and self._numbers(likelihood.largest) > _MANY

    def is_rough(self, likelihood: Any) -> bool:
        # Of somebody else's distribution no more is known than its log_prob and its draws.
        return isinstance(likelihood, Likelihood) and self.adds_up_many(likelihood)

    def _of_whole_numbers(self, p: Any, noisy: Array, likelihood: Any) -> Clean:
        largest = likelihood.largest
        count = self._numbers(largest)
        all_of_them = count == largest + 1
        nearest = jnp.clip(jnp.round(noisy), 0.0, largest)
        first = jnp.zeros_like(noisy) if all_of_them else nearest - count // 2

        def weighed(offset: Array) -> tuple[Array, Array]:
            node = first + offset
            inside = (node >= 0) & (node <= largest)
            safe = jnp.where(inside, node, 0.0)
            log_weight = p.log_prob(safe) + dist.Normal(safe, self.sigma).log_prob(noisy)
            return safe, jnp.where(inside, log_weight, _NOWHERE)

        def block(offsets: Array) -> Clean:
            return _weigh(*jax.vmap(weighed)(offsets))

        if self.adds_up_many(likelihood):
            # A mixture of each level, of all levels, would fill the memory.
            blocks = jnp.arange(float(-(-count // _TOGETHER) * _TOGETHER)).reshape(-1, _TOGETHER)
            return _pooled(jax.lax.map(block, blocks))
        if not (all_of_them and hasattr(p, "log_probs")):
            return block(jnp.arange(float(count)))
        # All at once they are less work than one by one.
        log_p = jnp.moveaxis(p.log_probs(), -1, 0)
        levels = jnp.arange(float(count)).reshape(-1, *(1,) * noisy.ndim)
        nodes = jnp.broadcast_to(levels, log_p.shape)
        return _weigh(nodes, log_p + dist.Normal(nodes, self.sigma).log_prob(noisy[None]))


class FlippedBits(Noise):
    """Each bit is the other one with probability `rate`. Binary data."""

    name: ClassVar[str] = "flip"
    kinds: ClassVar[tuple[str, ...]] = ("binary",)
    rate: float = eqx.field(static=True)

    def __check_init__(self):
        """Refuse a rate that is none, or that says the opposite of what it is given for."""
        if not 0 < self.rate < 0.5:
            raise OptionError(f"noise=flip:{self.rate}: the rate must be above 0 and below 0.5.")

    def add(self, x: Float[Array, "*event"], key: PRNGKey) -> Float[Array, "*event"]:
        return jnp.where(jax.random.bernoulli(key, self.rate, x.shape), 1.0 - x, x)

    def clean(self, p: Any, noisy: Float[Array, "*event"], likelihood: Any) -> Clean:
        nodes = jnp.stack([jnp.zeros_like(noisy), jnp.ones_like(noisy)])
        flipped = jnp.abs(nodes - noisy[None]) > 0.5
        log_noise = jnp.log(jnp.where(flipped, self.rate, 1 - self.rate))
        return _weigh(nodes, jax.vmap(p.log_prob)(nodes) + log_noise)


class SaltAndPepper(Noise):
    """With probability `rate` an entry is replaced, by `low` or `high` alike.

    `whole` says that the data are whole numbers, which lie at the extremes by themselves too;
    a density then stands for the probability of the cell of width one around each.
    """

    name: ClassVar[str] = "salt-and-pepper"
    kinds: ClassVar[tuple[str, ...]] = ("binary", "bounded", "count", "real")
    rate: float = eqx.field(static=True)
    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)
    whole: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        """Refuse a rate that is none."""
        if not 0 < self.rate < 1:
            raise OptionError(
                f"noise=salt-and-pepper:{self.rate}: the rate must be above 0 and below 1."
            )

    def add(self, x: Float[Array, "*event"], key: PRNGKey) -> Float[Array, "*event"]:
        which, where = jax.random.split(key)
        extreme = jnp.where(jax.random.bernoulli(which, 0.5, x.shape), self.high, self.low)
        return jnp.where(jax.random.bernoulli(where, self.rate, x.shape), extreme, x)

    def clean(self, p: Any, noisy: Float[Array, "*event"], likelihood: Any) -> Clean:
        extreme = (noisy == self.low) | (noisy == self.high)
        replaced = jnp.where(extreme, jnp.log(self.rate / 2), -jnp.inf)
        kept = jnp.log1p(-self.rate) + p.log_prob(noisy)
        if not self.whole:
            # A density puts nothing on a single point: what is at an extreme was put there.
            kept = jnp.where(extreme, -jnp.inf, kept)
        log_prob = jnp.logaddexp(kept, replaced)
        share = jnp.exp(kept - log_prob)
        mean = share * noisy + (1 - share) * p.mean
        variance = (1 - share) * p.variance + share * (1 - share) * (noisy - p.mean) ** 2
        return Clean(log_prob, mean, variance)


def parse_noise(
    noise: float | Real | str | Noise, low: float, high: float, whole: bool = True
) -> Noise:
    """A kind of noise from "gaussian:4", "flip:0.1" or "salt-and-pepper:0.1"; a number is σ.

    `low` and `high` are the data's range, which salt and pepper are; `whole` says whether the
    data are whole numbers. Raises `OptionError`.
    """
    if isinstance(noise, Noise):
        return noise
    is_number = isinstance(noise, Real) and not isinstance(noise, bool)
    text = f"gaussian:{noise}" if is_number else str(noise)
    name, _, number = text.partition(":")
    try:
        value = float(number)
    except ValueError:
        name = ""
    if name == "gaussian":
        return GaussianNoise(value)
    if name == "flip":
        return FlippedBits(value)
    if name == "salt-and-pepper":
        return SaltAndPepper(value, low, high, whole)
    raise OptionError(
        f"noise={noise!r} is unknown: give gaussian:SIGMA, flip:RATE or salt-and-pepper:RATE."
    )


def gaussian_noise_of(noisy: np.ndarray, clean: np.ndarray) -> GaussianNoise:
    """Gaussian noise of the σ that makes rows like `clean` as spread out as `noisy`.

    By moments: independent noise adds σ² to the mean square distance of every entry from its
    mean over the clean rows. Raises `OptionError` where the noisy rows are no further from it.
    """
    shift = clean.mean(axis=0, dtype=np.float64)
    added = np.mean((noisy - shift) ** 2) - np.mean((clean - shift) ** 2)
    if not added > 0:
        raise OptionError(
            "noise cannot be estimated: these rows vary no more than clean ones. Give it:"
            " noise='gaussian:SIGMA', 'flip:RATE' or 'salt-and-pepper:RATE'."
        )
    return GaussianNoise(float(np.sqrt(added)))
