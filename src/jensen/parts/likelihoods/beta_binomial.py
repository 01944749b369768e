"""The beta-binomial: whole numbers between 0 and a known bound, spread more than a binomial's."""

from functools import lru_cache, partial
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import log_sigmoid, sigmoid
from jaxtyping import Float
from scipy.special import gammaln

from jensen._runtime import on_device
from jensen._types import PRNGKey
from jensen.parts._special import log_gamma_ratio
from jensen.parts.likelihoods._base import parameters_of
from jensen.parts.likelihoods.bounded import Bounded, mean_logit

__all__ = ["BetaBinomial", "BetaBinomialDistribution"]

# Up to this bound a beta-binomial's products are multiplied out, which is exact and, having
# few logarithms, also faster than the gamma functions that longer products need.
_LONGEST_PRODUCT = 64
# Factors multiplied before a logarithm is taken: three of the smallest, e⁻¹² each, stay well
# above the smallest single-precision number.
_GROUP = 3
_LOG_DISPERSION = (-12.0, 6.0)


@lru_cache
def _log_choices(n: int) -> np.ndarray:
    """log C(n, x) for x = 0..n, in double precision before it is rounded."""
    x = np.arange(n + 1.0)
    return (gammaln(n + 1.0) - gammaln(x + 1.0) - gammaln(n - x + 1.0)).astype(np.float32)


def _shares(logit: Array) -> tuple[Array, Array, Array]:
    """m = sigmoid(logit), 1 − m, and −log of the larger one, from one exponential."""
    ratio = jnp.exp(-jnp.abs(logit))
    larger = 1.0 / (1.0 + ratio)
    smaller = ratio * larger
    is_likely = logit >= 0
    yes, no = jnp.where(is_likely, larger, smaller), jnp.where(is_likely, smaller, larger)
    return yes, no, jnp.log1p(ratio)


def _products(n: int, logit: Array, theta: Array, x: Array) -> tuple[Array, Array, Array]:
    """log of the beta-binomial's three products, and its derivatives by logit and by θ.

    The factors of the first two products stand in one row, j = 0 ... n − 1: m + jθ while j < x,
    and 1 − m + (j − x)θ from then on. A loop over a few of them at a time keeps what it adds up
    near the processor: written out or laid along an axis, they take twice as long to compile and,
    on a few hundred rows, three times as long to run.
    """
    yes, no, log_larger = _shares(logit)
    # The factors j = 0 and j = x by their logarithms, since m alone may underflow.
    first = jnp.where(x > 0, jnp.minimum(logit, 0.0) - log_larger, 0.0)
    last = jnp.where(x < n, jnp.minimum(-logit, 0.0) - log_larger, 0.0)

    def add(group: Array, carry: tuple[Array, ...]) -> tuple[Array, ...]:
        log_product, by_yes, by_no, by_theta = carry
        product = jnp.ones_like(yes)
        for place in range(_GROUP):
            j = (group * _GROUP + place + 1).astype(theta.dtype)
            of_yes, within = j < x, j < n
            counts = within & (j != x)
            k = jnp.where(of_yes, j, j - x)
            factor = jnp.where(counts, jnp.where(of_yes, yes, no) + k * theta, 1.0)
            below = jnp.where(within, 1.0 / (1.0 + j * theta), 1.0)
            above = jnp.where(counts, 1.0 / factor, 0.0)
            product = product * factor * below
            by_yes = by_yes + jnp.where(of_yes, above, 0.0)
            by_no = by_no + jnp.where(of_yes, 0.0, above)
            by_theta = by_theta + k * above - jnp.where(within, j * below, 0.0)
        return log_product + jnp.log(product), by_yes, by_no, by_theta

    zero = jnp.zeros_like(yes)
    groups = -(-(n - 1) // _GROUP)
    log_product, by_yes, by_no, by_theta = jax.lax.fori_loop(
        0, groups, add, (first + last, zero, zero, zero)
    )
    ends = jnp.where(x > 0, no, 0.0) - jnp.where(x < n, yes, 0.0)
    return log_product, ends + yes * no * (by_yes - by_no), by_theta


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _log_products(n: int, logit: Array, theta: Array, x: Array) -> Array:
    """log of the beta-binomial's three products."""
    return _products(n, logit, theta, x)[0]


@_log_products.defjvp
def _log_products_jvp(n: int, primals: Any, tangents: Any) -> tuple[Array, Array]:
    # Left to itself the loop would keep every partial product for the way back.
    log_product, by_logit, by_theta = _products(n, *primals)
    return log_product, by_logit * tangents[0] + by_theta * tangents[1]


class BetaBinomialDistribution(eqx.Module):
    """The beta-binomial with mean n m, m = sigmoid(logit), and dispersion θ.

    With α = m / θ and β = (1 − m) / θ,

        p(x) = C(n, x) B(α + x, β + n − x) / B(α, β)
             = C(n, x) Π_{k<x} (m + kθ) Π_{k<n−x} (1 − m + kθ) / Π_{k<n} (1 + kθ)

    and the binomial is its limit at θ = 0. NumPyro's takes differences of beta functions,
    which in single precision are off by 0.01 nats an entry at α + β = 10⁴, and by 1 at 10⁶.
    """

    logit: Float[Array, "*event"]
    dispersion: Float[Array, "*event"]
    n: int = eqx.field(static=True)

    @property
    def mean(self) -> Float[Array, "*event"]:
        """n m."""
        return self.n * sigmoid(self.logit)

    @property
    def variance(self) -> Float[Array, "*event"]:
        """n m (1 − m) (1 + (n − 1) θ / (1 + θ))."""
        binomial = self.n * sigmoid(self.logit) * sigmoid(-self.logit)
        return binomial * (1 + (self.n - 1) * self.dispersion / (1 + self.dispersion))

    def log_prob(self, x: Float[Array, "*event"]) -> Float[Array, "*event"]:
        """log p(x) of whole numbers x in 0..n, in nats."""
        choices = jnp.asarray(_log_choices(self.n))[x.astype(jnp.int32)]
        if self.n > _LONGEST_PRODUCT:
            total = log_gamma_ratio(1 / self.dispersion, jnp.float32(self.n))
            yes, no = self._log_rising(self.logit, x), self._log_rising(-self.logit, self.n - x)
            return choices + yes + no - total
        return choices + _log_products(
            self.n, *jnp.broadcast_arrays(self.logit, self.dispersion, x)
        )

    def _log_rising(self, logit: Array, count: Array) -> Array:
        """log Γ(m/θ + count) / Γ(m/θ), its first factor by a logarithm that cannot underflow."""
        some = jnp.maximum(count, 1.0)
        first = log_sigmoid(logit) - jnp.log(self.dispersion)
        more = log_gamma_ratio(sigmoid(logit) / self.dispersion + 1.0, some - 1.0)
        return jnp.where(count > 0, first + more, 0.0)

    def log_probs(self) -> Float[Array, "*event levels"]:
        """log p of every number 0..n, along a new last axis, by running sums."""
        k = jnp.arange(1.0, self.n).reshape(-1, *(1,) * self.logit.ndim)
        theta = self.dispersion[None]

        def rising(logit: Array) -> Array:
            first = jnp.stack([jnp.zeros_like(logit), log_sigmoid(logit)])
            more = first[1:] + jnp.cumsum(jnp.log(sigmoid(logit)[None] + k * theta), axis=0)
            return jnp.concatenate([first, more])

        total = jnp.sum(jnp.log1p(k * theta), axis=0, keepdims=True)
        all_levels = rising(self.logit) + rising(-self.logit)[::-1] - total
        return jnp.moveaxis(all_levels, 0, -1) + jnp.broadcast_to(
            _log_choices(self.n), (*self.logit.shape, self.n + 1)
        )

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x: trial by trial where n is small, else a binomial with a share from the
        beta distribution."""
        shape = (*sample_shape, *self.logit.shape)
        if self.n <= _LONGEST_PRODUCT:
            # Nought would be below any probability, however small.
            return self._by_trials(jax.random.uniform(key, (self.n, *shape), minval=2.0**-24))
        from_beta, from_binomial = jax.random.split(key)
        alpha = sigmoid(self.logit) / self.dispersion
        beta = sigmoid(-self.logit) / self.dispersion
        # By their logarithms, since a gamma draw of a small shape underflows.
        a, b = jax.random.split(from_beta)
        log_a = jax.random.loggamma(a, jnp.broadcast_to(alpha, shape))
        log_b = jax.random.loggamma(b, jnp.broadcast_to(beta, shape))
        return jax.random.binomial(from_binomial, float(self.n), sigmoid(log_a - log_b))

    def _by_trials(self, uniform: Float[Array, "n *shape"]) -> Float[Array, "*shape"]:
        """Pólya's urn: each trial succeeds the likelier, the more of those before it did."""
        shape = uniform.shape[1:]
        m, theta = (jnp.broadcast_to(a, shape) for a in (sigmoid(self.logit), self.dispersion))

        def trial(x: Array, inputs: tuple[Array, Array]) -> tuple[Array, None]:
            k, u = inputs
            succeeds = u < (m + x * theta) / (1 + k * theta)
            return jnp.where(succeeds, x + 1, x), None

        before = jnp.arange(float(self.n))
        return jax.lax.scan(trial, jnp.zeros(shape), (before, uniform))[0]


class BetaBinomial(Bounded):
    """x ~ BetaBinomial(n), its mean and its dispersion both from the decoder, on {0, ..., n}.

    h holds the mean's logit and log θ; see `BetaBinomialDistribution`.
    """

    name: ClassVar[str] = "beta-binomial"

    @property
    def parameters(self) -> int:
        """The mean's logit and the logarithm of the dispersion."""
        return 2

    def initial(self, rows: np.ndarray) -> Float[Array, "2 *event"]:
        logit = mean_logit(rows, self.n)
        share = 1 / (1 + np.exp(-logit))
        excess = rows.var(0) / (self.n * share * (1 - share)) - 1
        correlation = np.clip(excess / max(self.n - 1, 1), 0.02, 0.9)
        dispersion = correlation / (1 - correlation)
        return on_device(np.stack([logit, np.log(dispersion)]))

    def __call__(self, h: Float[Array, "2 *event"]) -> BetaBinomialDistribution:
        logit, log_dispersion = parameters_of(h)
        dispersion = jnp.exp(jnp.clip(log_dispersion, *_LOG_DISPERSION))
        return BetaBinomialDistribution(logit, dispersion, self.n)
