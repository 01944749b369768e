"""The plain models of whole numbers, and PPCA, against scikit-learn, SciPy and quadrature."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA

from jensen.data import infer
from jensen.queries.checks import baselines

FEATURES = 4
# What the covariances have on their diagonals, in units of the columns, so that they can be
# factored; and what one dequantised adds to it.
FLOOR, CELL = 1e-6, 1 / 12


@pytest.fixture(scope="module")
def real():
    rng = np.random.default_rng(3)
    mixing = rng.normal(size=(FEATURES, FEATURES)) * [3.0, 1.0, 0.5, 0.2]
    rows = rng.normal(size=(150, FEATURES)) @ mixing.T * [1.0, 10.0, 0.1, 1.0] + [5, 0, -1, 100]
    return rows[:100], rows[100:], infer(rows)


@pytest.fixture(scope="module")
def whole():
    rng = np.random.default_rng(4)
    rows = rng.binomial(9, rng.beta(2.0, 3.0, (150, 1)) * [0.9, 0.6, 0.3, 0.8])
    return rows[:100], rows[100:], infer(rows, high=9)


def with_covariance(covariance):
    """Rows whose mean is zero and whose sample covariance, as PCA takes it, is just that."""
    rows = np.random.default_rng(5).normal(size=(50, len(covariance)))
    rows -= rows.mean(0)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(rows.T)), rows.T)
    return (np.linalg.cholesky(covariance) @ white).T


def shrunk(train, scale):
    return ledoit_wolf((train - train.mean(0)) / scale, assume_centered=True)[0]


def over_the_cell(log_density, rows):
    """E_u[log p(x + u)], u uniform on the cell around each row, log p a quadratic function.

    Two points a side, with equal weights, integrate what is of third order exactly (Gauss).
    """
    corners = product([-0.5 / np.sqrt(3), 0.5 / np.sqrt(3)], repeat=rows.shape[1])
    return np.mean([log_density(rows + np.array(corner)) for corner in corners], axis=0)


@pytest.mark.parametrize("latent", [1, 2])
def test_ppca_is_that_of_scikit_learn(real, latent):
    train, test, schema = real
    scale = train.std(0)
    pca = PCA(latent).fit(with_covariance(shrunk(train, scale) + FLOOR * np.eye(FEATURES)))
    exact = pca.score_samples((test - train.mean(0)) / scale) - np.log(scale).sum()
    found = baselines(train, test, schema, latent)
    np.testing.assert_allclose(found["ppca"], exact, rtol=1e-6)
    # Not the full covariance under another name.
    assert np.abs(found["ppca"] - found["gaussian"]).max() > 1e-3


def test_ppca_of_whole_numbers_is_the_mean_over_each_cell(whole):
    train, test, schema = whole
    pca = PCA(2).fit(with_covariance(shrunk(train, 1.0) + (FLOOR + CELL) * np.eye(FEATURES)))
    exact = over_the_cell(lambda x: pca.score_samples(x - train.mean(0)), test)
    np.testing.assert_allclose(baselines(train, test, schema, 2)["ppca"], exact, rtol=1e-6)


def test_ppca_with_as_many_latents_as_columns_leaves_one_for_noise(real):
    train, test, schema = real
    found = [baselines(train, test, schema, latent)["ppca"] for latent in (3, 4, 9)]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_gaussian_of_whole_numbers_is_the_mean_over_each_cell(whole):
    train, test, schema = whole
    covariance = shrunk(train, 1.0) + (FLOOR + CELL) * np.eye(FEATURES)
    normal = stats.multivariate_normal(train.mean(0), covariance)
    found = baselines(train, test, schema, 2)["gaussian"]
    np.testing.assert_allclose(found, over_the_cell(normal.logpdf, test), rtol=1e-6)


def test_a_dequantised_normal_is_no_more_than_the_probability_of_the_cell():
    rows = np.random.default_rng(6).binomial(9, 0.4, (200, 1))
    train, test = rows[:150], np.arange(10)[:, None]
    found = baselines(train, test, infer(rows, high=9), 1)["gaussian"]
    normal = stats.norm(train.mean(), np.sqrt(train.var() + CELL + FLOOR))
    cells = normal.cdf(test + 0.5) - normal.cdf(test - 0.5)
    assert (found <= np.log(cells[:, 0])).all()
    # Tight to a hundredth in the middle, where the density is all but straight.
    assert found[4] == pytest.approx(np.log(cells[4, 0]), abs=0.01)


def test_independent_columns_of_bits_are_bernoulli_with_a_tenth_more_of_each():
    rows = np.random.default_rng(7).random((100, 3)) < [0.0, 0.2, 0.9]
    train, test = rows[:90], ~rows[90:]
    share = (train.sum(0) + 0.1) / (len(train) + 0.2)
    exact = stats.bernoulli(share).logpmf(test).sum(axis=1)
    found = baselines(train, test, infer(rows), 2)["independent columns"]
    np.testing.assert_allclose(found, exact, rtol=1e-9)
    # A bit never seen is improbable, and not impossible.
    assert np.isfinite(found).all()


def test_independent_columns_of_bounded_numbers_are_their_shares(whole):
    train, test, schema = whole
    levels = np.arange(10)
    exact = np.zeros(len(test))
    for column in range(FEATURES):
        share = ((train[:, column, None] == levels).sum(0) + 0.1) / (len(train) + 1.0)
        exact += stats.rv_discrete(values=(levels, share)).logpmf(test[:, column])
    found = baselines(train, test, schema, 2)["independent columns"]
    np.testing.assert_allclose(found, exact, rtol=1e-9)


@pytest.mark.parametrize("spread", [0.0, 2.0], ids=["poisson", "negative binomial"])
def test_independent_columns_of_counts_have_the_moments_of_the_column(spread):
    rng = np.random.default_rng(8)
    rate = rng.gamma(1 / spread, 6 * spread, 400) if spread else 6.0
    rows = rng.poisson(rate, 400)[:, None] if spread else rng.binomial(12, 0.5, (400, 1))
    every = np.arange(2000)[:, None]
    schema = infer(rows, kind="count")
    p = np.exp(baselines(rows, every, schema, 1)["independent columns"])
    assert p.sum() == pytest.approx(1.0, abs=1e-9)
    mean = (rows.sum() + 0.5) / (len(rows) + 1)
    assert p @ every[:, 0] == pytest.approx(mean, rel=1e-9)
    # Where counts spread less than Poisson's, it is Poisson's.
    variance = rows.var() if spread else mean
    assert p @ (every[:, 0] - mean) ** 2 == pytest.approx(variance, rel=1e-6)
