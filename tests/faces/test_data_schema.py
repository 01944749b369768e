"""What is inferred from data, and that checked rows come back as they were given."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_digits

from jensen.data import KINDS, Schema, infer
from jensen.errors import DataError, FileError, OptionError

RNG = np.random.default_rng(7)


def pixels(top, dtype="uint8", columns=64):
    X = RNG.integers(0, top + 1, size=(50, columns)).astype(dtype)
    X[:40, : columns // 2] = top
    return X


# Four columns of one cause: as counts about rates that it tells exactly, and as measurements.
CAUSE = RNG.normal(size=(400, 1))
COUNTS = RNG.poisson(np.exp(4.5 + 0.3 * CAUSE), (400, 4))
ROUNDED = np.rint(120 + 20 * CAUSE + 3 * RNG.normal(size=(400, 4)))
SHARES = RNG.multinomial(300, [0.1, 0.2, 0.3, 0.4], 400)
TOTALS = np.column_stack([COUNTS, COUNTS.sum(axis=1)])
NEARLY_ALL = RNG.binomial(100, 0.9, (400, 4))


def test_digits_are_bounded_by_their_common_maximum():
    schema = infer(load_digits().data)
    assert (schema.kind, schema.low, schema.high) == ("bounded", 0.0, 16.0)
    assert (schema.dtype, schema.shape) == ("float64", (64,))
    described = "\n".join(schema.describe())
    assert "bounded integers 0..16" in described
    assert "all values are whole, and 70% of the columns reach the same maximum" in described


@pytest.mark.parametrize(
    ("X", "kind", "high"),
    [
        pytest.param(RNG.integers(0, 2, (30, 4)).astype(bool), "binary", 1, id="booleans"),
        pytest.param(RNG.integers(0, 2, (30, 4)) * 1.0, "binary", 1, id="0-and-1"),
        pytest.param(np.zeros((5, 3)), "binary", 1, id="all-zero"),
        pytest.param(np.round(pixels(200)), "bounded", 255, id="dark-bytes-are-pixels"),
        pytest.param(pixels(90).reshape(50, 8, 8), "bounded", 255, id="event-shaped-bytes"),
        pytest.param(pixels(16), "bounded", 16, id="digits-as-bytes"),
        pytest.param(pixels(255, float), "bounded", 255, id="pixels-as-floats"),
        pytest.param(pixels(5, "int64", columns=4), "bounded", 5, id="ratings"),
        pytest.param(RNG.poisson(0.02, (3000, 40)), "count", None, id="rare-tail-is-no-bound"),
        pytest.param(RNG.poisson([3, 30], (200, 2)), "count", None, id="counts"),
        pytest.param(np.arange(20)[:, None], "count", None, id="one-column-shares-nothing"),
        pytest.param(RNG.poisson(500, (50, 6)), "count", None, id="counts-above-255"),
        pytest.param(COUNTS, "count", None, id="counts-of-one-cause"),
        pytest.param(SHARES, "count", None, id="counts-of-a-fixed-sum"),
        pytest.param(TOTALS, "count", None, id="counts-and-their-sum"),
        pytest.param(NEARLY_ALL, "count", None, id="counts-that-hardly-vary"),
        pytest.param(ROUNDED, "real", None, id="rounded-measurements"),
        pytest.param(ROUNDED[:30], "count", None, id="too-few-rows-to-tell"),
        pytest.param(np.array([[2**24 + 1], [3]]), "real", None, id="beyond-exact-float32"),
        pytest.param(np.array([[-1, 3], [0, 2]]), "real", None, id="negative-integers"),
        pytest.param(RNG.normal(size=(9, 2)), "real", None, id="fractions"),
    ],
)
def test_kind(X, kind, high):
    schema = infer(X)
    assert schema.kind == kind
    assert schema.high == (high if high is not None else X.max())
    assert schema.reason


def test_mixed_columns_are_real_and_described_as_mixed():
    X = np.column_stack([RNG.integers(0, 2, 40), RNG.poisson(4, 40), RNG.normal(size=40)])
    schema = infer(X, names=("sex", "visits", "weight"))
    assert schema.kind == "real"
    assert "1 binary, 1 of other whole numbers, 1 with fractions" in schema.reason
    assert any("'sex' (index 0), column 'visits' (index 1)" in c for c in schema.cautions)


def test_constant_real_columns_are_cautioned_against():
    X = np.column_stack([RNG.normal(size=30), np.full(30, 2.5)])
    assert any(line.startswith("caution: column 1 is constant") for line in infer(X).describe())
    assert infer(X[:, :1]).cautions == ()


def test_pixels_scaled_to_one_are_pointed_to_their_integers():
    assert any("multiples of 1/255" in caution for caution in infer(pixels(255) / 255).cautions)


def test_columns_that_float32_blurs_are_refused_and_milder_ones_named():
    far = 1e9 + RNG.normal(size=(50, 1))
    with pytest.raises(DataError, match=r"column 'time' \(index 0\).*subtract the column's median"):
        infer(far, names=("time",))
    assert infer(far - 1e9).cautions == ()
    (caution,) = infer(1e5 + RNG.normal(size=(50, 1))).cautions
    assert "rounded by 32-bit floats" in caution
    with pytest.raises(DataError, match="too little for 32-bit floats"):
        infer(1e-60 * RNG.normal(size=(50, 1)))


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_units_that_float32_cannot_square_are_refused(unit):
    X = RNG.normal(size=(50, 2)) * [1.0, unit]
    with pytest.raises(DataError, match=r"column 'b' \(index 1\): .*change the column's unit"):
        infer(X, names=("a", "b"))
    with pytest.raises(DataError, match="squares"):
        infer(X.astype("float32"))
    assert infer(X / [1.0, unit]).cautions == ()


@pytest.mark.parametrize("kind", ["real", "count"])
def test_a_value_far_out_of_its_columns_scale_is_pointed_to(kind):
    X = RNG.normal(size=(60, 3)) if kind == "real" else RNG.poisson(5.0, (60, 3))
    assert infer(X, kind=kind).cautions == ()
    X[7, 2] = 16_000_000
    (caution,) = infer(X, kind=kind, names=("a", "b", "c")).cautions
    assert "row 7 (counting from 0), column 'c' (index 2): 1.6e+07 lies" in caution
    X[7, 2] = 1000
    assert infer(X, kind=kind).cautions == ()


def test_every_inference_can_be_overridden():
    X = RNG.integers(0, 2, (30, 4))
    assert [infer(X, kind=kind).kind for kind in KINDS] == list(KINDS)
    assert infer(X, high=7).high == 7
    assert infer(X, kind="bounded").high == 1
    assert infer(X, shape=(2, 2)).check(X).shape == (30, 2, 2)
    assert infer(X, names=tuple("abcd")).names == ("a", "b", "c", "d")
    assert infer(X, dtype="uint8").restore(X).dtype == np.uint8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "gaussian"}, "legal are binary, bounded, count, real"),
        ({"kind": "real", "high": 4}, "goes with kind='bounded'"),
        ({"high": 0}, "legal are whole numbers from 1"),
        ({"high": 2.5}, "legal are whole numbers from 1"),
        ({"high": "16"}, "legal are whole numbers from 1"),
        ({"high": float("nan")}, "legal are whole numbers from 1"),
        ({"shape": (3, 3)}, "does not hold 4 columns"),
        ({"shape": (-2, -2)}, "whole numbers from 1"),
        ({"shape": "22"}, "whole numbers from 1"),
        ({"shape": 4}, "whole numbers from 1"),
        ({"shape": (2.0, 2.0)}, "whole numbers from 1"),
        ({"dtype": "uint9"}, "legal are NumPy's names"),
        ({"dtype": np.uint8}, "legal are NumPy's names"),
        ({"dtype": "float"}, "legal are NumPy's names"),
        ({"dtype": "str"}, "legal are NumPy's names"),
        ({"dtype": "uint8", "high": 300}, r"holds 0..255, .*from 0 to 300; give a wider type"),
        ({"dtype": "bool", "high": 3}, r"holds 0..1, .*from 0 to 3"),
        ({"dtype": "float16", "high": 3000}, r"holds -2048..2048, .*from 0 to 3000"),
        ({"names": ("a", "b")}, "2 names for 4 columns"),
    ],
)
def test_impossible_overrides(options, message):
    with pytest.raises(OptionError, match=message):
        infer(RNG.integers(0, 2, (30, 4)), **options)


@pytest.mark.parametrize(
    ("X", "dtype", "message"),
    [
        ([[0.5, 1.0], [2.0, 3.0]], "uint8", "whole numbers only, and these rows are real"),
        ([[-1, 2], [0, 3]], "uint8", "from -1 to 3"),
        ([[0, 300], [7, 3]], "uint8", "from 0 to 300"),
        ([[0.5, 1e5], [2.0, 3.0]], "float16", r"-65504..65504, .*to 100000"),
        ([[0.0, 2.0**63], [2.0, 3.0]], "int64", "..9.223372037e.18, .*to 9.2"),
    ],
)
def test_a_type_that_cannot_hold_the_data_is_refused(X, dtype, message):
    with pytest.raises(OptionError, match=rf"^dtype='{dtype}' .*{message}.*; give a"):
        infer(X, dtype=dtype)


def test_a_type_told_is_that_of_samples():
    schema = infer([[-1.0, 2.0], [0.0, 3.0]], dtype="int8")
    assert (schema.kind, schema.dtype) == ("real", "int8")
    assert schema.restore([[1.6, -0.2]]).tolist() == [[2, 0]]
    assert infer(RNG.normal(size=(9, 2)), dtype="float32").restore([[1, 2]]).dtype == np.float32


def test_bytes_told_are_pixels_as_bytes_given_are():
    X = pixels(200).astype(float)
    assert infer(X).high == 200
    told, given = infer(X, dtype="uint8"), infer(X.astype("uint8"))
    assert told == given
    assert told.high == 255


def test_rows_that_have_a_shape_are_not_read_in_another():
    images = pixels(16).reshape(50, 8, 8)
    assert infer(images, shape=(8, 8)) == infer(images)
    with pytest.raises(OptionError, match=r"shape=\(64,\): rows of shape \(8, 8\)"):
        infer(images, shape=(64,))


def test_an_override_the_data_deny_names_the_cell():
    with pytest.raises(DataError, match=r"row 1 .*column 0: 0.5 is not a whole number; counts"):
        infer([[1.0, 2.0], [0.5, 3.0]], kind="count")
    with pytest.raises(DataError, match=r"row 0 .*column 1: 2 is above 1; binary"):
        infer([[1, 2], [0, 3]], kind="binary")
    with pytest.raises(DataError, match="above 16777216"):
        infer([[2**24 + 1], [3]], kind="count")


DTYPES = ["bool", "int8", "uint8", "int16", "int32", "int64", "uint64", "float16", "float32"]


@pytest.mark.parametrize("dtype", [*DTYPES, "float64", ">i4", ">f4"])
@pytest.mark.parametrize("shape", [(6,), (2, 3)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_restore_undoes_check(kind, shape, dtype):
    X = RNG.integers(0, 2 if kind == "binary" or dtype == "bool" else 100, size=(20, *shape))
    X = X.astype(dtype)
    if kind == "real" and X.dtype.kind == "f":
        X = (X / 8).astype(dtype)
    schema = infer(X, kind=kind)
    rows = schema.check(X)
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    assert not np.shares_memory(rows, X)
    back = schema.restore(rows)
    assert back.dtype == X.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, X)
    np.testing.assert_array_equal(schema.restore(rows.reshape(20, -1)), X)


def test_real_float64_comes_back_to_float32_precision():
    X = RNG.normal(size=(20, 3))
    schema = infer(X)
    np.testing.assert_allclose(schema.restore(schema.check(X)), X, rtol=2**-24)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float64"])
def test_samples_obey_kind_and_type(kind, dtype):
    schema = Schema(kind, dtype, (3,), 0.0, 1.0 if kind == "binary" else 16.0)
    x = np.array([[-5.0, 0.4, 1e30], [0.6, 15.7, 3.0]])
    draws = schema.restore(x)
    assert draws.dtype == dtype
    if kind != "real":
        assert (draws >= 0).all()
        np.testing.assert_array_equal(draws, np.rint(draws.astype(float)))
    if kind in ("binary", "bounded"):
        assert (draws <= schema.high).all()
    means = schema.restore(x, exact=False)
    assert means.dtype == np.float64
    np.testing.assert_array_equal(means, x)


def test_means_keep_single_precision_and_widen_half():
    kinds = {d: infer(np.array([[0.5], [1.5]], dtype=d)) for d in ("float16", "float32")}
    assert {s.restore([[1.0]], exact=False).dtype for s in kinds.values()} == {np.dtype("float32")}


def test_broken_model_output_is_no_integer():
    with pytest.raises(DataError, match="not finite"):
        infer([[0, 3], [-1, 2]]).restore([[np.nan, 1.0]])


PANDAS = pd.DataFrame(
    {
        "age": pd.Series([31, 45, 27], dtype="int8"),
        "smokes": pd.Series([True, False, True]),
        "visits": pd.Series([1, 0, 7], dtype="Int64"),
        "weight": pd.Series([60.5, 71.25, 80.0], dtype="float32"),
    }
)
POLARS = pl.DataFrame(
    {"age": [31, 45, 27], "smokes": [True, False, True], "weight": [60.5, 71.25, 80.0]},
    schema={"age": pl.UInt8, "smokes": pl.Boolean, "weight": pl.Float32},
)


def test_pandas_frames_come_back_with_names_and_types():
    schema = infer(PANDAS)
    assert schema.names == ("age", "smokes", "visits", "weight")
    pd.testing.assert_frame_equal(schema.restore(schema.check(PANDAS)), PANDAS)
    means = schema.restore(schema.check(PANDAS), exact=False)
    assert [str(d) for d in means.dtypes] == ["float64", "float64", "float64", "float32"]
    assert isinstance(schema.restore(schema.check(PANDAS), container="numpy"), np.ndarray)
    nameless = pd.DataFrame(np.array([[0.5, 1.5], [2.5, 1.0]]))
    assert infer(nameless).names is None
    pd.testing.assert_frame_equal(infer(nameless).restore(nameless), nameless)


def test_polars_frames_come_back_with_names_and_types():
    schema = infer(POLARS)
    back = schema.restore(schema.check(POLARS))
    assert back.schema == POLARS.schema
    assert back.equals(POLARS)
    means = schema.restore(schema.check(POLARS), exact=False)
    assert means.schema == {"age": pl.Float64, "smokes": pl.Float64, "weight": pl.Float32}


def test_a_type_told_is_that_of_every_column_of_a_frame():
    schema = infer(PANDAS, dtype="float32")
    assert schema.dtypes == ("float32",) * 4
    assert {str(d) for d in schema.restore(schema.check(PANDAS)).dtypes} == {"float32"}
    schema = infer(POLARS, dtype="float32")
    assert set(schema.restore(schema.check(POLARS)).dtypes) == {pl.Float32}


def test_object_columns_of_numbers_come_back_as_floats():
    frame = pd.DataFrame({"a": pd.Series([1, 2, 3], dtype=object)})
    schema = infer(frame)
    assert schema.restore(schema.check(frame))["a"].dtype == np.float64


@pytest.mark.parametrize("X", [PANDAS, POLARS, load_digits().data], ids=["pandas", "polars", "np"])
def test_json_round_trip(X):
    schema = infer(X)
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "red"},
        {"kind": "gaussian"},
        {"dtype": "str"},
        {"dtype": None},
        {"shape": [3]},
        {"shape": "4"},
        {"shape": []},
        {"low": "none"},
        {"high": float("nan")},
        {"low": 9.0, "high": 1.0},
        {"names": ["a"]},
        {"container": "excel"},
        {"names": 3},
        {"names": [1, 2, 3, 4]},
        {"kind": "bounded", "low": 0.0, "high": 2.5},
        {"kind": "binary", "low": 0.0, "high": 2.0},
    ],
    ids=str,
)
def test_altered_json_is_refused(change):
    stored = {**infer(PANDAS).to_json(), **change}
    with pytest.raises(FileError, match="schema"):
        Schema.from_json(stored)


def test_json_with_a_field_missing_is_refused():
    stored = infer(PANDAS).to_json()
    del stored["kind"]
    with pytest.raises(FileError, match=r"missing fields \['kind'\]"):
        Schema.from_json(stored)
    with pytest.raises(FileError, match="missing fields"):
        Schema.from_json([1, 2])  # type: ignore[arg-type]
