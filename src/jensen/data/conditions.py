"""What a conditional model is given with each row: labels, or numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jensen._words import counted
from jensen.errors import DataError, OptionError

__all__ = ["ConditionSchema", "Conditioned", "infer_condition", "unpaired", "values_of"]

# Each label is a number that encoder and decoder are given.
_MOST_LABELS = 1000
# Whole numbers of more values than these are amounts, and no names.
_MOST_WHOLE = 100
_SHOWN = 6

Label = str | int | bool


@dataclass(frozen=True, eq=False)
class Conditioned:
    """Rows, and what a conditional model is given with each of them, in the user's form.

    A fitted `VAE` takes it wherever it takes rows; `len` and slices are of both.

    Example:
        >>> rows = Conditioned(np.zeros((3, 2)), np.array(["a", "b", "a"]))
        >>> len(rows), rows[1:].condition.tolist()
        (3, ['b', 'a'])
    """

    X: Any
    condition: Any

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, which: Any) -> "Conditioned":
        # Of frames and series rows are taken by their place, and not by their label.
        X = self.X.iloc[which] if hasattr(self.X, "iloc") else self.X[which]
        condition = _array(self.condition)
        return Conditioned(X, condition[which] if condition.ndim else self.condition)


def values_of(X: Any) -> Any:
    """Rows without their conditions, if they have any."""
    return X.X if isinstance(X, Conditioned) else X


def unpaired(X: Any, condition: Any = None) -> tuple[Any, Any]:
    """Rows and their conditions, whether these come with them or are given beside them.

    Raises `OptionError` where they do both.
    """
    if not isinstance(X, Conditioned):
        return X, condition
    if condition is not None:
        raise OptionError("condition: these rows have theirs with them; leave it out.")
    return X.X, X.condition


@dataclass(frozen=True)
class ConditionSchema:
    """What was assumed of conditions, and how they become the numbers that networks are given.

    Of labels each is a number, 1 where it is the row's and 0 elsewhere; numbers are given in
    standard deviations from their mean.

    Attributes:
        labels: those of the rows to fit, in order; `None` where conditions are numbers.
        shift: of each number, its mean over the rows to fit.
        scale: of each number, its standard deviation; 1 where it never changes.
    """

    labels: tuple[Label, ...] | None = None
    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """How many numbers networks are given."""
        return len(self.shift if self.labels is None else self.labels)

    def check(self, condition: Any, rows: int) -> np.ndarray:
        """Conditions of so many rows as numbers, shape (rows, size); one alone is that of all.

        Raises:
            DataError: another number of conditions than of rows, a label that no row to fit had,
                or what is no finite number; the row is named.
        """
        given = _array(condition)
        if self.labels is not None:
            return self._of_labels(given, rows)
        if given.dtype.kind not in "fiub":
            raise DataError(f"condition: holds {_kind(given)}; {self.words}.")
        if given.ndim == 1 and self.size == 1 and len(given) == rows:
            given = given[:, None]
        if given.shape == (self.size,) or (given.shape == () and self.size == 1):
            given = np.broadcast_to(given, (rows, self.size))
        if given.shape != (rows, self.size):
            raise DataError(
                f"condition: has shape {given.shape} for {counted(rows, 'row')}; {self.words}."
            )
        _require_finite(given)
        return ((given - np.array(self.shift)) / np.array(self.scale)).astype(np.float32)

    def _of_labels(self, given: np.ndarray, rows: int) -> np.ndarray:
        labels: Any = self.labels
        if given.shape in ((), (1,)):
            given = np.broadcast_to(given, (rows,))
        if given.shape == (rows, 1):
            given = given[:, 0]
        if given.shape != (rows,):
            raise DataError(
                f"condition: has shape {given.shape} for {counted(rows, 'row')}; {self.words}."
            )
        place = {label: number for number, label in enumerate(labels)}
        found = np.zeros((rows, self.size), np.float32)
        for row, label in enumerate(given.tolist()):
            if label not in place:
                raise DataError(
                    f"condition: row {row} has {label!r}, which no row to fit had; {self.words}."
                )
            found[row, place[label]] = 1.0
        return found

    def parse(self, text: str) -> Any:
        """A condition as it is typed: a label by its name, or numbers between commas.

        Raises `OptionError` with those that are legal.

        Example:
            >>> ConditionSchema((0, 1, 2)).parse("2")
            2
            >>> ConditionSchema(shift=(0.0, 0.0), scale=(1.0, 1.0)).parse("0.5, -1").tolist()
            [0.5, -1.0]
        """
        if self.labels is not None:
            named = {str(label): label for label in self.labels}
            if text.strip() not in named:
                raise OptionError(f"condition {text!r} is unknown: {self.words}.")
            return named[text.strip()]
        try:
            numbers = np.array([float(part) for part in text.split(",")])
        except ValueError:
            numbers = np.array([])
        if numbers.shape != (self.size,) or not np.isfinite(numbers).all():
            raise OptionError(f"condition {text!r} is none: {self.words}.")
        return numbers

    @property
    def words(self) -> str:
        """What a condition must be, as a complaint ends."""
        if self.labels is None:
            return f"give {counted(self.size, 'number')} a row, as the rows to fit had"
        return f"give one of {self._listed}"

    @property
    def _listed(self) -> str:
        labels: Any = self.labels
        listed = [str(label) for label in labels]
        if len(listed) <= 2 * _SHOWN:
            return ", ".join(listed)
        return ", ".join([*listed[:_SHOWN], "...", listed[-1]])

    def describe(self) -> str:
        """A line on what was assumed.

        Example:
            >>> infer_condition([3, 1, 3], 3).describe()
            'condition: 2 labels (1, 3)'
        """
        if self.labels is None:
            return f"condition: {counted(self.size, 'number')} a row"
        return f"condition: {counted(self.size, 'label')} ({self._listed})"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        labels = None if self.labels is None else list(self.labels)
        return {"labels": labels, "shift": list(self.shift), "scale": list(self.scale)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ConditionSchema":
        """What `to_json` gave."""
        labels = values["labels"]
        return cls(
            None if labels is None else tuple(labels),
            tuple(values["shift"]),
            tuple(values["scale"]),
        )


def infer_condition(condition: Any, rows: int) -> ConditionSchema:
    """What conditions of the rows to fit are: labels, or numbers.

    Text, truth values, and whole numbers of up to 100 values in one column are labels; other
    numbers, in one column or several, are numbers.

    Raises:
        DataError: another number of conditions than of rows, missing ones, what is neither labels
            nor numbers, or one label alone, which tells nothing.

    Example:
        >>> infer_condition(["cat", "dog", "cat"], 3).labels
        ('cat', 'dog')
        >>> infer_condition([[0.5, 2.0], [1.5, 4.0]], 2).size
        2
    """
    given = _array(condition)
    if given.ndim not in (1, 2) or len(given) != rows or not given.size:
        raise DataError(
            f"condition: has shape {given.shape} for {counted(rows, 'row')}; give one for each"
            " row: a label, or a row of numbers."
        )
    column = given[:, 0] if given.ndim == 2 and given.shape[1] == 1 else given
    if column.ndim == 1 and column.dtype.kind in "OUSbiu":
        labels = _labels(column)
        if column.dtype.kind not in "iu" or len(labels) <= _MOST_WHOLE:
            return _checked(labels)
    if given.dtype.kind not in "fiub":
        raise DataError(
            f"condition: holds {_kind(given)} of shape {given.shape}; give one label for each row,"
            " or numbers alone."
        )
    _require_finite(given)
    numbers = given.reshape(rows, -1).astype(np.float64)
    scale = numbers.std(axis=0)
    still = np.ptp(numbers, axis=0) == 0
    return ConditionSchema(
        None, tuple(numbers.mean(axis=0).tolist()), tuple(np.where(still, 1.0, scale).tolist())
    )


def _checked(labels: Sequence[Label]) -> ConditionSchema:
    if len(labels) == 1:
        raise DataError(
            f"condition: is {labels[0]!r} in each row, which tells nothing; leave it out."
        )
    if len(labels) > _MOST_LABELS:
        raise DataError(
            f"condition: {len(labels):,} labels, and each is a number that the networks are given;"
            f" at most {_MOST_LABELS:,} can be. Group them, or give numbers that describe them."
        )
    return ConditionSchema(tuple(labels))


def _array(condition: Any) -> np.ndarray:
    """Conditions as an array; series and frames as what they hold."""
    if hasattr(condition, "to_numpy"):
        condition = condition.to_numpy()
    try:
        found = np.asarray(condition)
        # Among text NumPy makes text of what is missing.
        mixed = found.dtype.kind == "U" and not isinstance(condition, (np.ndarray, str))
        return np.array(condition, object) if mixed else found
    except ValueError:
        raise DataError(
            "condition: its rows are not of one length; give one label for each row, or as many"
            " numbers for each."
        ) from None


def _labels(column: np.ndarray) -> list[Label]:
    """The values of a column in order, as Python's own; missing ones are refused."""
    found: dict[Any, None] = {}
    for row, label in enumerate(column.tolist()):
        if label is None or label != label:
            raise DataError(f"condition: row {row} has none; give one for each row.")
        if not isinstance(label, (str, int)):
            raise DataError(
                f"condition: row {row} has {label!r}; labels are text or whole numbers."
            )
        found[label] = None
    try:
        return sorted(found)
    except TypeError:
        raise DataError(
            "condition: holds text in some rows and numbers in others; give one or the other."
        ) from None


def _require_finite(given: np.ndarray) -> None:
    wrong = ~np.isfinite(given.reshape(len(given), -1).astype(np.float64)).all(axis=1)
    if wrong.any():
        raise DataError(f"condition: of row {int(np.argmax(wrong))} is not finite; give numbers.")


def _kind(given: np.ndarray) -> str:
    return "text" if given.dtype.kind in "US" else f"{given.dtype} values"
