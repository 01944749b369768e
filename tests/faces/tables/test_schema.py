"""The schema of a table: what it refuses, what it gives back, and what its file may say."""

import copy
import json
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta

import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from jensen.data.tables import TableSchema, infer_table
from jensen.errors import DataError, FileError, OptionError
from jensen.parts.columns import Columns, Facts

RNG = np.random.default_rng(3)
N = 300
GAINS = np.where(RNG.random(N) < 0.7, 0, np.rint(np.exp(6 + RNG.normal(size=N))))
FRAME = pl.DataFrame({
    "id": [f"row {i}" for i in range(N)],
    "age": RNG.integers(18, 90, N),
    "height": np.round(RNG.normal(170, 10, N), 1),
    "dose": np.where(RNG.random(N) < 0.3, 0.0, np.exp(RNG.normal(size=N))),
    "gain": GAINS,
    "visits": RNG.negative_binomial(1, 0.1, N),
    "town": RNG.choice(["a", "b", "ç"], N),
    "well": RNG.random(N) < 0.5,
    "born": [date(1980, 1, 1 + int(d)) for d in RNG.integers(0, 28, N)],
    "site": ["x"] * N,
})  # fmt: skip
FRAME = FRAME.with_columns(
    pl.when(pl.Series(RNG.random(N) < 0.8)).then(pl.col("height", "town", "born"))
)
SCHEMA = infer_table(FRAME)


def changed(name, value, row=7):
    cells = FRAME[name].cast(pl.Float64) if isinstance(value, float) else FRAME[name]
    column = [value if i == row else each for i, each in enumerate(cells.to_list())]
    return FRAME.with_columns(pl.Series(name, column, strict=False))


def test_names_and_sizes():
    assert SCHEMA.names == tuple(FRAME.columns)
    assert [column.name for column in SCHEMA.modelled] == FRAME.columns[1:-1]
    assert SCHEMA.shape == (SCHEMA.width,) == (8,)
    assert not SCHEMA.discrete
    assert infer_table(FRAME.drop("dose")).discrete


def test_rows_are_in_the_numbers_of_models():
    rows = SCHEMA.check(FRAME)
    assert (rows.x.dtype, rows.mask.dtype) == (np.float32, bool)
    assert (rows.x[np.logical_not(rows.mask)] == 0).all()
    height = FRAME["height"].to_numpy()
    there = rows.mask[:, 1]
    np.testing.assert_array_equal(rows.x[there, 1], np.rint(height[there] * 10))
    np.testing.assert_array_equal(rows.x[:, 2], FRAME["dose"].to_numpy().astype(np.float32))


def test_facts_are_those_of_the_laws_and_of_their_numbers():
    facts = [Facts(**each) for each in SCHEMA.facts()]
    rows = SCHEMA.check(FRAME)
    filled = np.where(rows.mask, rows.x, rows.x[rows.mask.argmax(0), np.arange(SCHEMA.width)])
    law = Columns.of(facts, filled)
    terms = np.asarray(law(law.initial(filled)).log_prob(jnp.asarray(filled[0])))
    assert np.isfinite(terms).all()
    assert facts[3].law == "hurdle:rounded-log-normal"
    assert (facts[3].atom, facts[3].low) == (0.0, 0.0)
    steps = infer_table(FRAME, {"height": {"low": 100.05, "high": 250.0}}).facts()[1]
    assert (steps["low"], steps["high"]) == (1001.0, 2500.0)


def test_an_atom_is_the_same_number_in_facts_and_in_rows():
    values = np.where(np.arange(N) % 3 == 0, 0.1, RNG.normal(size=N))
    schema = infer_table(pl.DataFrame({"x": values}))
    assert schema.facts()[0]["law"] == "hurdle:student-t"
    assert (schema.check(pl.DataFrame({"x": values})).x[::3, 0] == schema.facts()[0]["atom"]).all()


def test_reordered_columns_are_taken_by_name_and_left_out_ones_need_not_be_there():
    want = SCHEMA.check(FRAME)
    got = SCHEMA.check(FRAME.select(reversed(FRAME.columns)).drop("id", "site"))
    np.testing.assert_array_equal(got.x, want.x)
    np.testing.assert_array_equal(got.mask, want.mask)


def test_categories_that_were_never_seen_have_the_number_after_all():
    rows = SCHEMA.check(changed("town", "new"))
    assert rows.x[7, 5] == 3 == SCHEMA.facts()[5]["levels"]
    assert rows.mask[7, 5]


def test_values_between_steps_are_rounded():
    rows = SCHEMA.check(changed("height", 171.26))
    assert rows.x[7, 1] == 1713


REFUSED = {
    "text": (changed("age", "old").with_columns(pl.col("age").cast(pl.String)),
             r"row 0 .*column 'age': '\d+' is text, and the column holds numbers"),
    "infinite": (changed("height", float("inf")), "row 7 .*column 'height': inf is infinite"),
    "below": (changed("age", -1), r"row 7 .*column 'age': -1 is outside .*bounds, from 0 up; mend"),
    "huge": (changed("height", 1e60), "row 7 .*column 'height': .*change the column's unit"),
    "number": (FRAME.with_columns(born=pl.lit(3)), "row 0 .*'born': '3' is a number.*holds dates"),
    "missing": (FRAME.drop("age"), "column 'age' is missing: add it, with empty cells if unknown$"),
    "extra": (FRAME.with_columns(more=pl.lit(1)), "column 'more' is not of the model's table"),
    "no rows": (FRAME.clear(), "has 0 rows"),
    "a number of columns": (np.zeros((2, 3)), "X has 3 columns, and the table has 10"),
}  # fmt: skip


@pytest.mark.parametrize(("X", "message"), REFUSED.values(), ids=REFUSED)
def test_rows_that_do_not_fit_are_refused(X, message):
    with pytest.raises(DataError, match=message):
        SCHEMA.check(X)


def test_bounds_of_dates_and_of_logarithms_are_held_to():
    schema = infer_table(FRAME, {"born": {"high": "1980-02-01"}})
    with pytest.raises(DataError, match=r"row 7 .*'born': 1981-01-01 is outside"):
        schema.check(changed("born", date(1981, 1, 1)))
    positive = infer_table(pl.DataFrame({"x": np.exp(RNG.normal(size=N))}))
    with pytest.raises(DataError, match=r"row 1 .*'x': 0\.0 is not above 0, as log-normal asks"):
        positive.check(pl.DataFrame({"x": [1.0, 0.0]}))


def test_cells_that_are_given_are_told_what_would_be_legal():
    words = [f"word {i:03d}" for i in range(90)]
    schema = infer_table(
        pl.DataFrame({"c": words * 12, "x": [0.25 * (i % 9) for i in range(1080)]})
    )
    closest = r"known are 90 values, the closest word 041(, word \d{3}){9}; did you mean 'word 041'"
    with pytest.raises(DataError, match=rf"column 'c': 'wurd 041' is no value of it; {closest}"):
        schema.row({"c": "wurd 041"})
    with pytest.raises(DataError, match=r"'cc' is not in the model; those that are: c, x; did you"):
        schema.row({"cc": 1})
    with pytest.raises(DataError, match=r"'x': 'inf' is no value of it; legal are numbers from 0"):
        schema.row({"x": "inf"})


# Hours, never 41, and doses that are on no grid.
HOURS = [hours for hours in range(20, 61) if hours != 41]
DOSES = [0.1, 2**0.5, np.e, 12.0]
ORDERED = infer_table(
    pl.DataFrame({"hours": HOURS * 20, "dose": DOSES * 200}), {"hours": {"kind": "ordinal"}}
)


def test_a_number_between_ordered_categories_is_the_nearer_one_and_beyond_them_unseen():
    hours, dose = ORDERED.columns
    assert (hours.likelihood, dose.likelihood) == ("ordered-logistic", "categorical")
    assert hours.kind == dose.kind == "ordinal"
    cells = pl.DataFrame({"hours": [20, 40, 41, 42, -5, 61], "dose": [0.1, 2.0, 2.2, 99, 0.0, 7.0]})
    hour, dosed = ORDERED.check(cells).x.T.astype(int)
    assert [hours.levels[k] for k in hour[:4]] == [20, 40, 40, 42]
    assert [dose.levels[k] for k in dosed[[0, 1, 2, 5]]] == [0.1, 2**0.5, np.e, np.e]
    # What lies beyond has the number after the last, as a category never seen has.
    assert list(hour[4:]) == [hours.level_count] * 2
    assert list(dosed[[3, 4]]) == [4, 4]
    assert ORDERED.cautions(cells) == [
        "column 'hours': 2 cells lie outside of 20..60, as no training row's does; scored as never"
        " seen (the first: row 4, -5)",
        "column 'dose': 2 cells lie outside of 0.1..12, as no training row's does; scored as never"
        " seen (the first: row 3, 99.0)",
    ]
    assert ORDERED.cautions(cells[:3]) == []
    assert (
        "numbers between two ordered categories count as the nearer one, and beyond them as never"
        " seen: hours (20..60), dose (0.1..12)" in ORDERED.describe()
    )


def test_a_row_that_is_to_have_a_number_never_seen_is_refused():
    assert ORDERED.row({"hours": "42"}).mask.tolist() == [True, False]
    with pytest.raises(DataError, match=r"'hours': '41' is no value of it; .* closest 40, 42, 39,"):
        ORDERED.row({"hours": "41"})


def test_categories_whose_numbers_do_not_ascend_have_nothing_between_them():
    asked = {"c": {"kind": "ordinal", "levels": [3, 1, 2]}}
    schema = infer_table(pl.DataFrame({"c": [1, 2, 3] * 20}), asked)
    assert schema.check(pl.DataFrame({"c": [1.6, 3.0]})).x[:, 0].tolist() == [3.0, 0.0]
    assert not any("ordered categories" in line for line in schema.describe())


def test_what_is_drawn_has_the_types_and_the_bounds_of_the_table():
    x = np.full((4, SCHEMA.width), 1e12)
    x[1] = -1e12
    x[2:] = RNG.normal(size=(2, SCHEMA.width))
    drawn = SCHEMA.restore(x)
    assert drawn.schema == FRAME.schema
    assert drawn["born"][:2].to_list() == [date(9999, 12, 31), date(1, 1, 1)]
    assert drawn["age"].min() >= 0
    assert drawn["town"].is_in(["a", "b", "ç"]).all()
    assert drawn["site"].to_list() == ["x"] * 4
    assert drawn["id"].null_count() == 4


def test_cells_that_are_there_are_kept():
    rows = SCHEMA.check(FRAME)
    other = np.where(rows.mask, rows.x + 1, 1.0)
    filled = SCHEMA.restore(other, like=FRAME)
    assert filled.null_count().sum_horizontal().item() == 0
    for name in FRAME.columns:
        there = FRAME[name].is_not_null()
        assert filled[name].filter(there).equals(FRAME[name].filter(there))
    assert (filled["height"].filter(FRAME["height"].is_null()) == 0.1).all()


def test_decimals_come_back_digit_for_digit():
    rows = SCHEMA.check(FRAME)
    assert SCHEMA.restore(rows.x, rows.mask)["height"].equals(FRAME["height"])


def test_rare_categories_are_drawn_as_often_as_they_came():
    words = [f"w{i:02d}" for i in range(21) for _ in range(20)] + ["odd"] * 6 + ["odder"] * 2
    schema = infer_table(pl.DataFrame({"c": words}))
    assert schema.facts() == [{"law": "categorical", "levels": 22}]
    x = np.full((4000, 1), 21.0)
    first = schema.restore(x, rng=np.random.default_rng(5))["c"]
    assert first.equals(schema.restore(x, rng=np.random.default_rng(5))["c"])
    # Five standard deviations of a binomial of 4000 draws.
    assert abs((first == "odd").mean() - 0.75) < 5 * np.sqrt(0.75 * 0.25 / 4000)
    assert set(first) == {"odd", "odder"}
    assert (schema.check(pl.DataFrame({"c": ["odd", "w03", "new"]})).x[:, 0] == [21, 3, 22]).all()


ZONED = [datetime(2024, 1, 1 + i % 20, i % 5, tzinfo=UTC) for i in range(40)]
TYPES = {
    "int8": pl.Series([-1, 5, 7, None] * 10, dtype=pl.Int8),
    "uint64": pl.Series([2**63 + 2**20 * (i % 30) for i in range(40)], dtype=pl.UInt64),
    "float32": pl.Series(RNG.normal(size=40).round(1), dtype=pl.Float32),
    "decimal": pl.Series(["1.25", "2.50", "7.75", None] * 10).cast(pl.Decimal(10, 2)),
    "enum": pl.Series(["b", "a", None, "b"] * 10, dtype=pl.Enum(["c", "b", "a"])),
    "categorical": pl.Series(["b", "a", "c", None] * 10, dtype=pl.Categorical),
    "milliseconds": pl.Series(ZONED).dt.replace_time_zone(None).dt.cast_time_unit("ms"),
    "nanoseconds": pl.Series(ZONED).dt.replace_time_zone(None).dt.cast_time_unit("ns"),
    "zone": pl.Series(ZONED).dt.convert_time_zone("Europe/Berlin"),
    "two dates": pl.Series([date(2024, 1, 1), date(2025, 1, 1)] * 20),
    "nothing": pl.Series([None] * 40),
    "constant enum": pl.Series(["b"] * 40, dtype=pl.Enum(["c", "b"])),
    "constant date": pl.Series([date(2024, 1, 1)] * 40),
}


@pytest.mark.parametrize("cells", TYPES.values(), ids=TYPES)
def test_types_of_polars_come_back(cells):
    frame = pl.DataFrame({"c": cells, "other": [True, False] * 20})
    schema = infer_table(frame)
    rows = schema.check(frame)
    back = schema.restore(rows.x, rows.mask)
    assert back.schema == frame.schema
    assert back["c"].cast(pl.String).equals(cells.cast(pl.String))
    assert TableSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def pandas_types():
    pd = pytest.importorskip("pandas")
    zoned = pd.Series(pd.to_datetime(ZONED)).dt.tz_convert("Europe/Berlin")
    unordered = pd.CategoricalDtype(["c", "b", "a"])
    times = [datetime(2024, 1, 1), None, datetime(2024, 3, 1, 10), datetime(2024, 3, 5)] * 10
    return pd, {
        "int": pd.Series([1, 5, 9, 5] * 10),
        "nullable int": pd.Series([2**60, None, 2**60 + 2**20, 2**60] * 10, dtype="Int64"),
        "float": pd.Series([0.1, np.nan, 7.3, 2.2] * 10),
        "single": pd.Series(np.float32([0.1, 0.2, 7.3, 2.2] * 10)),
        "bool": pd.Series([True, False] * 20),
        "nullable bool": pd.Series([True, None, False, True] * 10, dtype="boolean"),
        "objects": pd.Series(["a", None, "b", "c"] * 10, dtype=object),
        "text": pd.Series(["a", None, "b", "c"] * 10),
        "days": pd.Series([date(2024, 1, 1), None, date(2024, 2, 1), date(2025, 1, 1)] * 10),
        "times": pd.Series(pd.to_datetime(times)),
        "zone": zoned,
        "category": pd.Series(["a", None, "b", "a"] * 10, dtype=unordered),
        "order": pd.Series([3, 1, None, 2] * 10, dtype=pd.CategoricalDtype([3, 2, 1, 4], True)),
    }  # fmt: skip


def test_types_of_pandas_come_back():
    pd, types = pandas_types()
    frame = pd.DataFrame(types)
    frame.index = range(100, 140)
    schema = infer_table(frame)
    rows = schema.check(frame)
    back = schema.restore(rows.x, rows.mask)
    for name, series in types.items():
        pd.testing.assert_series_equal(back[name], series, check_names=False, check_freq=False)
    filled = schema.restore(rows.x, like=frame)
    pd.testing.assert_index_equal(filled.index, frame.index)
    assert filled.dtypes.equals(frame.dtypes)
    assert not filled.isna().any().any()
    assert TableSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_integers_of_pandas_become_nullable_only_where_cells_are_missing():
    pd = pytest.importorskip("pandas")
    schema = infer_table(pd.DataFrame({"a": [1, 5, 9, 5] * 10, "b": [True, False] * 20}))
    x = np.zeros((2, 2))
    assert list(map(str, schema.restore(x).dtypes)) == ["int64", "bool"]
    mask = np.array([[True, False], [False, True]])
    assert list(map(str, schema.restore(x, mask).dtypes)) == ["Int64", "boolean"]


def test_mixed_objects_of_pandas_are_text_and_kept_as_they_were():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"c": [1, "a", None, 2.5] * 10})
    schema = infer_table(frame)
    filled = schema.restore(np.zeros((40, 1)), like=frame)
    assert filled["c"].tolist() == [1, "a", "1", 2.5] * 10


def test_arrays_come_back_as_arrays():
    X = RNG.normal(size=(60, 3)).round(1)
    X[::7, 1] = np.nan
    schema = infer_table(X)
    rows = schema.check(X)
    np.testing.assert_allclose(schema.restore(rows.x, rows.mask), X)
    filled = schema.restore(np.zeros((60, 3)), like=X)
    np.testing.assert_array_equal(filled, np.where(np.isnan(X), 0.0, X))
    whole = infer_table(np.arange(40).reshape(20, 2) % 7)
    assert whole.restore(np.zeros((2, 2))).dtype == np.int64


def test_shapes_that_are_not_the_schemas_are_refused():
    with pytest.raises(DataError, match=r"x has shape \(2, 3\); \(rows, 8\) is needed"):
        SCHEMA.restore(np.zeros((2, 3)))
    with pytest.raises(DataError, match="mask has shape"):
        SCHEMA.restore(np.zeros((2, 8)), mask=np.ones((1, 8), bool))
    with pytest.raises(DataError, match="like has 300 rows"):
        SCHEMA.restore(np.zeros((2, 8)), like=FRAME)
    with pytest.raises(OptionError, match="legal are numpy, pandas, polars"):
        TableSchema(SCHEMA.columns, "spark")


def test_descriptions():
    lines = SCHEMA.describe()
    assert lines[0] == "columns: 10, as polars; 2 columns left out"
    assert lines[1].split() == ["column", "kind", "likelihood", "step", "missing", "reason"]
    assert lines[3].split()[:4] == ["height", "real", "rounded", "0.1"]
    # The table's columns are aligned.
    assert (
        len({line.index(word) for line, word in zip(lines[2:4], ("real", "real"), strict=True)})
        == 1
    )
    assert "left out: 'id' (identifier: text, 100% of it distinct)" in lines
    assert any("rounded to the nearer" in line for line in lines)
    empty = infer_table(pl.DataFrame({"a": [1, 2, 1, 2], "b": [None] * 4})).describe()
    assert "left out: 'b' (empty: no value in any row)" in empty


def test_a_schema_that_was_given_tells_what_it_changes():
    rows = pl.DataFrame({"n": [0, 3, 11, 2, 6, None] * 8, "c": ["a", "b", "c"] * 16})
    schema = infer_table(rows)
    assert schema.contradictions(rows) == []
    edited = schema.to_json()
    edited["columns"][0]["step"] = 2.0
    edited["columns"][1]["levels"] = ["a", "b"]
    assert TableSchema.from_json(edited).contradictions(rows) == [
        "column 'c': 16 cells have a value that is none of its levels; scored as never seen (the"
        " first: row 2, 'c')",
        "column 'n': 16 cells between steps of 2, rounded to the nearer one",
    ]


def test_a_row_tells_what_lies_beyond_others():
    rows = pl.DataFrame({"n": [0, 3, 1, 2, 6, 9] * 8, "c": ["a", "b", "c"] * 16})
    schema = infer_table(rows)
    known = schema.check(rows)
    assert schema.far_cells(schema.row({"n": 9, "c": "b"}), known) == []
    (line,) = schema.far_cells(schema.row({"n": "10", "c": "b"}), known)
    assert line.startswith("column 'n': 10 lies beyond the training rows kept, 0 to 9;")
    with pytest.raises(DataError, match=r"'n': 2\.5 is no value of it; .* in steps of 1"):
        schema.row({"n": 2.5})


def test_a_cell_that_is_given_stands_in_every_row():
    """Whatever single precision, or one number for all rare categories, would make of it."""
    words = [f"w{i:02d}" for i in range(21) for _ in range(10)] + ["odd"] * 9 + ["odder"] * 2
    numbers = np.random.default_rng(0).normal(size=len(words))
    schema = infer_table(pl.DataFrame({"c": words, "n": numbers}))
    rare = schema.restore(np.stack([schema.row({"c": "odder"}).x] * 40))["c"]
    assert set(rare) == {"odd", "odder"}
    cells = {"c": "odder", "n": "0.123456789012"}
    told = schema.restore(np.zeros((3, 2)), cells=cells)
    assert told.rows() == [("odder", 0.123456789012)] * 3


STEPPED = infer_table(
    pl.DataFrame({
        "n": np.arange(100, dtype=np.int8) % 50,
        "g": [1, 2, 3, 3] * 25,
        "d": [date(2020, 5, 1 + i % 28) for i in range(100)],
        "b": np.random.default_rng(0).integers(0, 10**9, 100),
    })
)  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"n": 300}, "300 is no value of it; legal are numbers .*such as Int8 holds"),
        ({"n": "old"}, "'old' is no value of it; legal are numbers"),
        ({"g": "old"}, "'old' is no value of it; known are 1, 2, 3"),
        ({"n": 127.9996}, "127.9996 is no value of it; legal are numbers .*such as Int8 holds"),
        ({"b": 12.7}, "12.7 is no value of it; legal are numbers"),
        ({"d": datetime(2020, 5, 5, 18)}, "is no value of it; legal are dates, .* steps of a day"),
        ({"g": 1.5}, "1.5 is no value of it"),
        ({"d": "old"}, "'old' is no value of it; legal are dates"),
    ],
)
def test_values_that_a_column_does_not_have_are_refused(cells, words):
    with pytest.raises(DataError, match=words):
        STEPPED.row(cells)


def test_rows_show_the_step_that_the_model_is_given():
    """Also where floats put it beside its step."""
    for cells in ({"n": 2.9995}, {"n": "3"}):
        row = STEPPED.row(cells)
        assert STEPPED.restore(row.x[None], cells=cells)["n"].to_list() == [3]
    noon = {"d": datetime(2020, 5, 5), "g": 2}
    row = STEPPED.row(noon)
    assert STEPPED.restore(row.x[None], cells=noon).row(0)[1:3] == (2, date(2020, 5, 5))
    # More steps than single precision counts.
    far = {"t": datetime(2021, 2, 3, 12, 34, 57), "w": 20_000_001, "e": 2}
    times = [datetime(2015, 1, 1) + timedelta(seconds=s) for s in range(0, 7000, 70)]
    rows = pl.DataFrame({"t": times, "w": [*range(50)] * 2, "e": ["1", "2"] * 50})
    schema = infer_table(
        rows.with_columns(pl.col("e").cast(pl.Enum(["1", "2", "3"]))),
        overrides={"t": {"step": "second"}},
    )
    told = schema.restore(schema.row(far).x[None], cells=far)
    assert told.row(0) == (*list(far.values())[:2], "2")


def test_tenths_in_single_precision_lie_on_their_steps():
    rng = np.random.default_rng(0)
    tenths = pl.Series("p", rng.integers(0, 50_000, 400) / 10).cast(pl.Float32)
    rows = pl.DataFrame([tenths, pl.Series("c", ["a", "b"] * 200)])
    schema = infer_table(rows, overrides={"p": {"step": 0.1}})
    assert schema.contradictions(rows) == []
    for cell in tenths[:20].to_list():
        assert schema.row({"p": cell}).mask[0]
    with pytest.raises(DataError, match="closest"):
        schema.row({"p": 20.05})


def test_a_wider_step_of_days_contradicts_the_days():
    rows = pl.DataFrame({"d": [date(2020, 5, 1 + i % 28) for i in range(56)], "c": ["a", "b"] * 28})
    edited = infer_table(rows).to_json()
    edited["columns"][0]["step"] = 7 * 86400.0
    (line,) = TableSchema.from_json(edited).contradictions(rows)
    assert line == "column 'd': 48 cells between steps of 604800 s, rounded to the nearer one"


def test_files():
    text = json.dumps(SCHEMA.to_json())
    assert TableSchema.from_json(json.loads(text)) == SCHEMA


HAND_EDITS = {
    "field": ("age", {"colour": 1}, "column 'age': unknown field 'colour'"),
    "kind": ("age", {"kind": "foo"}, "column 'age': kind='foo': legal are real"),
    "law": ("age", {"likelihood": "foo"}, "column 'age': likelihood='foo': .*legal are normal"),
    "no law": ("age", {"likelihood": None}, "column 'age': .*needs one"),
    "law of levels": ("age", {"likelihood": "categorical"}, "is not for kind"),
    "step": ("age", {"step": 0}, "column 'age': step=0: legal are numbers above 0"),
    "no step": ("age", {"step": None}, "column 'age': step=None; .*needs a step"),
    "bound": ("age", {"low": "x"}, "column 'age': low='x': legal are finite numbers"),
    "bounds": ("age", {"low": 9, "high": 3}, "not below"),
    "atom": ("dose", {"atom": None}, "column 'dose': atom=None; hurdle:.* needs an atom"),
    "storage": ("age", {"storage": "List"}, "column 'age': storage: 'List' is no type"),
    "levels": ("town", {"levels": ["a", "a"]}, "column 'town': levels=.*twice"),
    "one level": ("town", {"levels": ["a"]}, "column 'town': levels=.*two or more"),
    "no list": ("town", {"levels": "abc"}, "column 'town': levels='abc': legal is a list"),
    "date": ("born", {"origin": 5}, "column 'born': origin=5.0; legal is a date"),
    "bad date": ("born", {"origin": {"date": "1980-13-01"}}, "column 'born': origin="),
    "share": ("age", {"missing": 7}, "column 'age': missing=7: legal are shares"),
    "twice": ("age", {"name": "town"}, "column 'town' occurs twice"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "edit", "message"), HAND_EDITS.values(), ids=HAND_EDITS)
def test_files_edited_by_hand_are_refused_by_column_and_field(name, edit, message):
    stored = copy.deepcopy(SCHEMA.to_json())
    next(each for each in stored["columns"] if each["name"] == name).update(edit)
    with pytest.raises(FileError, match=message) as caught:
        TableSchema.from_json(json.loads(json.dumps(stored)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stored", [None, [], {}, {"columns": 1}, {"columns": [1]}, {"columns": []},
                                    {"columns": [{}], "container": "polars"}])  # fmt: skip
def test_files_that_are_no_schema_are_refused(stored):
    with pytest.raises(FileError, match="schema"):
        TableSchema.from_json(stored)


def test_every_field_of_a_column_can_be_damaged_without_a_traceback():
    for each in fields(SCHEMA.columns[0]):
        for value in (None, 3, -1.5, "x", [], [None], {}, [[]], True):
            stored = copy.deepcopy(SCHEMA.to_json())
            for column in stored["columns"]:
                column[each.name] = value
                try:
                    TableSchema.from_json(stored)
                except FileError:
                    continue
