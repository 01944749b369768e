"""`Estimate`: what every estimator of log p(x) returns, never a bare number."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import log
from typing import Any, Literal

import numpy as np

from jensen._words import counted
from jensen.inference.tails import RELIABLE_KHAT

__all__ = ["RELIABLE_KHAT", "Estimate", "Kind", "joined"]

Kind = Literal["exact", "lower bound", "upper bound", "estimate"]

# Why weights have a heavy tail, and what helps, by method.
_CAUSES = {
    "importance": (
        "the encoder misses part of their posterior",
        "Take more draws, or train an encoder that fits better (another posterior, a wider one,"
        " more epochs).",
    ),
    **dict.fromkeys(
        ("annealed", "smc", "certified", "reverse annealed"),
        (
            "their chains have lost their way between start and posterior",
            "Take more temperatures, or chains from the prior (start='prior').",
        ),
    ),
    "prior": (
        "draws from the prior hardly ever explain them",
        "Use method='importance', whose draws come from the encoder.",
    ),
}


@dataclass(frozen=True, repr=False)
class Estimate:
    """log p(x) of each row, how sure of it one can be, and how it was come by.

    Attributes:
        values: log p(x), shape (rows,), in nats.
        standard_errors: their Monte Carlo standard errors, shape (rows,); zero where exact.
        kind: what `values` are to log p(x). An average of unbiased weights has a logarithm
            that is a lower bound in the mean, by Jensen's inequality.
        method: the estimator.
        draws: samples of z for each row, 0 where none are needed.
        ess: effective sample size of each row's weights (Kong 1992), or `None`.
        khat: Pareto k̂ of each row's weights (Vehtari et al. 2024), or `None`. NaN where there
            are too few draws, below 25, to know.

    Example:
        >>> import numpy as np
        >>> estimate = Estimate(np.array([-1.0, -3.0]), np.array([0.3, 0.4]), "estimate", "mine")
        >>> estimate.value, estimate.stderr
        (-2.0, 0.25)
    """

    values: np.ndarray
    standard_errors: np.ndarray
    kind: Kind
    method: str
    draws: int = 0
    ess: np.ndarray | None = None
    khat: np.ndarray | None = None

    @property
    def value(self) -> float:
        """The mean of `values`, in nats per datum."""
        return float(np.mean(self.values))

    @property
    def stderr(self) -> float:
        """Monte Carlo standard error of `value`: of these rows, not of the population."""
        return float(np.sqrt(np.sum(self.standard_errors**2)) / len(self.values))

    @property
    def row_stderr(self) -> float:
        """Standard error of `value` as the mean of a population these rows are a sample of."""
        if len(self.values) < 2:
            return float("nan")
        # NaN where a row has no density.
        with np.errstate(invalid="ignore"):
            return float(np.std(self.values, ddof=1) / np.sqrt(len(self.values)))

    @property
    def unreliable(self) -> np.ndarray:
        """True for each row whose k̂ is above 0.7, or whose value is not a number."""
        broken = ~np.isfinite(self.values)
        return broken if self.khat is None else broken | (self.khat > RELIABLE_KHAT)

    def bits_per_dim(self, dimensions: int) -> float:
        """−`value` in bits for each of a row's `dimensions` entries."""
        return -self.value / (dimensions * log(2))

    def to_json(self, per_row: bool = False) -> dict[str, Any]:
        """Plain values: means over rows, and with `per_row` the rows' own."""
        result: dict[str, Any] = {
            "value": _plain(self.value),
            "stderr": _plain(self.stderr),
            "row_stderr": _plain(self.row_stderr),
            "method": self.method,
            "kind": self.kind,
            "draws": self.draws,
            "ess": None if self.ess is None else _plain(np.median(self.ess)),
            "khat": None if self.khat is None else _plain(np.median(self.khat)),
            "unreliable_rows": int(self.unreliable.sum()),
        }
        if per_row:
            result["per_row"] = [_plain(value) for value in self.values]
        return result

    def warning(self) -> str | None:
        """What is wrong with the estimate, in words and with a remedy; `None` if nothing."""
        lost = int(np.sum(~np.isfinite(self.values)))
        share = int(self.unreliable.sum()) - lost
        rows = counted(len(self.values), "row")
        sentences = []
        if lost:
            sentences.append(
                f"No density in single precision for {lost} of {rows}: they lie too far out for"
                " this model, or hold values it was not made for."
            )
        if share:
            whose, remedy = _CAUSES.get(self.method, _CAUSES["importance"])
            sentences.append(
                f"Unreliable for {share} of {rows} (Pareto k̂ above {RELIABLE_KHAT}): {whose}, and"
                f" their true log evidence may be higher than their errors say. {remedy}"
            )
        if not sentences:
            unknown = self.khat is not None and bool(np.isnan(self.khat).any())
            return "Reliability unknown: Pareto k̂ needs 25 draws or more." if unknown else None
        return " ".join(sentences)

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype)

    def __repr__(self) -> str:
        draws = f" with {counted(self.draws, 'draw')}" if self.draws else ""
        lines = [
            f"log evidence by {self.method}{draws}: {self.kind}, {counted(len(self), 'row')}",
            f"{'':16}{'mean':>12}{'least':>12}{'median':>12}{'most':>12}",
            _line("nats per row", self.values),
            _line("standard error", self.standard_errors),
        ]
        if self.ess is not None:
            lines.append(_line("effective draws", self.ess))
        if self.khat is not None:
            lines.append(_line("Pareto k̂", self.khat))
        of_rows = (
            "" if np.isnan(self.row_stderr) else f"; as a sample of rows ± {self.row_stderr:.2f}"
        )
        error = "unknown error" if np.isnan(self.stderr) else f"{self.stderr:.3f}"
        lines.append(f"mean {self.value:.3f} ± {error} nats per row{of_rows}")
        warning = self.warning()
        return "\n".join([*lines, *([f"Warning: {warning}"] if warning else [])])


def joined(estimates: Sequence[Estimate]) -> Estimate:
    """The estimates of some rows and of others, by one method, as that of all of them.

    Example:
        >>> one = Estimate(np.array([-1.0]), np.array([0.3]), "estimate", "mine")
        >>> joined([one, one]).values
        array([-1., -1.])
    """
    first = estimates[0]
    arrays: dict[str, Any] = {
        field.name: np.concatenate([getattr(each, field.name) for each in estimates])
        for field in fields(first)
        if isinstance(getattr(first, field.name), np.ndarray)
    }
    return replace(first, **arrays)


def _plain(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if np.isfinite(value) else None


def _line(name: str, values: np.ndarray) -> str:
    shown = values[np.isfinite(values)]
    if not len(shown):
        return f"{name:16}{'unknown':>12}"
    numbers = (shown.mean(), shown.min(), np.median(shown), shown.max())
    shown_as = ".3f" if max(map(abs, numbers)) < 1e7 else ".4g"
    return f"{name:16}" + "".join(f" {number:>11{shown_as}}" for number in numbers)
