"""Which rows train, which stop the training, and which are kept for the figures reported."""

from numbers import Integral
from typing import NamedTuple

import numpy as np

from jensen._words import counted
from jensen.errors import DataError, OptionError


class Split(NamedTuple):
    """Row indices, each array sorted; every row is in exactly one of the three."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(
    n: int,
    validation: float = 0.1,
    test: float = 0.0,
    seed: int | np.random.Generator | None = 0,
) -> Split:
    """Divide rows 0..n-1 at random into train, validation and test.

    `validation` and `test` are shares of the rows, or numbers of rows where they are whole
    (`int`). A share above 0 yields at least one row as long as one is left for training:
    training is served first, then one row each for validation and test. The same seed and
    NumPy version give the same rows.

    Raises:
        DataError: no rows, or fewer rows than the numbers asked for plus one for training.
        OptionError: a share outside [0, 1), shares that leave nothing to train on, or a number
            below 0.

    >>> rows = split(10, validation=0.2, test=0.2, seed=0)
    >>> len(rows.train), len(rows.validation), len(rows.test)
    (6, 2, 2)
    >>> split(1).train, split(1).validation
    (array([0]), array([], dtype=int64))

    """
    if n < 1:
        raise DataError("no rows to split; at least 1 is needed")
    for name, value in (("validation", validation), ("test", test)):
        if isinstance(value, bool) or not (value >= 0 if _is_count(value) else 0 <= value < 1):
            raise OptionError(
                f"{name}={value!r}: legal are shares from 0 up to, not including, 1, "
                "or a whole number of rows"
            )
    if sum(v for v in (validation, test) if not _is_count(v)) >= 1:
        raise OptionError(
            f"validation={validation!r} and test={test!r} leave no row to train on; "
            "their sum has to stay below 1"
        )
    asked = sum(int(v) for v in (validation, test) if _is_count(v))
    if asked > n - 1:
        raise DataError(
            f"{counted(n, 'row')} cannot give {asked} for validation and test and one for "
            "training; ask for fewer"
        )
    left = n - 1
    kept_for_test = int(test) if _is_count(test) else int(test > 0 and left > 1)
    n_validation = min(_size(validation, n), left - kept_for_test)
    n_test = min(_size(test, n), left - n_validation)
    order = np.random.default_rng(seed).permutation(n).astype(np.int64)
    ends = np.cumsum([n_test, n_validation])
    test_rows, validation_rows, train_rows = (np.sort(part) for part in np.split(order, ends))
    return Split(train_rows, validation_rows, test_rows)


def require_training_rows(parts: Split, option: str, value: float) -> None:
    """Raise `OptionError`, naming the option, where it leaves one of many rows to train on."""
    n = sum(map(len, parts))
    if n > 2 and len(parts.train) < 2:
        raise OptionError(
            f"{option}={value!r} leaves {len(parts.train)} of {n} rows to train on, and at least 2"
            " are needed; give a smaller share"
        )


def _is_count(value: float) -> bool:
    return isinstance(value, Integral)


def _size(value: float, n: int) -> int:
    if _is_count(value):
        return int(value)
    return max(1, round(value * n)) if value > 0 else 0
