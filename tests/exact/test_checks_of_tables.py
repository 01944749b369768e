"""Baseline, predictive checks and both parts of the evidence of tables, against what is known."""

import jax
import numpy as np
import polars as pl
import pytest
from scipy import stats

from jensen import evidence
from jensen._types import Datum
from jensen.data import infer_table
from jensen.queries import sample
from jensen.queries.checks.tables import independent_columns, predictive_checks_of_tables
from jensen.recipes import build_model

from ..statistics.budget import REPETITIONS, level

# As the replications have it, the least p-value there is.
LEAST = 1 / 1000


@pytest.fixture(scope="module")
def table():
    """Schema, rows with holes and an untrained model of three columns without any relation."""
    rng = np.random.default_rng(0)
    n = 400
    frame = pl.DataFrame(
        {
            "colour": rng.choice(["red", "green", "blue"], n, p=[0.5, 0.3, 0.2]),
            "income": np.exp(rng.normal(1.0, 0.6, n)),
            "steps": rng.normal(100, 30, n).round(),
        }
    )
    holes = rng.random((n, 3)) < 0.1
    frame = pl.DataFrame([s.set(pl.Series(holes[:, j]), None) for j, s in enumerate(frame)])
    schema = infer_table(frame)
    rows = schema.check(frame)
    model = build_model(
        rows, key=jax.random.key(0), columns=schema.facts(), latent_dim=2, hidden=[8]
    )
    return schema, rows, model


def only(rows, *columns):
    mask = np.zeros_like(rows.mask)
    mask[:, columns] = rows.mask[:, columns]
    return Datum(rows.x, mask)


def test_the_baseline_is_the_best_law_of_each_column(table):
    schema, rows, model = table
    assert [column.likelihood for column in schema.modelled] == [
        "categorical", "log-normal", "rounded"
    ]  # fmt: skip
    seen = rows.mask[:, 0]
    codes = rows.x[seen, 0].astype(int)
    shares = np.bincount(codes) / len(codes)
    found = independent_columns(model, rows, only(rows, 0))
    np.testing.assert_allclose(found[seen], np.log(shares[codes]), atol=0.02)
    assert (found[~seen] == 0).all()
    seen = rows.mask[:, 1]
    logs = np.log(rows.x[seen, 1].astype(float))
    expected = stats.norm(logs.mean(), logs.std()).logpdf(logs) - logs
    found = independent_columns(model, rows, only(rows, 1))
    assert found[seen].mean() == pytest.approx(expected.mean(), abs=0.01)


def test_the_baseline_counts_the_mask_where_the_model_does(table):
    schema, rows, model = table
    other = build_model(
        rows,
        key=jax.random.key(0),
        columns=schema.facts(),
        latent_dim=2,
        hidden=[8],
        missing="random",
    )
    share = (np.sum(~rows.mask, axis=0) + 0.5) / (len(rows.mask) + 1)
    more = np.where(rows.mask, np.log(1 - share), np.log(share)).sum(axis=1)
    found = independent_columns(other, rows, rows) - independent_columns(model, rows, rows)
    np.testing.assert_allclose(found, more, atol=1e-3)


def test_cells_of_steps_and_categories_have_the_probability(table):
    """With no others observed it is all of the evidence, and with none of them it is one."""
    _, rows, model = table
    key = jax.random.key(1)
    whole = evidence.importance(model, only(rows, 0, 2), key, 100).values
    assert (evidence.probability_of_cells(model, rows, key, 100).values == whole).all()
    alone = evidence.probability_of_cells(model, only(rows, 1), key, 100).values
    np.testing.assert_allclose(alone, 0.0, atol=1e-4)


def test_rows_of_the_model_pass_and_others_are_told_by_column(table):
    schema, rows, model = table
    drawn = [
        Datum(sample(model, key, 60), rows.mask[:60])
        for key in jax.random.split(jax.random.key(2), REPETITIONS)
    ]
    found = [
        predictive_checks_of_tables(model, own, rows, schema, jax.random.key(3)) for own in drawn
    ]
    names = [each["name"].partition(":")[0] for each in found[0]]
    assert names == ["colour", "income", "steps", "association of columns, root mean square"]
    # The columns together, and their association, have one chance in a thousand each of the
    # least p-value; that one of them has it in all repetitions, this:
    assert level("checks of tables", 1) >= 2 * LEAST**REPETITIONS
    p_values = np.array([[each["p_value"] for each in checks] for checks in found])
    assert p_values[:, :3].min(axis=1).max() > LEAST
    assert p_values[:, 3].max() > LEAST
    right, own = found[0], drawn[0]
    away = np.array(own.x)
    spread = away[:, 2].std()
    away[:, 2] += 2 * spread
    wrong = predictive_checks_of_tables(
        model, Datum(away, own.mask), rows, schema, jax.random.key(3)
    )
    assert wrong[2]["p_value"] == LEAST
    moved = wrong[2]["observed"] - right[2]["observed"]
    # Of the cells that are there; those that are not are filled by the model.
    assert 1.2 * spread < moved < 2.2 * spread


def test_holes_alone_fail_no_check(table):
    """What is missing for its size is no fault of a model that is right of the rest."""
    schema, rows, model = table
    x = sample(model, jax.random.key(4), 60)
    mask = np.ones(x.shape, bool)
    mask[1:, 0] = False
    found = predictive_checks_of_tables(model, Datum(x, mask), rows, schema, jax.random.key(5))
    # All but one cell of both sides are the model's own draws, so that they hardly differ.
    assert found[0]["p_value"] > 0.9
    assert found[0]["observed"] == pytest.approx(found[0]["model_mean"], abs=0.05)
