"""Differences of log-gamma functions that keep their digits in single precision."""

from math import log, pi

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import gammaln

__all__ = ["deviance", "log1mexp", "log_gamma_ratio", "stirling_remainder"]

# From here on the remainder's three terms are exact to single precision.
_LARGE = 10.0
_HALF_LOG_TWO_PI = 0.5 * log(2 * pi)


def stirling_remainder(y: Array) -> Array:
    """log Γ(y + 1) − [(y + ½) log y − y + ½ log 2π] for y > 0 (Abramowitz & Stegun 6.1.41)."""
    small = jnp.minimum(y, _LARGE)
    plain = gammaln(small + 1.0) - ((small + 0.5) * jnp.log(small) - small + _HALF_LOG_TWO_PI)
    inverse = 1.0 / jnp.maximum(y, _LARGE)
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square / 1260))
    return jnp.where(y < _LARGE, plain, series)


def deviance(x: Array, mean: Array) -> Array:
    """x log(x / mean) + mean − x for x > 0, small where x is near the mean (Loader 2000)."""
    more = x - mean
    # Far below the mean, where nothing cancels, more / mean would be rounded to −1.
    is_far = x < 0.5 * mean
    log_ratio = jnp.where(is_far, jnp.log(x / mean), jnp.log1p(jnp.where(is_far, 0.0, more / mean)))
    return x * log_ratio - more


def log1mexp(y: Array) -> Array:
    """log(1 − e^−y) for y > 0, and a large negative number at 0 (Mächler 2012)."""
    small = y < 0.7
    return jnp.where(
        small,
        jnp.log(-jnp.expm1(-jnp.where(small, jnp.maximum(y, 1e-30), 0.5))),
        jnp.log1p(-jnp.exp(-jnp.where(small, 1.0, y))),
    )


def log_gamma_ratio(a: Array, d: Array) -> Array:
    """log Γ(a + d) − log Γ(a), for a > 0 and a + d > 0.

    The two terms are nearly equal where a is large: at a = 10⁵ and d = 1 their difference,
    11.5, is lost in rounding errors of 0.1. There Stirling's series is subtracted by hand.
    """
    plain = gammaln(a + d) - gammaln(a)
    is_large = (a >= _LARGE) & (a + d >= _LARGE)
    base = jnp.maximum(a, _LARGE)
    step = jnp.where(is_large, d, 0.0)
    series = (
        (base + step - 0.5) * jnp.log1p(step / base)
        + step * jnp.log(base)
        - step
        + stirling_remainder(base + step)
        - stirling_remainder(base)
    )
    return jnp.where(is_large, series, plain)
