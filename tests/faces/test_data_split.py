"""The split: every row once, the same rows for the same seed, training served first."""

from itertools import product

import numpy as np
import pytest

from jensen.data import split
from jensen.errors import DataError, OptionError


@pytest.mark.parametrize("n", [*range(1, 12), 100, 1797])
def test_every_row_is_used_once(n):
    for validation, test, seed in product([0, 0.1, 0.5, 0.89], [0.0, 0.1], [0, 1]):
        rows = split(n, validation, test, seed)
        np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(n))
        assert len(rows.train) >= 1
        assert all((np.diff(part) > 0).all() for part in rows)
        assert not validation or n == 1 or len(rows.validation) >= 1
        assert not test or n == 1 or (validation and n == 2) or len(rows.test) >= 1


def test_sizes():
    assert [len(part) for part in split(1000, 0.1, 0.2)] == [700, 100, 200]
    assert [len(part) for part in split(1000, 30, 0.2)] == [770, 30, 200]
    assert [len(part) for part in split(3, 0.1, 0.1)] == [1, 1, 1]
    assert [len(part) for part in split(2, 0.1, 0.1)] == [1, 1, 0]


def test_the_seed_decides():
    same, again, other = split(100, seed=1), split(100, seed=1), split(100, seed=2)
    np.testing.assert_array_equal(same.validation, again.validation)
    assert not np.array_equal(same.validation, other.validation)


@pytest.mark.parametrize(
    ("n", "validation", "test", "error"),
    [
        (0, 0.1, 0.1, DataError),
        (10, 1.0, 0.0, OptionError),
        (10, -0.1, 0.0, OptionError),
        (10, 0.5, 0.5, OptionError),
        (10, float("nan"), 0.0, OptionError),
        (10, True, 0.0, OptionError),
        (10, -1, 0.0, OptionError),
        (10, 5, 5, DataError),
    ],
)
def test_impossible_splits(n, validation, test, error):
    with pytest.raises(error):
        split(n, validation, test)
