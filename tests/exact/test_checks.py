"""Baselines against SciPy, and what a check dares to say."""

import jax
import numpy as np
import pytest
from scipy import stats
from sklearn.covariance import ledoit_wolf

from jensen import recipes
from jensen.data import infer
from jensen.queries import check
from jensen.queries.checks import baselines


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    rows = rng.poisson(rng.gamma(4.0, [1.0, 3.0, 10.0], (120, 3)) + 1)
    schema = infer(rows)
    assert schema.discrete
    return schema.check(rows), schema


@pytest.fixture(scope="module")
def judged(counts):
    """Checks of a model of densities on 30 rows and on one."""
    rows, schema = counts
    model, _ = recipes.vae(
        rows, key=jax.random.key(0), latent_dim=2, hidden=(8,), likelihood="normal"
    )
    return {
        count: check(model, rows[90 : 90 + count], rows[:90], schema, jax.random.key(1))
        for count in (1, 30)
    }


def normal_columns(train, test):
    return stats.norm(train.mean(0), train.std(0)).logpdf(test).sum(1)


def test_baselines_of_a_density_are_densities(counts):
    rows, schema = counts
    train, test = rows[:90].astype(float), rows[90:].astype(float)
    found = baselines(rows[:90], rows[90:], schema, 2, discrete=False)
    np.testing.assert_allclose(found["independent columns"], normal_columns(train, test))
    standard = (train - train.mean(0)) / train.std(0)
    shrunk = ledoit_wolf(standard, assume_centered=True)[0] + 1e-6 * np.eye(3)
    covariance = shrunk * np.outer(train.std(0), train.std(0))
    exact = stats.multivariate_normal(train.mean(0), covariance).logpdf(test)
    np.testing.assert_allclose(found["gaussian"], exact, rtol=1e-6)
    probabilities = baselines(rows[:90], rows[90:], schema, 2)
    for name, scores in probabilities.items():
        assert not np.allclose(scores, found[name], atol=1e-3), name
    # No more than all the probability there is.
    assert (probabilities["independent columns"] < 0).all()


def test_a_model_of_densities_is_held_against_densities(counts, judged):
    rows, schema = counts
    for name, scores in baselines(rows[:90], rows[90:], schema, 2, discrete=False).items():
        assert judged[30].baselines[name] == pytest.approx(scores.mean()), name


def test_a_verdict_on_one_row_claims_nothing(judged):
    found = judged[1]
    assert all(np.isnan(error) for _, error in found.differences.values())
    assert found.verdict[0].startswith("No verdict on 1 held-out row: ")
    for claim in ("Collapse:", "No collapse", "Overfit:", "No sign", "Misfit:", "No baseline"):
        assert not any(said.startswith(claim) for said in found.verdict), found.verdict
    assert "nan" not in " ".join(found.verdict)
    assert "independent columns" in repr(found)


def test_a_verdict_on_some_rows_judges_them(judged):
    found = judged[30]
    assert all(np.isfinite(error) for _, error in found.differences.values())
    assert not any("No verdict" in said for said in found.verdict)
