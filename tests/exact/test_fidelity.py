"""How good synthetic rows are, on rows of a known law and on rows broken on purpose."""

import json
from importlib import import_module
from math import comb

import numpy as np
import polars as pl
import pytest

from jensen._types import Datum
from jensen.data import infer_table
from jensen.errors import OptionError
from jensen.queries.fidelity import fidelity
from jensen.queries.fidelity.boosting import boosted, target_of
from jensen.queries.fidelity.impossible import impossible_rows
from jensen.queries.fidelity.marginals import by_column, by_pair
from jensen.queries.fidelity.nearest import _chance_of_nearer, nearest, nearest_distances

from ..statistics.budget import level

ROWS = 1500
NAMES = ["colour", "age", "visits", "income"]
# All figures of rows of one law below.
COMPARISONS = 12


def frame(rng, rows):
    """Columns with one cause, so that each says much of the others."""
    z = rng.normal(size=rows)
    return pl.DataFrame(
        {
            "colour": np.array(["red", "green", "blue"])[np.digitize(z, [-0.5, 1.0])],
            "age": np.clip(40 + 10 * z + 3 * rng.normal(size=rows), 18, 90).round(),
            "visits": np.clip(rng.poisson(np.exp(2 + 0.7 * z)), 0, 255).astype(np.uint8),
            "income": np.exp(3 + z + 0.3 * rng.normal(size=rows)),
        }
    )


@pytest.fixture(scope="module")
def table():
    """A schema, and synthetic, training and held-out rows, all of one law."""
    rng = np.random.default_rng(0)
    training = frame(rng, ROWS)
    schema = infer_table(training, {"age": {"low": 0, "high": 120}})
    assert [column.law.base for column in schema.modelled] == [
        "categorical", "rounded", "negative-binomial", "log-normal"
    ]  # fmt: skip
    rows = [schema.check(each) for each in (frame(rng, ROWS), training, frame(rng, ROWS))]
    return schema, [np.asarray(each.x, np.float64) for each in rows]


@pytest.fixture(scope="module")
def told(table):
    schema, rows = table
    return fidelity(*map(Datum, rows), schema)


def most(bins):
    """What the distance of two samples of one law may be.

    The mean of each sample's distance from the law is at most ½ √(bins / rows), and a row moves
    it by at most 1 / rows (McDiarmid 1989).
    """
    chance = level("synthetic rows", COMPARISONS)
    return 2 * (np.sqrt(bins / ROWS) / 2 + np.sqrt(np.log(2 / chance) / (2 * ROWS)))


def test_rows_of_the_same_law_pass(told):
    assert [each["column"] for each in told.columns] == NAMES
    for each in told.columns:
        assert 0 < each["tv"] < most(22)
        assert 0 < each["reference"] < most(22)
    assert told.pairs["pairs"] == 6
    assert max(told.pairs["tv"], told.pairs["reference"]) < most(144)
    near = told.nearest
    assert near["p_nearer"] > level("synthetic rows", COMPARISONS)
    assert near["p_copies"] == 1
    assert near["synthetic"]["copies"] == near["held_out"]["copies"] == 0
    assert told.impossible == {"rows": 0, "share": 0.0, "first": None}


def test_it_tells_in_words_and_plain_values(told):
    plain = json.loads(json.dumps(told.to_json(), allow_nan=False))
    assert plain["rows"] == dict.fromkeys(("synthetic", "training", "held_out", "compared"), ROWS)
    assert plain["boosting"]["target"] == "colour"
    text = str(told)
    assert all(f"\n  {name} " in text for name in NAMES)
    assert "boosting predicts 'colour'" in text
    assert f"\n  furthest: {' and '.join(told.pairs['worst']['columns'])} " in text
    assert "impossible rows" in text
    assert max(map(len, text.split("Shares and boosting")[0].splitlines())) < 80


def test_total_variation_by_hand():
    levels = pl.DataFrame({"a": ["x", "x", "y", "z"], "b": ["p", "q", "p", "q"]})
    schema = infer_table(levels, {"a": {"kind": "categorical"}})
    codes = {"x": 0.0, "y": 1.0, "z": 2.0, "p": 0.0, "q": 1.0, "": np.nan, "new": 3.0}
    rows = lambda text: np.array([[codes[cell] for cell in row.split(",")] for row in text.split()])
    known = rows("x,p x,q y,p z,q")
    one, truth = rows("x,p new,p y,q ,q"), rows("x,p x,p x,p ,q")
    found = by_column(one, known, truth, known, schema, False)
    # x, y, z, new: 1 1 0 1 of 3 beside 3 0 0 0 of 3; then 2 1 1 0 of 4.
    assert [each["tv"] for each in found] == pytest.approx([2 / 3, 1 / 4])
    assert [each["reference"] for each in found] == pytest.approx([1 / 2, 1 / 4])
    # A missing cell has a share of its own: 1 1 0 1 1 beside 3 0 0 0 1.
    found = by_column(one, known, truth, known, schema, True)
    assert found[0]["tv"] == pytest.approx(1 / 2)
    assert found[0]["reference"] == pytest.approx(1 / 2)
    # Pairs of which both are there: xp, newp, yq beside xp thrice.
    pairs = by_pair(one, known, truth, known, schema, False)
    assert (pairs["pairs"], pairs["tv"]) == (1, pytest.approx(2 / 3))
    assert pairs["reference"] == pytest.approx(3 / 4)
    assert pairs["worst"]["columns"] == ["a", "b"]


def test_numbers_fall_into_bins_of_equal_share_and_an_atom_into_its_own():
    values = np.concatenate([np.zeros(100), np.exp(np.linspace(0, 5, 400))])
    schema = infer_table(pl.DataFrame({"income": values}))
    assert schema.modelled[0].atom == 0
    rows = np.asarray(schema.check(pl.DataFrame({"income": values})).x, np.float64)
    ends = rows[[0, -1]]
    # A fifth are the atom and 4 % the last bin; half each there: ½ (0.3 + 0.46 + 0.76).
    (found,) = by_column(ends, rows, rows, rows, schema, False)
    assert found["tv"] == pytest.approx(0.76)
    assert found["reference"] == 0


def test_few_distinct_numbers_have_a_bin_each():
    """Quantiles would put those above a value that most rows have into one bin with it."""
    values = np.repeat([0, 1, 2], [10, 970, 20])
    asked = {"visits": {"likelihood": "negative-binomial"}}
    schema = infer_table(pl.DataFrame({"visits": values}), asked)
    rows = values[:, None].astype(float)
    (found,) = by_column(np.ones((5, 1)), rows, rows, rows, schema, False)
    assert found["tv"] == pytest.approx(0.03)


def test_pairs_are_told_apart_alike_in_all_tables():
    """A category that one of them lacks is no reason to count their pairs by other numbers."""
    text = pl.DataFrame({"a": ["x", "y", "x", "y"] * 9, "b": ["p", "q", "r", "p"] * 9})
    schema = infer_table(text, {name: {"kind": "categorical"} for name in "ab"})
    known = np.asarray(schema.check(text).x, np.float64)
    truth = np.tile([[0.0, 0.0], [1.0, 1.0]], (50, 1))
    one = truth.copy()
    one[0, 1] = 2.0
    found = by_pair(one, truth, truth, known, schema, False)
    assert (found["tv"], found["reference"]) == (pytest.approx(0.01), 0)


def test_of_many_categories_the_last_share_a_bin_in_pairs():
    names = [f"level {number:02}" for number in range(12)]
    known = np.repeat(np.arange(12.0), np.arange(24, 0, -2))
    text = pl.Series([names[int(each)] for each in known])
    schema = infer_table(pl.DataFrame({"x": text, "y": text.reverse()}))
    rows = lambda level: np.tile([level, 0.0], (3, 1))
    training = np.stack([known, known[::-1]], axis=1)
    apart = lambda one, other: by_pair(rows(one), rows(one), rows(other), training, schema, False)[
        "tv"
    ]
    assert [apart(9, 10), apart(10, 11), apart(8, 9), apart(0, 1)] == [0, 0, 1, 1]


def test_a_shuffled_column_is_seen_in_pairs_alone(table, told):
    schema, (synthetic, training, held_out) = table
    broken = synthetic.copy()
    broken[:, 3] = np.random.default_rng(1).permutation(broken[:, 3])
    assert by_column(broken, training, held_out, training, schema, False) == told.columns
    pairs = by_pair(broken, training, held_out, training, schema, False)
    assert pairs["worst"]["columns"][1] == "income"
    assert pairs["worst"]["tv"] > most(144)
    assert pairs["reference"] == told.pairs["reference"]


def test_a_shifted_column_is_named(table, told):
    schema, (synthetic, training, held_out) = table
    broken = synthetic.copy()
    broken[:, 1] += 40
    found = by_column(broken, training, held_out, training, schema, False)
    assert found[1]["tv"] > 0.9
    assert [found[j] for j in (0, 2, 3)] == [told.columns[j] for j in (0, 2, 3)]


def test_copies_are_caught(table, told):
    schema, (_, training, held_out) = table
    near = nearest(training, training, held_out, schema, False)
    assert near["synthetic"] == {"median": 0.0, "p5": 0.0, "copies": 1.0}
    assert near["nearer"] == 1
    assert near["held_out"] == told.nearest["held_out"]
    few = np.concatenate([training[:300], held_out[:300]])
    caught = fidelity(Datum(few), Datum(training), Datum(held_out), schema)
    assert caught.nearest["synthetic"]["copies"] == 0.5
    assert caught.verdict[0].startswith("Copying: 5")
    # Near copies too: all but equal incomes make no rows of one's own.
    close = training * np.array([1, 1, 1, 1 + 1e-4])
    near = nearest(close, training, held_out, schema, False)
    assert near["synthetic"]["copies"] == 0
    assert near["nearer"] > 0.9


def test_copies_are_caught_where_strangers_are_equal_to_training_rows_too():
    """Nobody is nearer than those at distance 0: the shares of equal rows are compared."""
    levels = np.arange(10.0)
    known = np.stack([levels, levels], axis=1)
    text = pl.DataFrame({name: list("abcdefghij") * 2 for name in "xy"})
    schema = infer_table(text, {name: {"kind": "categorical"} for name in "xy"})
    strangers = np.stack([np.repeat(levels, 10), np.tile(levels, 10)], axis=1)
    judged = lambda rows: fidelity(Datum(rows), Datum(known), Datum(strangers), schema)
    honest = judged(strangers[::-1])
    assert honest.nearest["held_out"] == {"median": 0.5, "p5": 0.0, "copies": 0.1}
    assert honest.verdict[0].startswith("No sign of copying: 10.0%")
    assert judged(np.tile(known, (10, 1))).verdict[0].startswith("Copying: 100.0%")


@pytest.mark.parametrize(("synthetic", "held_out"), [(40, 10), (10, 40), (25, 60)])
def test_honest_rows_are_called_near_as_seldom_as_is_said(synthetic, held_out):
    """By all orders in which so many rows may come, which are counted by their binomials."""
    k = max(1, round(0.05 * held_out))
    chances = [_chance_of_nearer(count, synthetic, held_out) for count in range(synthetic + 1)]
    # Before the k-th held-out row come `count` others and k − 1 held-out ones, in any order.
    exactly = [
        comb(count + k - 1, count) * comb(synthetic - count + held_out - k, held_out - k)
        / comb(synthetic + held_out, held_out)
        for count in range(synthetic + 1)
    ]  # fmt: skip
    np.testing.assert_allclose(chances, np.cumsum(exactly[::-1])[::-1], rtol=1e-9)


def test_some_copies_among_many_are_caught(table):
    """One in thirty is the same as a training row, and no more than one in twenty is near."""
    schema, (synthetic, training, held_out) = table
    mixed = synthetic.copy()
    mixed[::30] = training[::30]
    found = fidelity(Datum(mixed), Datum(training), Datum(held_out), schema)
    assert found.nearest["nearer"] < 0.1
    assert found.nearest["p_copies"] < 1e-6
    assert found.verdict[0].startswith("Copying: ")
    assert "3.3% of the synthetic rows are equal" in found.verdict[0]


def test_it_is_said_where_only_some_training_rows_are_at_hand(table):
    schema, rows = table
    found = fidelity(*(Datum(each[:50]) for each in rows), schema, fitted_to=1500)
    assert any("Only 50 of the 1,500 rows" in note for note in found.notes)


def test_boosting_has_the_holes_of_the_rows_it_is_held_against(table):
    """Rows without holes would teach nothing of those of the rows to predict."""
    schema, (synthetic, training, held_out) = table
    rng = np.random.default_rng(4)
    holed = []
    for rows in (training, held_out):
        gappy = np.where(rng.random(rows.shape) < 0.4, np.nan, rows)
        gappy[:, 0] = rows[:, 0]
        holed.append(gappy)
    found = fidelity(Datum(synthetic), *map(Datum, holed), schema, "colour").boosting
    naive = boosted(synthetic, *holed, schema, 0)
    assert found["synthetic"]["accuracy"] > naive["synthetic"]["accuracy"]
    assert abs(found["synthetic"]["accuracy"] - found["real"]["accuracy"]) < 0.05


def test_rows_have_the_holes_of_those_they_are_held_against(table):
    """Or rows with holes would seem nearer than rows without, or farther."""
    schema, (_, training, held_out) = table
    holes = held_out.copy()
    holes[::2, :3] = np.nan
    near = nearest(held_out, training, holes, schema, False)
    # In another order, but each of them once.
    turn = np.random.default_rng(0).permutation(len(holes))
    assert nearest(holes[turn], training, holes, schema, False)["synthetic"] == near["held_out"]
    assert nearest(held_out, training, holes, schema, True)["synthetic"] != near["synthetic"]
    copied = nearest(holes, holes, held_out, schema, True)
    assert copied["synthetic"]["copies"] == 1


def test_distances_by_hand(table, monkeypatch):
    module = import_module("jensen.queries.fidelity.nearest")
    schema, _ = table
    training = np.array([[0, 10, 1, 1.0], [1, 20, 2, 2.0], [1, 30, np.nan, 3.0]])
    rows = np.array([[1, 20, 2, 2.0], [0, 5, 1, 1.0], [2, 99, np.nan, 9.0]])
    # Two of the two ranks of the third column, 1/4 and 3/4, differ by 1/4 on average.
    usual = 1 / 4
    # Ranks of the three are 1/6, 3/6 and 5/6; of the two, 1/4 and 3/4; beyond all, 0 or 1.
    expected = [0.0, (1 / 6) / 4, (1 + 1 / 6 + usual + 1 / 6) / 4]
    np.testing.assert_allclose(nearest_distances(rows, training, schema), expected, atol=1e-6)
    monkeypatch.setattr(module, "_BLOCK", 2)
    np.testing.assert_allclose(nearest_distances(rows, training, schema), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("colour", 3, "a category that no training row had"),
        ("colour", 0.5, "a category that no training row had"),
        ("age", np.inf, "not finite"),
        ("visits", 2.5, "off the column's grid"),
        ("visits", 300, "beyond what the column's type holds"),
        ("visits", -1, "beyond"),
        ("age", 1e3, "beyond the column's bound, 120"),
        ("income", 0, "not above 0"),
    ],
)
def test_impossible_rows_are_counted(table, column, value, why):
    schema, (synthetic, _, _) = table
    broken = synthetic[:20].copy()
    broken[[7, 9], NAMES.index(column)] = value
    everywhere = np.ones(broken.shape, bool)
    found = impossible_rows(broken, everywhere, schema)
    assert (found["rows"], found["share"]) == (2, 0.1)
    assert (found["first"]["row"], found["first"]["column"]) == (7, column)
    assert why in found["first"]["why"]
    everywhere[[7, 9], NAMES.index(column)] = False
    assert impossible_rows(broken, everywhere, schema)["rows"] == 0


def test_impossible_rows_are_named_and_break_nothing_else(table):
    schema, (synthetic, training, held_out) = table
    broken = synthetic[:100].copy()
    broken[3, 0], broken[5, 3] = 3, np.nan
    found = fidelity(Datum(broken), Datum(training), Datum(held_out[:100]), schema, "colour")
    assert found.impossible["rows"] == 2
    assert "2 synthetic rows are impossible: row 3" in found.verdict[-1]
    assert found.rows["compared"] == 100
    assert found.boosting["rows"] == 100


def test_boosting_learns_what_the_rows_hold(table, told):
    schema, (synthetic, training, held_out) = table
    # A sixth of the rows, beside a third and half of them.
    assert told.boosting["rarer"] == "blue"
    for trained_on in ("synthetic", "real"):
        assert told.boosting[trained_on]["accuracy"] > 0.8
    broken = synthetic.copy()
    broken[:, 0] = np.random.default_rng(1).permutation(broken[:, 0])
    found = boosted(broken, training, held_out, schema, 0)
    assert found["real"] == told.boosting["real"]
    assert found["synthetic"]["accuracy"] < 0.7
    assert found["synthetic"]["macro_f1"] < told.boosting["synthetic"]["macro_f1"] - 0.1


def test_boosting_of_numbers_and_of_cells_that_are_missing(table):
    schema, (synthetic, training, held_out) = table
    place = target_of(schema, "age")
    holes = np.random.default_rng(2).random(synthetic.shape) < 0.1
    gappy = np.where(holes, np.nan, synthetic)
    found = boosted(gappy, training, held_out, schema, place)
    # As many of the others, though all of them are there.
    assert found["rows"] == ROWS - holes[:, place].sum()
    assert found["synthetic"]["r2"] > 0.7
    assert found["real"]["r2"] > 0.7
    # What one side has in no row, or always the same, is no reason to fail.
    gappy[:, 3], gappy[:, 2] = np.nan, 7
    assert boosted(gappy, training, held_out, schema, place)["synthetic"]["r2"] > 0.3
    empty = np.full_like(synthetic, np.nan)
    assert np.isnan(boosted(empty, training, held_out, schema, place)["synthetic"]["r2"])
    assert np.isnan(boosted(training, training, empty, schema, 0)["real"]["macro_f1"])


def test_scores_of_categories_by_hand(table):
    """Learnt from rows of one category, that one is said of all."""
    schema, (_, training, _) = table
    one = np.tile(training[:1], (5, 1))
    one[:, 0] = 1
    tested = training[:4].copy()
    tested[:, 0] = [0, 1, 1, 2]
    known = training[:10].copy()
    known[:, 0] = [0, 0, 0, 0, 1, 1, 1, 1, 1, 2]
    found = boosted(one, known, tested, schema, 0)
    assert found["rarer"] == schema.modelled[0].levels[2]
    # Two of four are right; F1 of that category is 2·2 / (2·2 + 2).
    assert found["synthetic"] == pytest.approx(
        {"rarer_f1": 0.0, "macro_f1": 2 / 9, "accuracy": 0.5}
    )


def test_what_is_refused(table):
    schema, rows = table
    few = [Datum(each[:5]) for each in rows]
    with pytest.raises(OptionError, match=r"target='size'.*colour, age"):
        fidelity(*few, schema, "size")
    empty = np.full_like(rows[2][:5], np.nan)
    with pytest.raises(OptionError, match="held_out: no cell is observed"):
        fidelity(*few[:2], Datum(empty), schema)
    empty[:, 1:] = 1.0
    with pytest.raises(OptionError, match="target='colour': no held-out row has a value"):
        fidelity(*few[:2], Datum(empty), schema, "colour")
    with pytest.raises(OptionError, match="held_out: no rows"):
        fidelity(*few[:2], Datum(rows[0][:0]), schema)
