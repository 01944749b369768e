"""Whatever a table holds, it comes back: written, read, inferred, checked and restored."""

from datetime import date, datetime

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings

from jensen.data.tables import TableSchema, infer_table, read, read_table

# Text as people write it: accents, other scripts, quotes, delimiters and line breaks within.
LETTERS = st.sampled_from("abcÄéß中😀\"',;\n\t -")
TEXT = st.text(LETTERS, max_size=6).map(lambda s: ("t" + s).strip())
DECIMALS = st.integers(0, 4).flatmap(
    lambda d: st.integers(-(10**6), 10**6).map(lambda k: float(np.round(k * 10.0**-d, d)))
)
REALS = st.floats(1e-3, 1e6) | st.floats(-1e6, -1e-3)
TIMES = st.datetimes(datetime(1850, 1, 1), datetime(9998, 1, 1)).map(
    lambda t: t.replace(microsecond=0)
)
CELLS = {
    "truth": (st.booleans(), pl.Boolean),
    "small": (st.integers(0, 6), pl.Int64),
    "whole": (st.integers(-(10**6), 10**6), pl.Int64),
    "decimal": (DECIMALS, pl.Float64),
    "real": (REALS, pl.Float64),
    "text": (TEXT, pl.String),
    "word": (st.sampled_from(["tä", "t,b", 't"c"', "t\nd"]), pl.String),
    "date": (st.dates(date(1850, 1, 1), date(9999, 12, 31)), pl.Date),
    "time": (TIMES, pl.Datetime("us")),
}


@st.composite
def frames(draw):
    n = draw(st.integers(2, 30))
    columns = [pl.Series("always", [bool(i % 2) for i in range(n)])]
    for index in range(draw(st.integers(1, 4))):
        cells, dtype = CELLS[draw(st.sampled_from(sorted(CELLS)))]
        values = draw(st.lists(cells | st.none(), min_size=n, max_size=n))
        name = draw(st.sampled_from(["x", "ä b", 'a"b', "a,b"]))
        columns.append(pl.Series(f"{name}{index}", values, dtype=dtype))
    return pl.DataFrame(columns)


def slack(column, values):
    """How far a cell may be from what it was: half a step, or what float32 rounds away."""
    if column.step is not None:
        return np.full(len(values), 0.5 * column.step + 1e-9)
    return 1e-6 * np.abs(values - column.origin) + 1e-12 * np.abs(values)


def assert_restored(schema, frame):
    rows = schema.check(frame)
    back = schema.restore(rows.x, rows.mask)
    assert back.columns == frame.columns
    assert back.dtypes == frame.dtypes
    for column in schema.columns:
        old, new = frame[column.name], back[column.name]
        if column.kind == "identifier":
            assert new.null_count() == len(new)
            continue
        if column.kind == "constant":
            assert old.drop_nulls().is_in(new.to_list()).all()
            continue
        assert old.is_null().equals(new.is_null())
        old, new = old.drop_nulls(), new.drop_nulls()
        if column.kind == "datetime":
            far = (
                old.cast(pl.Datetime("us")) - new.cast(pl.Datetime("us"))
            ).dt.total_microseconds()
            assert far.abs().max() <= column.step * 1e6 / 2
        elif column.kind in ("real", "positive", "count"):
            values = old.to_numpy().astype(float)
            assert (np.abs(new.to_numpy() - values) <= slack(column, values)).all()
        elif not column.rare:
            assert new.equals(old)
    kept = schema.restore(rows.x[::-1], like=frame)
    for name in frame.columns:
        there = frame[name].is_not_null()
        assert kept[name].filter(there).equals(frame[name].filter(there))
    stored = TableSchema.from_json(schema.to_json())
    assert stored == schema


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=frames())
def test_tables_come_back_from_parquet(frame, tmp_path):
    path = tmp_path / "table.parquet"
    frame.write_parquet(path)
    again = read_table(path)
    assert again.equals(frame)
    assert_restored(infer_table(again), again)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=frames())
def test_tables_come_back_from_csv(frame, tmp_path):
    path = tmp_path / "table.csv"
    frame.write_csv(path)
    again, formats, _ = read(path)
    assert again.columns == frame.columns
    for old, new in zip(frame.get_columns(), again.get_columns(), strict=True):
        if old.null_count() == len(old):
            assert new.null_count() == len(new)
        else:
            assert new.dtype == old.dtype
            assert new.equals(old)
    schema = infer_table(again, formats=formats)
    assert_restored(schema, again)
    known = read_table(path, schema=schema)
    assert known.equals(again)


@pytest.mark.parametrize("container", ["pandas", "numpy"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=frames())
@example(frame=pl.DataFrame({"atom": [1.0, 2.0, 3.0, 8.0, 0.1, -0.1]}))
def test_tables_come_back_from_other_containers(container, frame):
    pd = pytest.importorskip("pandas")
    given_frame = pd.DataFrame({s.name: s.to_list() for s in frame.get_columns()})
    if container == "numpy":
        given_frame = given_frame.to_numpy(dtype=object)
    schema = infer_table(given_frame)
    rows = schema.check(given_frame)
    back = schema.restore(rows.x, rows.mask)
    again = schema.check(back)
    np.testing.assert_array_equal(rows.mask, again.mask)
    np.testing.assert_array_equal(np.where(rows.mask, rows.x, 0), np.where(again.mask, again.x, 0))
    if container == "pandas":
        assert list(back.columns) == list(given_frame.columns)
        left_out = {column.name for column in schema.columns if not column.modelled}
        kept = [name for name in back.columns if name not in left_out]
        nullable = {"int64": "Int64", "bool": "boolean"}
        for name in kept:
            due = str(given_frame[name].dtype)
            assert str(back[name].dtype) in (due, nullable.get(due, due))
    filled = schema.restore(rows.x, like=given_frame)
    missing = pd.isna(pd.DataFrame(given_frame))
    same = pd.DataFrame(filled).astype(object).where(~missing.to_numpy(), None)
    wanted = pd.DataFrame(given_frame).astype(object).where(~missing.to_numpy(), None)
    assert same.to_numpy().tolist() == wanted.to_numpy().tolist()
