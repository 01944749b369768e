"""SciPy's distributions in double precision, for what the likelihoods say in single.

ε = 2⁻²⁴ is the relative rounding error of a single-precision operation. Each reference comes with
the error in nats that its formula cannot avoid there, and a test allows eight times that much.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from scipy.special import expit, log_expit, log_softmax, logsumexp, softmax

from jensen.parts import likelihoods

EPSILON = 2.0**-24


class Reference(NamedTuple):
    """log p as a function of x; `rounding` too, and that of the variance as a share of it."""

    log_prob: Any
    mean: Any
    variance: Any
    rounding: Any
    of_variance: Any = 0.0


def _double(value: Any) -> np.ndarray:
    return np.asarray(value, np.float64)


def _of(frozen: Any, rounding: Any) -> Reference:
    log_prob = frozen.logpmf if hasattr(frozen.dist, "logpmf") else frozen.logpdf
    return Reference(log_prob, frozen.mean(), frozen.var(), rounding)


def _bernoulli(likelihood: Any, h: np.ndarray) -> Reference:
    return _of(stats.bernoulli(expit(h[0])), lambda x: np.full(x.shape, EPSILON))


def _binomial(likelihood: Any, h: np.ndarray) -> Reference:
    n, mean = likelihood.n, likelihood.n * expit(h[0])
    # In Loader's form the terms are as large as x − np, and no larger.
    return _of(stats.binom(n, expit(h[0])), lambda x: EPSILON * (10 + np.abs(x - mean)))


def _beta_binomial(likelihood: Any, h: np.ndarray) -> Reference:
    n, dispersion = likelihood.n, np.exp(np.clip(h[1], -12, 6))
    frozen = stats.betabinom(n, expit(h[0]) / dispersion, expit(-h[0]) / dispersion)
    largest = n * (np.log(n + 1) + np.log1p(1 / dispersion))
    return _of(frozen, lambda x: EPSILON * (1 + largest))


def _categorical(likelihood: Any, h: np.ndarray) -> Reference:
    levels = np.arange(likelihood.n + 1.0).reshape(-1, *(1,) * (h.ndim - 1))
    p = softmax(h, axis=0)
    mean = (levels * p).sum(0)

    def log_prob(x: np.ndarray) -> np.ndarray:
        table = np.broadcast_to(log_softmax(h, axis=0)[None], (*x.shape[:1], *h.shape))
        return np.take_along_axis(table, x.astype(int)[:, None], axis=1)[:, 0]

    spread = ((levels - mean) ** 2 * p).sum(0)
    return Reference(log_prob, mean, spread, lambda x: EPSILON * (1 + np.abs(h).max(0)) + 0 * x)


def rounded_logistic(x: np.ndarray, loc: np.ndarray, scale: np.ndarray, n: int) -> np.ndarray:
    """log P(x): the difference of two σ, taken in the nearer tail, where it has digits."""
    a = np.where(x <= 0, -np.inf, (x - 0.5 - loc) / scale)
    b = np.where(x >= n, np.inf, (x + 0.5 - loc) / scale)
    flip = b > -a
    low, high = np.where(flip, -b, a), np.where(flip, -a, b)
    at = log_expit(high)
    return at + np.log(-np.expm1(log_expit(low) - at))


def _logistics(n: int, log_weights: Any, h0: np.ndarray, h1: np.ndarray) -> Reference:
    """A mixture along the first axis of the weights, locations and log scales."""
    loc = n * (h0 + 1) / 2
    scale = 0.1 + n * np.exp(np.minimum(h1, 5)) / 2

    def log_prob(x: np.ndarray) -> np.ndarray:
        return logsumexp(log_weights + rounded_logistic(x[:, None], loc, scale, n), axis=1)

    # A location is known to ε of itself, and log p bends by one a scale; the scale is known to
    # ε (1 + |its logarithm|).
    relative = 2 + np.abs(np.log(2 * scale / n)) + np.abs(h1)

    def rounding(x: np.ndarray) -> np.ndarray:
        away = np.abs(x[:, None] - loc) * relative + np.abs(loc) + n
        # What the components that matter least are known to does not matter.
        each = np.exp(log_weights + rounded_logistic(x[:, None], loc, scale, n))
        share = each / np.maximum(each.sum(1, keepdims=True), 1e-300)
        share = np.where(each.sum(1, keepdims=True) > 1e-290, share, 1.0)
        return EPSILON * (10 + (share * away / scale).max(1) + np.abs(log_weights).max(0))

    levels = np.arange(n + 1.0).reshape(-1, *(1,) * (h0.ndim - 1)) + np.zeros(h0.shape[1:])
    p = np.exp(log_prob(levels))
    mean = (levels * p).sum(0)
    variance = ((levels - mean) ** 2 * p).sum(0)
    of_variance = 8 * EPSILON * ((np.abs(loc) + n) / scale).max(0)
    return Reference(log_prob, mean, variance, rounding, of_variance)


def _discretised_logistic(likelihood: Any, h: np.ndarray) -> Reference:
    return _logistics(likelihood.n, np.zeros_like(h[:1]), h[:1], h[1:])


def _logistic_mixture(likelihood: Any, h: np.ndarray) -> Reference:
    logits, h0, h1 = np.split(h, 3)
    return _logistics(likelihood.n, log_softmax(logits, axis=0), h0, h1)


def _count_rounding(h: np.ndarray) -> Any:
    # The mean is known to ε (1 + |log μ|) of itself, and d log p / d log μ is up to x − μ.
    return lambda x: EPSILON * (1 + np.abs(h[0])) * (10 + np.abs(x - np.exp(h[0])))


def _poisson(likelihood: Any, h: np.ndarray) -> Reference:
    return _of(stats.poisson(np.exp(h[0])), _count_rounding(h))


def _negative_binomial(likelihood: Any, h: np.ndarray) -> Reference:
    mean, r = np.exp(h[0]), np.exp(np.clip(h[1], -7, 12))
    return _of(stats.nbinom(r, r / (r + mean)), _count_rounding(h))


def _location(likelihood: Any, h: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shift, scale = _double(likelihood.shift.value), _double(likelihood.scale.value)
    return shift + scale * h[0], scale, np.abs(shift) + np.abs(scale * h[0])


def _real_rounding(size: np.ndarray, deviation: np.ndarray, mean: np.ndarray) -> Any:
    # x − location is known to ε of the larger of the two, and log p bends by one deviation.
    def rounding(x: np.ndarray) -> np.ndarray:
        z = np.abs(x - mean) / deviation
        return EPSILON * (5 + z**2 + z * (size + np.abs(x)) / deviation)

    return rounding


def _normal(deviation: Any) -> Any:
    def reference(likelihood: Any, h: np.ndarray) -> Reference:
        mean, scale, size = _location(likelihood, h)
        spread = deviation(likelihood, h, scale) + np.zeros_like(mean)
        return _of(stats.norm(mean, spread), _real_rounding(size, spread, mean))

    return reference


def _student_t(likelihood: Any, h: np.ndarray) -> Reference:
    mean, scale, size = _location(likelihood, h)
    df = 2 + np.logaddexp(0, _double(likelihood.raw_df))
    spread = scale * (np.exp(_double(likelihood.log_scales)) + 1e-3)
    rounding = _real_rounding(size, spread, mean)
    # ½ log ν cancels.
    return _of(stats.t(df, mean, spread), lambda x: rounding(x) + EPSILON * np.log(df))


_LEAST = 1e-3  # of a column's spread: the smallest scale that the normals can take

REFERENCES = {
    likelihoods.Bernoulli: _bernoulli,
    likelihoods.Binomial: _binomial,
    likelihoods.BetaBinomial: _beta_binomial,
    likelihoods.Categorical: _categorical,
    likelihoods.DiscretisedLogistic: _discretised_logistic,
    likelihoods.LogisticMixture: _logistic_mixture,
    likelihoods.Poisson: _poisson,
    likelihoods.NegativeBinomial: _negative_binomial,
    likelihoods.NormalFixed: _normal(lambda own, h, scale: _double(own.sigma.value)),
    likelihoods.NormalShared: _normal(
        lambda own, h, scale: np.exp(_double(own.log_sigma)) + 0 * scale
    ),
    likelihoods.NormalPerFeature: _normal(
        lambda own, h, scale: scale * (np.exp(_double(own.log_scales)) + _LEAST)
    ),
    likelihoods.NormalPredicted: _normal(lambda own, h, scale: scale * (np.exp(h[1]) + _LEAST)),
    likelihoods.StudentT: _student_t,
}


def reference(likelihood: Any, h: Any) -> Reference:
    """What SciPy says of p(x | z) at `h`; a new likelihood needs a new line above."""
    return REFERENCES[type(likelihood)](likelihood, _double(h))
