"""What SciPy says of each law in double precision, and the error that single precision may make.

ε = 2⁻²⁴ is the relative rounding error of an operation. A location is known to ε of the larger
of its terms, a scale to ε (1 + |its logarithm|) of itself; how much log p bends by either, that
much error cannot be avoided. A test allows eight times as much.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from scipy.special import log_expit, log_ndtr, log_softmax

from jensen.parts import columns

EPSILON = 2.0**-24


class Reference(NamedTuple):
    """log p and its rounding error, for x of shape (n, k) and h of shape (n, size)."""

    log_prob: np.ndarray
    rounding: np.ndarray


def _double(value: Any) -> np.ndarray:
    return np.asarray(getattr(value, "value", value), np.float64)


def _halves(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    k = h.shape[1] // 2
    return h[:, :k], h[:, k:]


class _Located(NamedTuple):
    loc: np.ndarray
    scale: np.ndarray
    size: np.ndarray
    relative: np.ndarray

    def error(self, z: np.ndarray, seen: np.ndarray, bend: np.ndarray) -> np.ndarray:
        """Where d log p / dz is up to `bend`, `seen` being x or log x."""
        away = (self.size + np.abs(seen)) / self.scale
        return EPSILON * (5 + self.relative * (1 + np.abs(z) * bend) + bend * away)


def _located(law: Any, h: np.ndarray) -> _Located:
    h0, h1 = _halves(h)
    shift, spread = _double(law.shift), _double(law.scale)
    h0 = 8 * np.tanh(h0 / 8)
    h1 = np.clip(h1, -7, 0.4 if law.logarithmic else 1.5)
    scale = spread * np.exp(h1)
    size = np.abs(shift) + 2 * np.abs(spread * h0)
    return _Located(shift + spread * h0, scale, size, 2 + np.abs(h1))


def _normal(law: Any, h: np.ndarray, x: np.ndarray) -> Reference:
    at = _located(law, h)
    z = (x - at.loc) / at.scale
    return Reference(stats.norm(at.loc, at.scale).logpdf(x), at.error(z, x, np.abs(z)))


def _log_normal(law: Any, h: np.ndarray, x: np.ndarray) -> Reference:
    at, y = _located(law, h), np.log(x)
    z = (y - at.loc) / at.scale
    exact = stats.lognorm(at.scale, scale=np.exp(at.loc)).logpdf(x)
    return Reference(exact, at.error(z, y, np.abs(z)) + EPSILON * np.abs(y))


def _student_t(law: Any, h: np.ndarray, x: np.ndarray) -> Reference:
    at = _located(law, h)
    df = 2 + np.logaddexp(0, _double(law.raw_df))
    z = (x - at.loc) / at.scale
    bend = (df + 1) * np.abs(z) / (df + z**2)
    return Reference(stats.t(df, at.loc, at.scale).logpdf(x), at.error(z, x, bend))


def _gamma(law: Any, h: np.ndarray, x: np.ndarray) -> Reference:
    h0, h1 = _halves(h)
    shift, spread = _double(law.shift), _double(law.scale)
    log_mean, log_shape = shift + spread * h0, np.clip(h1, -3, 12)
    shape, ratio = np.exp(log_shape), x * np.exp(-log_mean)
    exact = stats.gamma(shape, scale=np.exp(log_mean) / shape).logpdf(x)
    located = 2 + np.abs(shift) + 2 * np.abs(spread * h0) + np.abs(np.log(x))
    curved = shape * (ratio - 1 - np.log(ratio))
    bend = shape * np.abs(ratio - 1) * located + (2 + np.abs(log_shape)) * (1 + curved)
    return Reference(exact, EPSILON * (10 + np.abs(np.log(x)) + bend))


def _between(log_cdf: Any, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """log(F(b) − F(a)) of a symmetric variable, in its nearer tail."""
    flip = b > -a
    low, high = np.where(flip, -b, a), np.where(flip, -a, b)
    at = log_cdf(high)
    return at + np.log(-np.expm1(log_cdf(low) - at))


def _rounded(law: Any, h: np.ndarray, x: np.ndarray) -> Reference:
    at = _located(law, h)
    first, last = x <= _double(law.low), x >= _double(law.high)
    a = np.where(first, -np.inf, (x - 0.5 - at.loc) / at.scale)
    b = np.where(last, np.inf, (x + 0.5 - at.loc) / at.scale)
    z = (x - at.loc) / at.scale
    exact = _between(log_expit, a, b)
    # log p bends by no more than one, and by a step's width of a scale.
    return Reference(exact, at.error(z, x, np.ones_like(z)))


def _rounded_log_normal(law: Any, h: np.ndarray, x: np.ndarray) -> Reference:
    at = _located(law, h)
    first, last = x <= _double(law.low), x >= _double(law.high)
    lower, upper = np.log(np.maximum(x - 0.5, 0.25)), np.log(x + 0.5)
    a = np.where(first, -np.inf, (lower - at.loc) / at.scale)
    b = np.where(last, np.inf, (upper - at.loc) / at.scale)
    width = (upper - lower) / at.scale
    z = np.maximum(*(np.abs(edge - at.loc) / at.scale for edge in (lower, upper)))
    error = at.error(z, upper, 1 + z)
    # A wide step's is a difference of logarithms, each rounded; a narrow one's is a slope.
    wide = EPSILON * (1 + z) / np.clip(width, 0.02, 1)
    return Reference(_between(log_ndtr, a, b), error + np.where(width < 0.02, width**2 / 24, wide))


def _negative_binomial(law: Any, h: np.ndarray, x: np.ndarray) -> Reference:
    h0, h1 = _halves(h)
    mean, r = np.exp(h0), np.exp(np.clip(h1, -7, 12))
    above = x - _double(law.low)
    error = EPSILON * (1 + np.abs(h0)) * (10 + np.abs(above - mean))
    return Reference(stats.nbinom(r, r / (r + mean)).logpmf(above), error)


def _with_unseen(law: Any, table: list[np.ndarray], x: np.ndarray, error: Any) -> Reference:
    """From the log-probabilities of each column's categories, (n, levels)."""
    unseen = _double(law.log_unseen)
    found = np.empty_like(x)
    for j, (logs, count) in enumerate(zip(table, law.counts, strict=True)):
        index = np.minimum(x[:, j], count - 1).astype(int)[:, None]
        known = np.take_along_axis(logs, index, axis=1)[:, 0] + np.log1p(-np.exp(unseen[j]))
        found[:, j] = np.where(x[:, j] < count, known, unseen[j])
    return Reference(found, error)


def _categorical(law: Any, h: np.ndarray, x: np.ndarray) -> Reference:
    table, start = [], 0
    for count in law.counts:
        size = 1 if count == 2 else count
        logits = h[:, start : start + size]
        start += size
        if count == 2:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        table.append(log_softmax(logits, axis=1))
    return _with_unseen(law, table, x, EPSILON * (1 + np.abs(h).max(1, keepdims=True)))


def _ordered_logistic(law: Any, h: np.ndarray, x: np.ndarray) -> Reference:
    table, size = [], np.zeros(len(law.counts))
    for j, count in enumerate(law.counts):
        gaps = np.logaddexp(0, _double(law.gaps)[j, : max(count - 2, 0)])
        cuts = _double(law.first)[j] + np.concatenate([[0.0], np.cumsum(gaps)])[: count - 1]
        edges = np.concatenate([[-np.inf], cuts, [np.inf]])[None] - h[:, j : j + 1]
        table.append(_between(log_expit, edges[:, :-1], edges[:, 1:]))
        size[j] = np.abs(cuts).max(initial=0.0) + np.abs(gaps).sum()
    return _with_unseen(law, table, x, EPSILON * (5 + size + np.abs(h)))


REFERENCES = {
    columns.Normal: _normal,
    columns.LogNormal: _log_normal,
    columns.StudentT: _student_t,
    columns.Gamma: _gamma,
    columns.Rounded: _rounded,
    columns.RoundedLogNormal: _rounded_log_normal,
    columns.NegativeBinomial: _negative_binomial,
    columns.Categorical: _categorical,
    columns.OrderedLogistic: _ordered_logistic,
}


def reference(columns: Any, h: Any, x: Any) -> Reference:
    """What SciPy says of log p(x) at `h`, for columns of one law; a new law needs a line above."""
    (law,), atoms, h, x = columns.laws, columns.atoms, _double(h), _double(x)
    of_law = REFERENCES[type(law)]
    if atoms is None:
        return of_law(law, h, x)
    at, is_hurdle = x == _double(atoms.atom), np.array(atoms.is_hurdle)
    base = of_law(law, h[:, : law.size], np.where(at & is_hurdle, _double(atoms.other), x))
    logit = h[:, law.size :]
    rest = log_expit(-logit) + base.log_prob
    inflated = np.where(at, np.logaddexp(log_expit(logit), rest), rest)
    exact = np.where(at & is_hurdle, log_expit(logit), inflated)
    return Reference(exact, EPSILON * (1 + np.abs(logit)) + base.rounding)
