"""A mean over rows, never without its error."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Measured"]


@dataclass(frozen=True, repr=False)
class Measured:
    """A number and its standard error, over rows as a sample; NaN where there is one row.

    >>> Measured(1.25, 0.1), Measured(1.25, float("nan"))
    (1.25 ± 0.10, 1.25)
    """

    value: float
    stderr: float

    @classmethod
    def over_rows(cls, values: np.ndarray) -> "Measured":
        """The mean of one value a row, shape (rows,), of those that are finite."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(float("nan"), float("nan"))
        error = known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else np.nan
        return cls(float(known.mean()), float(error))

    def to_json(self) -> dict[str, float]:
        """Plain values."""
        return {"value": self.value, "stderr": self.stderr}

    def __repr__(self) -> str:
        if np.isnan(self.value):
            return "unknown"
        return f"{self.value:.2f}" + ("" if np.isnan(self.stderr) else f" ± {self.stderr:.2f}")
