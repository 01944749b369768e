"""Fréchet distance, precision and recall: by hand, and of samples that are wrong on purpose."""

import json

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from jensen.errors import OptionError
from jensen.queries import array_fidelity
from jensen.queries.fidelity.features import (
    frechet_distance,
    precision_and_recall,
    principal_features,
)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def whitened(rng, rows, width):
    """Rows whose mean is nought and whose covariance is one, exactly."""
    x = rng.normal(size=(rows, width))
    x -= x.mean(axis=0)
    return x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T


def test_the_distance_of_two_normals_in_closed_form(rng):
    x = whitened(rng, 200, 3)
    a, b = rng.normal(size=(3, 3)), np.array([1.0, -2.0, 0.5])
    sigma = a @ a.T
    expected = b @ b + np.trace(np.eye(3) + sigma - 2 * np.real(sqrtm(sigma)))
    assert frechet_distance(x, x @ a.T + b) == pytest.approx(expected)
    assert frechet_distance(x @ a.T + b, x) == pytest.approx(expected)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    # Along one feature it is that of two normals on a line.
    line = frechet_distance(x[:, :1], 3 * x[:, :1] + 2)
    assert line == pytest.approx(2**2 + (3 - 1) ** 2)


def test_covariances_that_are_singular_have_a_distance_too(rng):
    x = whitened(rng, 50, 2)
    flat = np.column_stack([x, x[:, 0]])
    assert frechet_distance(flat, flat + np.array([0, 0, 1])) == pytest.approx(1)


def test_precision_and_recall_by_hand(rng):
    real, drawn = rng.normal(size=(60, 2)), rng.normal(size=(80, 2)) + 0.5

    def share(rows, manifold):
        radii = np.sort(cdist(manifold, manifold), axis=1)[:, 3]
        return np.mean((cdist(rows, manifold) <= radii).any(axis=1))

    expected = share(drawn, real), share(real, drawn)
    assert precision_and_recall(real, drawn) == pytest.approx(expected)
    assert 0 < min(expected) < max(expected) < 1


def test_rows_that_repeat_lie_on_their_manifold(rng):
    """Equal rows are at no distance, in whichever way that is computed."""
    rows = rng.integers(0, 2, (2, 400, 5)).astype(float)
    features = principal_features(rows[0])[0]
    assert precision_and_recall(features(rows[0]), features(rows[1])) == (1, 1)


def test_a_mode_that_is_left_out_costs_recall_and_one_that_is_made_up_precision(rng):
    two = np.concatenate([rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 30])
    one = rng.normal(size=(400, 2))
    precision, recall = precision_and_recall(two, one)
    assert precision > 0.9
    assert 0.4 < recall < 0.55
    precision, recall = precision_and_recall(one, two)
    assert 0.4 < precision < 0.55
    assert recall > 0.9


def test_principal_features_keep_what_varies(rng):
    rows = (rng.normal(size=(100, 2)) @ rng.normal(size=(2, 12))).reshape(100, 3, 4)
    features, words = principal_features(rows)
    assert words == "12 principal components, 100% of the variance"
    apart = cdist(features(rows), features(rows))
    flat = rows.reshape(100, 12)
    np.testing.assert_allclose(apart, cdist(flat, flat), atol=1e-8)


@pytest.fixture(scope="module")
def images():
    """Training, held-out and as good as drawn rows of one law, each 300 of 4 x 4."""
    rng = np.random.default_rng(12)
    causes = rng.normal(size=(3, 300, 2))
    loads = rng.normal(size=(2, 16))
    return (causes @ loads + 0.3 * rng.normal(size=(3, 300, 16))).reshape(3, 300, 4, 4)


def test_rows_of_one_law_are_as_good_as_real_ones(images):
    training, held_out, drawn = images
    found = array_fidelity(drawn, training, held_out)
    assert found.rows == {"synthetic": 300, "training": 300, "held_out": 300, "compared": 300}
    # Means of 300 rows differ by 2 / 300 of the variance, in the mean over samples: not by eight
    # times as much.
    variance = held_out.reshape(300, -1).var(axis=0).sum()
    assert max(found.frechet.values()) < 8 * 2 / 300 * variance
    for both in (found.precision, found.recall):
        assert abs(both["synthetic"] - both["real"]) < 0.15
    assert found.verdict[0].startswith("No sign of copying")
    assert "Fréchet distance, squared" in repr(found)
    assert json.loads(json.dumps(found.to_json()))["frechet"] == found.frechet
    unseen = array_fidelity(drawn, training, held_out, fitted_to=1000)
    assert "Only 300 of the 1,000 rows" in unseen.notes[-1]


def test_samples_that_are_wrong_on_purpose_are_told(images, rng):
    training, held_out, drawn = images
    blurred = 0.5 * drawn
    found = array_fidelity(blurred, training, held_out)
    assert found.frechet["synthetic"] > 5 * found.frechet["real"]
    assert found.recall["synthetic"] < found.recall["real"] - 0.3
    noisy = array_fidelity(drawn + 2 * rng.normal(size=drawn.shape), training, held_out)
    assert noisy.precision["synthetic"] < noisy.precision["real"] - 0.3
    # Nearer to all rows than strangers are, and no copies.
    assert found.verdict[0].startswith("No sign of copying, but of rows that vary too little")
    copied = array_fidelity(training[:100], training, held_out)
    assert copied.verdict[0].startswith("Copying")
    assert copied.nearest["synthetic"]["copies"] == 1
    near = array_fidelity(training + 1e-3, training, held_out)
    assert near.verdict[0].startswith("Copying")
    assert near.nearest["synthetic"]["copies"] == 0


def test_copies_are_told_whatever_their_type(images):
    training, held_out, _ = np.rint(4 * images)
    copied = array_fidelity(training.astype(np.int16), training.astype(np.float32), held_out)
    assert copied.nearest["synthetic"]["copies"] == 1


def test_features_of_your_own(images):
    training, held_out, drawn = images
    found = array_fidelity(drawn, training, held_out, lambda rows: rows[:, 0])
    assert found.features == "features of your own"
    assert found.frechet["real"] == pytest.approx(
        frechet_distance(held_out[:, 0].astype(float), training[:, 0].astype(float))
    )
    for bad in (lambda rows: rows, lambda rows: rows[:5, 0], lambda rows: rows[:, 0] * np.nan):
        with pytest.raises(OptionError, match="features: gave an array of shape"):
            array_fidelity(drawn, training, held_out, bad)
    with pytest.raises(OptionError, match="held-out rows: 9; at least 10 are needed"):
        array_fidelity(drawn, training, held_out[:9])
