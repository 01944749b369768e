"""What is assumed of columns: each rule on data that it is for, and on data beside it."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from jensen.data.tables import infer_table, read_table
from jensen.data.tables.grids import find_grid
from jensen.errors import DataError, OptionError

N = 400
RNG = np.random.default_rng(1)
NORMAL = RNG.normal(size=N)
SHARED = Path(__file__).parents[3] / ".." / "shared" / "data"


def column(values, asked=None, **types):
    """The column inferred, beside another that any model can have."""
    cells = pl.Series("c", values, **types)
    frame = pl.DataFrame([cells, pl.Series("other", np.arange(len(cells)) % 2 == 0)])
    return infer_table(frame, {"c": asked} if asked else None).columns[0]


def words(n, each):
    return [f"w{index:03d}" for index in range(n) for _ in range(each)]


DAYS = [date(2020, 1, 1) + timedelta(days=int(d)) for d in RNG.integers(0, 900, N)]
MINUTES = [datetime(2020, 1, 1) + timedelta(minutes=int(d)) for d in RNG.integers(0, 9999, N)]
COUNTS = RNG.negative_binomial(2, 0.2, N)
INCOME = np.exp(10 + NORMAL)
DOSES = np.where(RNG.random(N) < 0.4, 0.0, np.exp(NORMAL))
HOURS = np.where(RNG.random(N) < 0.4, 40, np.rint(40 + 10 * NORMAL))
GAINS = np.where(RNG.random(N) < 0.8, 0, np.rint(np.exp(7 + NORMAL)))

RULES = {
    "no value": ([None] * N, "constant", None, {}),
    "one value": ([3.5, None] * 9, "constant", None, {"levels": (3.5,)}),
    "truth values": ([True, False, None] * 9, "binary", "categorical", {"levels": (False, True)}),
    "two numbers": ([7.5, 2.0, None] * 9, "binary", "categorical", {"levels": (2.0, 7.5)}),
    "two words": (["no", "yes"] * 9, "binary", "categorical", {"levels": ("no", "yes")}),
    "words": (words(5, 4), "categorical", "categorical", {"level_count": 5}),
    "names": (words(20, 1), "identifier", None, {}),
    "few names": (words(19, 1), "categorical", "categorical", {"rare": ()}),
    "row numbers": (np.arange(5, 50), "identifier", None, {}),
    "days": (DAYS, "datetime", "rounded", {"step": 86400.0}),
    "minutes": (MINUTES, "datetime", "rounded", {"step": 60.0}),
    "few numbers on no grid": (
        RNG.choice([1.0, 2**0.5, np.e, 3.0], N), "ordinal", "categorical", {"level_count": 4},
    ),
    "classes": (RNG.choice([1, 2, 3], N), "ordinal", "categorical", {"levels": (1, 2, 3)}),
    "years": (RNG.choice([2019, 2020, 2021], N), "real", "rounded", {"step": 1.0}),
    "classes with a gap": (RNG.choice([1, 2, 4], N), "real", "rounded", {"step": 1.0}),
    "grades": (RNG.choice([3, 4, 5, 6, 7], N), "real", "rounded", {"step": 1.0}),
    "counts": (COUNTS, "count", "negative-binomial", {"step": 1.0, "low": 0.0, "origin": 0.0}),
    "tenths": (np.round(NORMAL, 1), "real", "rounded", {"step": 0.1, "low": None}),
    "quarters": (np.rint(40 * NORMAL) / 4 + 500, "real", "rounded", {"step": 0.25, "low": 0.0}),
    "skewed steps": (np.rint(INCOME / 1e3), "positive", "rounded-log-normal", {"step": 1.0}),
    "real": (NORMAL, "real", "student-t", {"step": None, "low": None, "atom": None}),
    "skewed": (INCOME, "positive", "log-normal", {"low": 0.0, "origin": 0.0}),
    "atom below": (DOSES, "positive", "hurdle:log-normal", {"atom": 0.0}),
    "atom within": (HOURS, "real", "inflated:rounded", {"atom": 40.0}),
    "atom of steps": (GAINS, "positive", "hurdle:rounded-log-normal", {"atom": 0.0, "low": 0.0}),
}  # fmt: skip


@pytest.mark.parametrize(("values", "kind", "likelihood", "fields"), RULES.values(), ids=RULES)
def test_rules(values, kind, likelihood, fields):
    found = column(values)
    assert (found.kind, found.likelihood) == (kind, likelihood)
    assert {field: getattr(found, field) for field in fields} == fields
    assert found.reason


AGES = np.rint(40 + 8 * np.random.default_rng(3).normal(size=3000))


def test_numbers_that_people_round_have_heaps():
    rounded = np.where(np.arange(3000) % 3 < 1, 5 * np.rint(AGES / 5), AGES)
    found = column(rounded)
    assert (found.kind, found.likelihood) == ("ordinal", "ordered-logistic")
    assert found.levels == tuple(np.unique(rounded))
    # Of too few rows it cannot be told.
    assert column(rounded[:400]).likelihood == "rounded"


SMOOTH = {
    "normal": AGES,
    "uniform": np.random.default_rng(4).integers(0, 60, 1500),
    "poisson": np.random.default_rng(5).poisson(30, 1500),
    "geometric": np.random.default_rng(6).geometric(0.1, 3000),
    "two humps": np.concatenate([AGES, AGES + 40]),
    "an atom": np.where(np.arange(3000) < 1000, 40, AGES),
}


@pytest.mark.parametrize("values", SMOOTH.values(), ids=SMOOTH)
def test_no_heaps_come_by_chance(values):
    assert column(values).kind != "ordinal"


def test_rare_categories_share_a_level():
    values = [*words(21, 10), *["odd"] * 9, *["odder"] * 2]
    found = column(values)
    assert found.levels == tuple(sorted(set(words(21, 1))))
    assert (found.rare, found.rare_rows) == (("odd", "odder"), (9, 2))
    assert found.level_count == 22


def test_one_rare_category_alone_keeps_its_own_level():
    found = column([*words(21, 10), "odd"])
    assert (found.rare, found.level_count) == ((), 22)


def test_nothing_lies_below_the_atom_of_a_hurdle_of_steps():
    found = column(np.where(np.arange(N) < 100, 5, 6 + RNG.integers(0, 90, N)))
    assert (found.likelihood, found.atom, found.low) == ("hurdle:rounded", 5.0, 5.0)


def test_a_few_zeros_leave_steps_skewed():
    values = 5 * np.rint(np.exp(2 + NORMAL))
    values[:2] = 0
    found = column(values)
    assert (found.likelihood, found.step) == ("rounded-log-normal", 5.0)


def test_beyond_the_hundred_most_frequent_categories_are_rare():
    found = column(words(130, 12))
    assert (len(found.levels), len(found.rare)) == (100, 30)


def test_types_of_categories_keep_all_of_theirs():
    found = column(["b", "a"] * 9, dtype=pl.Enum(["c", "b", "a"]))
    assert (found.kind, found.levels) == ("categorical", ("c", "b", "a"))


def test_categories_of_pandas_with_an_order_are_ordinal():
    pd = pytest.importorskip("pandas")
    sizes = pd.Categorical(["m", "s"] * 9, categories=["s", "m", "l"], ordered=True)
    found = infer_table(pd.DataFrame({"size": sizes})).columns[0]
    assert (found.kind, found.likelihood) == ("ordinal", "ordered-logistic")
    assert found.levels == ("s", "m", "l")


GRIDS = {
    "sums of tenths": (np.arange(30) * 0.1, (0.1, 0.0)),
    "twentyfives": (np.array([25.0, 75, 300]), (25.0, 0.0)),
    "halves off zero": (np.array([0.5, 1.5, 4.5]), (1.0, 0.5)),
    "a third of the gap": (np.array([0.0, 3, 4.5, 5.5, 9]), (0.5, 0.0)),
    "cents, none neighbours": (np.array([0.07, 0.9, 13.37, 40.0, 77.77]), (0.01, 0.0)),
}


@pytest.mark.parametrize(("values", "grid"), GRIDS.values(), ids=GRIDS)
def test_grids(values, grid):
    found = find_grid(np.unique(values))
    assert found == pytest.approx(grid)


def test_real_numbers_have_no_grid():
    for size in (4, 20, 300):
        assert find_grid(np.sort(RNG.normal(size=size))) is None


def test_grids_of_single_precision():
    values = np.unique((1000 + RNG.integers(0, 500, 300) / 10).astype(np.float32))
    assert find_grid(values.astype(np.float64), single=True) == (0.1, 0.0)


def test_repeated_numbers_without_a_grid_get_a_caution():
    found = column(np.repeat(RNG.normal(size=60), 3))
    assert found.likelihood == "student-t"
    assert "repeat" in found.cautions[0]


def test_times_of_more_steps_than_float32_counts_are_counted_by_larger_ones():
    seconds = [datetime(1990, 1, 1) + timedelta(seconds=int(s)) for s in RNG.integers(0, 10**9, N)]
    found = column(seconds)
    assert found.step == 60.0
    assert "minute" in found.reason


def test_numbers_far_from_zero_have_an_origin_near_them():
    found = column(1e9 + NORMAL)
    assert abs(found.origin - 1e9) < 10
    numbers, _ = found.to_numbers(pl.Series("c", 1e9 + NORMAL))
    np.testing.assert_allclose(numbers.astype(np.float64) + found.origin - 1e9, NORMAL, atol=1e-6)


def test_steps_far_from_zero_have_an_origin_near_them():
    found = column(10**9 + RNG.integers(-50, 50, N))
    assert found.step == 1.0
    assert abs(found.origin - 1e9) < 60


OVERRIDES = {
    "kind": ({"kind": "real"}, COUNTS, {"likelihood": "rounded", "kind": "real"}),
    "count": ({"kind": "count"}, GAINS, {"likelihood": "hurdle:negative-binomial"}),
    "law": ({"likelihood": "rounded"}, COUNTS, {"kind": "real", "step": 1.0}),
    "density": ({"likelihood": "gamma"}, 1 + COUNTS, {"kind": "positive", "step": None}),
    "no step": ({"step": None}, COUNTS, {"kind": "real", "likelihood": "student-t"}),
    "step": ({"step": 0.5}, NORMAL, {"likelihood": "rounded", "step": 0.5}),
    "no atom": ({"atom": None}, HOURS, {"likelihood": "rounded", "atom": None}),
    "atom": ({"atom": 0.0}, COUNTS, {"likelihood": "hurdle:negative-binomial"}),
    "bound": ({"high": 168.0}, HOURS, {"high": 168.0, "likelihood": "inflated:rounded"}),
    "few numbers": ({"kind": "real"}, RNG.integers(0, 5, N), {"likelihood": "rounded"}),
    "categories": ({"kind": "categorical"}, RNG.integers(0, 5, N), {"levels": (0, 1, 2, 3, 4)}),
    "left out": ({"kind": "identifier"}, NORMAL, {"likelihood": None}),
    "levels": ({"levels": ["b", "a", "c"]}, ["a", "b"] * 9, {"levels": ("b", "a", "c")}),
    "order": ({"kind": "ordinal", "levels": ["lo", "mid", "hi"]}, ["hi", "lo", "mid"] * 9,
              {"likelihood": "ordered-logistic", "levels": ("lo", "mid", "hi")}),
    "days": ({"step": "day"}, MINUTES, {"step": 86400.0, "likelihood": "rounded"}),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "values", "fields"), OVERRIDES.values(), ids=OVERRIDES)
def test_overrides(asked, values, fields):
    found = column(values, asked)
    assert {field: getattr(found, field) for field in fields} == fields


REFUSED = {
    "field": ({"colour": 1}, NORMAL, "no field 'colour'; legal are kind"),
    "kind": ({"kind": "foo"}, NORMAL, "column 'c', kind='foo'; legal are real"),
    "kind of text": ({"kind": "real"}, ["a", "b", "c"], "holds text; legal are binary"),
    "law": ({"likelihood": "foo"}, NORMAL, "'c', likelihood='foo'; legal are normal"),
    "inflated density": ({"likelihood": "inflated:gamma"}, NORMAL, "legal are"),
    "law of text": ({"likelihood": "normal"}, ["a", "b", "c"], "legal are categorical"),
    "both": ({"kind": "real", "likelihood": "categorical"}, NORMAL, "does not go with"),
    "step": ({"step": -1}, NORMAL, "step=-1; legal are numbers above 0"),
    "no number": ({"low": "x"}, NORMAL, "low='x'; legal are finite numbers"),
    "bound": ({"low": 0.0}, NORMAL, "column 'c', low=0: a value is"),
    "bounds": ({"low": 5.0, "high": 1.0}, NORMAL, "not below"),
    "signs": ({"kind": "positive"}, NORMAL, "is of values above 0"),
    "no grid": ({"kind": "count"}, NORMAL, "no steps of a grid"),
    "levels": ({"levels": ["a", "x"]}, ["a", "b"] * 9, "lack 'b'"),
    "one level": ({"levels": ["a"]}, ["a", "b"] * 9, "two or more distinct"),
    "levels of numbers": ({"levels": [1, 2], "step": 1.0}, NORMAL, "does not go with"),
    "atom": ({"atom": 17.5}, COUNTS, "column 'c', atom=17.5: it lies between steps"),
    "hurdle": ({"likelihood": "hurdle:rounded"}, HOURS, "stands at the least value, .*not at 40"),
    "truth": ({"kind": "binary"}, COUNTS, "distinct values"),
    "date": ({"low": "soon"}, DAYS, "legal are dates"),
    "law of dates": ({"likelihood": "gamma"}, DAYS, "holds dates"),
    "constant": ({"kind": "real"}, [1.0, 1.0], "1 distinct values"),
    "not a mapping": (5, NORMAL, "legal is a mapping"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "values", "message"), REFUSED.values(), ids=REFUSED)
def test_overrides_refused(asked, values, message):
    with pytest.raises(OptionError, match=message) as caught:
        column(values, asked)
    assert "'c'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_overrides_of_an_unknown_column_are_refused():
    with pytest.raises(OptionError, match="no column 'd'; there are 'c'"):
        infer_table(pl.DataFrame({"c": NORMAL}), {"d": {"kind": "real"}})


def test_text_that_is_mostly_numbers_gets_a_caution():
    found = column([*map(str, range(10)), "many"] * 3)
    assert "3 cells are text, as 'many'" in found.cautions[0]


BAD = {
    "infinity": ([1.0, 2.0, np.inf], "row 2 .*column 'c': the cell is infinite"),
    "too wide": ([1e300, 2e300, 5e301], "column 'c'.*change the column's unit"),
    "lists": ([[1], [2], [3]], "column 'c' .*holds List"),
    "durations": ([timedelta(1)] * 3, "column 'c' .*holds Duration"),
}


@pytest.mark.parametrize(("values", "message"), BAD.values(), ids=BAD)
def test_columns_without_a_law_are_refused(values, message):
    with pytest.raises(DataError, match=message):
        column(values)


def test_one_row_and_nothing_to_model_are_refused():
    with pytest.raises(DataError, match="1 row; at least 2"):
        infer_table(pl.DataFrame({"c": [1]}))
    with pytest.raises(DataError, match="no column is left"):
        infer_table(pl.DataFrame({"c": [1, 1]}))


def test_what_32_bits_cannot_hold_is_refused_without_a_warning():
    schema = infer_table(pl.DataFrame({"dose": DOSES}))
    assert schema.columns[0].likelihood == "hurdle:log-normal"
    with pytest.raises(DataError, match=r"row 1.*32-bit floats"):
        schema.check(pl.DataFrame({"dose": [0.0, 1e300]}))


def test_census_income():
    path = SHARED / "adult.csv"
    if not path.exists():
        pytest.skip("../shared/data/adult.csv is not here")
    schema = infer_table(read_table(path))
    found = {column.name: column.likelihood for column in schema.columns}
    assert found["capital_gain"] == "hurdle:rounded-log-normal"
    assert found["hours_per_week"] == "ordered-logistic"
    assert found["education_num"] == "inflated:rounded"
    assert found["native_country"] == "categorical"
    assert found["fnlwgt"] == "rounded-log-normal"
    assert schema.discrete
