"""Tables through the scikit-learn face: mixed columns, holes, and what comes back."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

import jensen
from jensen._types import Datum
from jensen.data import TableSchema, infer_table
from jensen.data.tables import frame_of
from jensen.errors import DataError, OptionError

ROWS = 60
# Trained a little, so that what falls back on chains, which compile for long, is the exception.
SMALL = {
    "latent_dim": 1, "hidden": (6,), "max_epochs": 60, "learning_rate": 0.02, "draws": 20,
    "random_state": 0,
}  # fmt: skip


def cells():
    """Columns of every kind, as lists with None where a cell is missing."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=ROWS)
    made = {
        "height": (170 + 10 * z + rng.normal(size=ROWS)).tolist(),
        "visits": rng.poisson(np.exp(1 + 0.5 * z)).tolist(),
        "member": (z + rng.normal(size=ROWS) > 0).tolist(),
        "colour": rng.choice(["red", "green", "blue"], ROWS).tolist(),
        "size": rng.choice(["S", "M", "L"], ROWS).tolist(),
        "joined": [date(2020, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 900, ROWS)],
        "income": np.exp(8 + z).tolist(),
    }
    for j, values in enumerate(made.values()):
        for row in range(j, ROWS, 11):
            values[row] = None
    # One row has nothing at all, and one has no holes.
    for values in made.values():
        values[5] = None
    whole = next(r for r in range(ROWS) if all(v[r] is not None for v in made.values()))
    return made, whole


CELLS, WHOLE = cells()
SIZES = ["S", "M", "L"]
# An Enum of polars does not say whether its order means anything. Asked for, so that frames of
# both libraries have the same laws, and compile one model between them.
ORDERED = {"size": {"kind": "ordinal"}}


def pandas_frame():
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in CELLS.items()})
    types = {
        "height": "float64",
        "visits": "Int64",
        "member": "boolean",
        "colour": "string",
        "size": pd.CategoricalDtype(SIZES, ordered=True),
        "income": "float32",
    }
    frame = frame.astype(types)
    frame["joined"] = pd.to_datetime(frame["joined"]).astype("datetime64[ns]")
    return frame


def polars_frame():
    return pl.DataFrame(
        {name: pl.Series(name, values, strict=False) for name, values in CELLS.items()}
    ).with_columns(
        pl.col("size").cast(pl.Enum(SIZES)),
        pl.col("visits").cast(pl.Int16),
        pl.col("income").cast(pl.Float32),
    )


FRAMES = {"pandas": pandas_frame, "polars": polars_frame}


@pytest.fixture(scope="module")
def fitted():
    return jensen.VAE(**SMALL, schema=ORDERED).fit(polars_frame())


@pytest.fixture(scope="module", params=list(FRAMES))
def case(request, fitted):
    """A frame, and a model fitted to such a frame: with the same numbers, so trained once."""
    frame = FRAMES[request.param]()
    if request.param == "polars":
        return frame, fitted
    return frame, jensen.VAE(**SMALL).fit(frame)


def dtypes(frame):
    return dict(zip(frame.columns, frame.dtypes, strict=True))


def as_polars(frame):
    return frame_of(frame)


def assert_like(found, frame, rows):
    assert type(found) is type(frame)
    assert list(found.columns) == list(frame.columns)
    assert dtypes(found) == dtypes(frame)
    assert len(found) == rows


def test_a_mixed_frame_is_a_table(case):
    frame, vae = case
    assert isinstance(vae.schema_, TableSchema)
    assert isinstance(vae.rows_, Datum)
    assert vae.n_features_in_ == 7
    assert list(vae.feature_names_in_) == list(frame.columns)
    kinds = {column.name: column.kind for column in vae.schema_.columns}
    assert kinds["member"] == "binary"
    assert kinds["colour"] == "categorical"
    assert kinds["size"] == "ordinal"
    assert kinds["joined"] == "datetime"


def test_only_some_frames_say_that_their_categories_have_an_order():
    for name, kind in (("pandas", "ordinal"), ("polars", "categorical")):
        schema = infer_table(FRAMES[name]())
        assert {column.name: column.kind for column in schema.columns}["size"] == kind, name


def test_rows_come_back_as_the_table_they_were(case):
    frame, vae = case
    few = frame[:4]
    assert_like(vae.sample(7), frame, 7)
    assert_like(vae.sample(7, "posterior"), frame, 7)
    assert_like(vae.vary(few, 3), frame, 12)
    assert_like(vae.reconstruct(few), frame, 4)
    assert_like(vae.reconstruct(few, "resampled"), frame, 4)
    assert_like(vae.sample_given({"size": "L", "joined": date(2021, 5, 1)}, 5), frame, 5)
    drawn = as_polars(vae.sample(50))
    assert drawn.null_count().sum_horizontal()[0] == 0
    assert set(drawn["colour"]) <= {"red", "green", "blue"}


def test_rows_are_filled_and_what_is_there_stays(case):
    frame, vae = case
    before = as_polars(frame)
    found = vae.impute(frame, draws=20, keep=20)
    assert len(found.draws) == 20
    for table in (found.table, found.lower, found.upper, *found.draws[:2]):
        assert_like(table, frame, ROWS)
        after = as_polars(table)
        assert after.null_count().sum_horizontal()[0] == 0
        for name in before.columns:
            there = before[name].is_not_null()
            assert after[name].filter(there).equals(before[name].filter(there))
    lower, upper = as_polars(found.lower)["height"], as_polars(found.upper)["height"]
    filled = as_polars(found.table)["height"]
    hole = before["height"].is_null()
    assert (lower <= filled).all()
    assert (filled <= upper).all()
    assert (lower < upper).filter(hole).all()
    assert found.mean.shape == (ROWS, 7)
    np.testing.assert_allclose(found.mean[:, 0], filled.to_numpy(), rtol=1e-5)
    assert found.ess.shape == found.unreliable.shape == (ROWS,)
    # Two draws of what is missing differ; the same seed gives the same.
    first, second = (as_polars(each)["height"].filter(hole) for each in found.draws[:2])
    assert not first.equals(second)
    # Of truth values, as of all categories that are numbers, the mean is that of the draws.
    members = np.mean([as_polars(each)["member"].to_numpy() for each in found.draws], axis=0)
    np.testing.assert_allclose(found.mean[:, 2], members, atol=1e-6)
    assert ((members > 0) & (members < 1)).any()
    again = vae.impute(frame, draws=20, keep=20)
    assert as_polars(again.table).equals(as_polars(found.table))
    other = vae.impute(frame, draws=20, keep=20, random_state=1)
    assert not as_polars(other.draws[0]).equals(as_polars(found.draws[0]))


def test_given_cells_stay_as_they_were_given(case):
    _, vae = case
    given = {
        "member": True,
        "size": "S",
        "visits": 3,
        "joined": "2021-02-03",
        "height": 171.123456789,
    }
    drawn = as_polars(vae.sample_given(given, 6))
    assert drawn["member"].all()
    assert set(drawn["size"]) == {"S"}
    assert set(drawn["visits"]) == {3}
    assert {str(each)[:10] for each in drawn["joined"]} == {"2021-02-03"}
    assert set(drawn["height"]) == {171.123456789}
    assert drawn["income"].n_unique() > 1


def test_scores_do_not_depend_on_the_order_of_columns_or_on_other_rows(case):
    frame, vae = case
    scores = vae.score_samples(frame)
    assert np.isfinite(scores).all()
    turned = frame[list(frame.columns)[::-1]]
    np.testing.assert_array_equal(vae.score_samples(turned), scores)
    np.testing.assert_allclose(vae.score_samples(frame[10:20]), scores[10:20], rtol=1e-5)
    # A row of which nothing is known has probability one, and there is no doubt about it.
    assert scores[5] == 0.0
    assert vae.transform(frame).shape == (ROWS, 1)
    assert vae.predict(frame).shape == (ROWS,)


def test_a_category_never_seen_scores_low_and_not_impossible(fitted):
    row = polars_frame()[WHOLE : WHOLE + 1]
    strange = row.with_columns(pl.lit("mauve").alias("colour"))
    usual, unusual = fitted.score_samples(row)[0], fitted.score_samples(strange)[0]
    assert np.isfinite(unusual)
    # One of 56 rows, against about one in three.
    assert unusual < usual - 1.5


@pytest.mark.parametrize("form", ["model", "model.jensen"])
def test_saved_and_loaded_it_gives_the_same_answers(fitted, tmp_path, form, compiled_as):
    frame = polars_frame()
    loaded = jensen.load(fitted.save(tmp_path / form))
    np.testing.assert_array_equal(loaded.score_samples(frame), fitted.score_samples(frame))
    assert loaded.schema_ == fitted.schema_
    np.testing.assert_array_equal(loaded.rows_.mask, fitted.rows_.mask)
    mine, theirs = (each.impute(frame, draws=20, keep=20).table for each in (fitted, loaded))
    assert mine.equals(theirs)
    assert loaded.get_params() == fitted.get_params()
    assert compiled_as(loaded) == compiled_as(fitted)


def test_mask_and_overrides_are_saved_too(tmp_path):
    frame = polars_frame()
    options = {"missing": "self", "schema": {"visits": {"likelihood": "rounded"}}}
    vae = jensen.VAE(**(SMALL | {"max_epochs": 1}), **options).fit(frame)
    assert {c.name: c.likelihood for c in vae.schema_.columns}["visits"] == "rounded"
    loaded = jensen.load(vae.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.score_samples(frame), vae.score_samples(frame))
    np.testing.assert_array_equal(
        loaded.model_.missingness.of_level, vae.model_.missingness.of_level
    )
    assert loaded.get_params()["missing"] == "self"
    again = clone(loaded).set_params(max_epochs=1).fit(frame)
    assert again.schema_ == vae.schema_


def test_a_schema_can_be_given_whole(fitted, tmp_path):
    frame = polars_frame()[:40]
    vae = jensen.VAE(**(SMALL | {"max_epochs": 1}), schema=fitted.schema_).fit(frame)
    assert vae.schema_ == fitted.schema_
    copy = clone(vae)
    assert copy.get_params()["schema"] == fitted.schema_
    assert jensen.load(vae.save(tmp_path / "model")).get_params() == vae.get_params()


def test_an_array_with_holes_is_a_table_if_it_is_called_one():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 3))
    x[::7, 1] = np.nan
    vae = jensen.VAE(**SMALL, kind="table").fit(x)
    assert isinstance(vae.sample(3), np.ndarray)
    found = vae.impute(x, draws=16, keep=1)
    assert isinstance(found.table, np.ndarray)
    assert np.isfinite(found.table).all()
    np.testing.assert_array_equal(found.table[np.isfinite(x)], x[np.isfinite(x)])
    with pytest.raises(DataError, match=r"row 0\b.*column 1|NaN|nan|missing"):
        jensen.VAE(**SMALL).fit(x)


def of_numbers():
    x = np.random.default_rng(0).normal(size=(40, 2))
    return jensen.VAE(**SMALL), pl.DataFrame(x, schema=["a", "b"])


def test_a_frame_of_one_kind_of_number_is_no_table():
    vae, frame = of_numbers()
    vae.fit(frame)
    assert not isinstance(vae.schema_, TableSchema)
    assert vae.model_.missingness is None
    with pytest.raises(OptionError, match="kind='table'"):
        vae.sample_given({"a": 1.0})
    with pytest.raises(DataError, match="no entry is missing"):
        vae.impute(frame)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"likelihood": "normal"}, "likelihood='normal': of a table each column has its own"),
        ({"high": 3}, "high=3: is of arrays of one kind"),
        ({"shape": (7,)}, r"shape=\(7,\): is of arrays"),
        ({"dtype": "uint8"}, "dtype='uint8': is of arrays"),
        ({"binarise": "fixed"}, "binarise='fixed': is of arrays"),
        ({"kind": "real"}, "colour|text|numbers"),
        ({"missing": "sometimes"}, "missing='sometimes' is unknown"),
        ({"schema": {"hight": {"step": 1}}}, "no column 'hight'"),
        ({"schema": {"height": {"steps": 1}}}, "no field 'steps'"),
        ({"schema": 3}, "schema=3"),
        ({"schema": {"height": {"likelihood": "normale"}}}, "normale"),
    ],
)
def test_options_that_mean_nothing_to_a_table_are_refused(options, words):
    with pytest.raises((OptionError, DataError), match=words):
        jensen.VAE(**(SMALL | options)).fit(polars_frame())


def test_missing_cells_are_modelled_of_tables_alone():
    vae, frame = of_numbers()
    with pytest.raises(OptionError, match="missing='self': is of tables"):
        vae.set_params(missing="self").fit(frame)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weight": 3}, "column 'weight' is not in the model; those that are: height"),
        ({"colour": "mauve"}, "column 'colour': 'mauve' is no value of it; known are"),
        ({"height": "tall"}, "column 'height'"),
        ({"height": None}, "column 'height': None is no value of it"),
        ({"visits": -3}, "column 'visits'"),
        ({"member": "perhaps"}, "column 'member'"),
        ({"joined": "yesterday"}, "column 'joined'"),
    ],
)
def test_cells_that_the_table_does_not_have_are_refused(fitted, given, words):
    with pytest.raises(DataError, match=words):
        fitted.sample_given(given, 2)


def test_impossible_questions_are_refused(fitted):
    frame = polars_frame()
    with pytest.raises(OptionError, match="n=0"):
        fitted.sample_given({"size": "L"}, 0)
    with pytest.raises(OptionError, match="draws=10"):
        fitted.impute(frame, draws=10)
    with pytest.raises(OptionError, match="level=2"):
        fitted.impute(frame, level=2.0)
    with pytest.raises(DataError, match="height"):
        fitted.score_samples(frame.drop("height"))
    with pytest.raises(OptionError, match="denoise"):
        fitted.denoise(frame)
    with pytest.raises(OptionError, match=r"diagnose: .* check and log_evidence"):
        fitted.diagnose(frame)


def test_the_cell_that_makes_a_row_unlikely(fitted):
    frame = polars_frame()[[WHOLE] * 2]
    odd = frame.with_columns(
        height=pl.when(pl.int_range(2) == 1).then(pl.col("height") + 500.0).otherwise("height")
    )
    scores = fitted.column_scores(odd)
    assert scores.shape == (2, 7)
    assert int(np.argmin(scores[1] - scores[0])) == 0
    assert scores[1, 0] < scores[0, 0] - 3
    tails = fitted.tail_probability(odd)
    assert tails[1] == 1 / (1 + len(fitted.held_out_.x)) <= tails[0]
    nothing = fitted.column_scores(polars_frame()[5:6])
    assert np.isnan(nothing).all()
    holes = fitted.column_scores(polars_frame()[:6], draws=10)
    there = [[cell is not None for cell in row] for row in polars_frame()[:6].rows()]
    np.testing.assert_array_equal(np.isfinite(holes), there)


def test_variations_and_latents_of_rows_with_holes(fitted):
    frame = polars_frame()
    holes = frame[5:6]
    assert len(fitted.vary(holes, 4)) == 4
    assert np.isfinite(fitted.transform(holes)).all()
