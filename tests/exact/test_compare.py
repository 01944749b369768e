"""Two models' evidence on the same rows, against closed forms; and models that are not alike."""

from dataclasses import replace

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy import stats

from jensen import LinearGaussian, queries
from jensen.data import infer
from jensen.errors import OptionError
from jensen.evidence import Estimate
from jensen.queries import Comparison
from jensen.recipes import build_model

from ..statistics.budget import level

REPETITIONS, ROWS = 400, 100


@pytest.fixture(scope="module")
def pair():
    """A model, one that is not far from it, and rows of the first."""
    a = LinearGaussian.random(jax.random.key(5), features=6, latent=2)
    b = replace(a, weights=a.weights * 1.1, mean=a.mean + 0.2)
    return a, b, a.sample(np.random.default_rng(5), 40).astype(np.float32)


def exact_mean_difference(a, b):
    """E_A[log p_A − log p_B] = KL(A ‖ B), of two normals."""
    first, second = (g.weights @ g.weights.T + np.diag(g.noise_variance) for g in (a, b))
    away = b.mean - a.mean
    inverse = np.linalg.inv(second)
    log_det = np.linalg.slogdet(second)[1] - np.linalg.slogdet(first)[1]
    return 0.5 * (np.trace(inverse @ first) + away @ inverse @ away - len(away) + log_det)


@pytest.mark.parametrize(
    ("method", "options"),
    [("importance", {"draws": 50}), ("annealed", {"temperatures": 3}), ("exact", {})],
)
def test_the_difference_is_the_exact_one(pair, key, method, options):
    a, b, rows = pair
    found = queries.compare(a.model(), b.model(), rows, key, method, **options)
    expected = a.log_evidence(rows) - b.log_evidence(rows)
    # The encoders are exact, so that weights are, up to single precision.
    np.testing.assert_allclose(found.differences, expected, atol=1e-3)
    assert found.difference == pytest.approx(expected.mean(), abs=1e-3)
    assert found.stderr == pytest.approx(expected.std(ddof=1) / len(rows) ** 0.5, rel=1e-2)
    assert found.favours_a == np.mean(expected > 0)
    assert found.favours_b == np.mean(expected < 0)
    assert found.monte_carlo_stderr < 1e-3


def test_an_option_of_another_method_is_refused(pair, key):
    a, b, rows = pair
    with pytest.raises(OptionError, match="temperatures=3: method='importance' does not have it"):
        queries.compare(a.model(), b.model(), rows, key, temperatures=3)


def test_a_model_against_itself_is_exactly_zero(pair, key):
    a, _, rows = pair
    # An encoder that is off, so that its estimates have errors.
    off = lambda: eqx.tree_at(lambda m: m.encoder.scale_tril, a.model(), replace_fn=lambda s: 2 * s)
    found = queries.compare(off(), off(), rows, key, draws=20)
    assert found.a.stderr > 0
    told = found.to_json()
    names = ("difference", "stderr", "monte_carlo_stderr", "favours_a", "favours_b")
    assert [told[name] for name in names] == [0.0] * 5
    assert "same model" in found.words


def is_calibrated(z):
    """Whether z are about standard normal: their mean square, by chi-squared at the level.

    Of the skew of a mean over a hundred rows a tenth is allowed on top.
    """
    reach = stats.chi2(len(z)).isf(level("comparison", 2) / 2) / len(z) - 1
    return abs(np.mean(z**2) - 1) < 0.1 + reach


def test_the_standard_error_is_that_of_pairs(pair, key):
    """Over many sets of rows; one that takes the two estimates for independent is rejected."""
    a, b, _ = pair
    rng = np.random.default_rng(6)
    truth = exact_mean_difference(a, b)
    paired, unpaired = [], []
    for _ in range(REPETITIONS):
        rows = a.sample(rng, ROWS)
        found = Comparison(*(Estimate(g.log_evidence(rows), np.zeros(ROWS), "exact", "exact")
                             for g in (a, b)))  # fmt: skip
        paired.append((found.difference - truth) / found.stderr)
        error = np.hypot(found.a.row_stderr, found.b.row_stderr)
        unpaired.append((found.difference - truth) / error)
    assert is_calibrated(np.array(paired))
    assert not is_calibrated(np.array(unpaired))


def test_the_monte_carlo_part_is_that_of_both(pair):
    estimate = lambda error: Estimate(np.zeros(4), np.full(4, error), "estimate", "mine")
    found = Comparison(estimate(0.3), estimate(0.4))
    assert found.monte_carlo_stderr == pytest.approx(0.25)


def told(differences, **more):
    values = np.asarray(differences, dtype=np.float64)
    zero = np.zeros(len(values))
    return Comparison(
        Estimate(values, zero, "estimate", "importance", **more),
        Estimate(zero, zero, "estimate", "importance"),
    ).words


def test_words():
    assert told([1.0, 1.1, 0.9, 1.0]).startswith("A is better by 1.00 nats a row ± 0.04")
    assert "A is ahead on 100% of 4 rows, B on 0%" in told([1.0, 1.1, 0.9, 1.0])
    assert told([-1.0, -1.1, -0.9, -1.0]).startswith("B is better by 1.00")
    assert told([1.0, -1.1, 0.9, -1.0]).startswith("No difference can be told")
    assert "no standard error" in told([1.0])
    assert "1 of 2 rows so far out" in told([-np.inf, 0.0])
    unreliable = told([1.0, 1.1], khat=np.array([0.9, 0.1]))
    assert "Caution, A: unreliable for 1 of 2 rows" in unreliable


BITS = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 0]])
NAMES = ("a", "b", "c")
UNLIKE = {
    "probabilities": (infer(BITS), infer(BITS + 0.5), "probabilities and B densities"),
    "bounds": (infer(16 * BITS, high=16), infer(255 * BITS, high=255), r"0\.\.16 .* 0\.\.255"),
    "support": (infer(16 * BITS, high=16), infer(16 * BITS, kind="count"), "counts"),
    "columns": (infer(BITS), infer(BITS[:, :2]), r"\(3,\) and B of \(2,\)"),
    "shape": (infer(BITS), infer(BITS[:, :, None]), r"\(3,\) and B of \(3, 1\)"),
    "names": (infer(BITS, names=NAMES), infer(BITS, names=("a", "c", "b")), "column 1 is 'b'"),
}  # fmt: skip


def model_of(schema):
    likelihood = {"binary": "bernoulli", "bounded": "binomial", "count": "poisson"}
    rows = np.broadcast_to(np.float32(1), (3, *schema.shape)) * np.float32([[0], [1], [1]]).reshape(
        3, *[1] * len(schema.shape)
    )
    return build_model(
        rows,
        key=jax.random.key(0),
        latent_dim=1,
        hidden=(),
        likelihood=likelihood.get(schema.kind, "normal-shared"),
        high=schema.high,
    )


@pytest.mark.parametrize("case", UNLIKE)
def test_evidence_in_other_units_is_refused(case):
    first, second, why = UNLIKE[case]
    for pair in ((first, second), (second, first)):
        a, b = map(model_of, pair)
        assert queries.require_same_units(a, a, (pair[0], pair[0])) == ()
        with pytest.raises(OptionError, match="not in the same units"):
            queries.require_same_units(a, b, pair)
    with pytest.raises(OptionError, match=why):
        queries.require_same_units(model_of(first), model_of(second), (first, second))


def test_a_density_of_whole_numbers_is_refused_beside_a_probability():
    schema = infer(BITS)
    normal = build_model(
        np.float32(BITS), key=jax.random.key(0), latent_dim=1, hidden=(), likelihood="normal-shared"
    )
    with pytest.raises(OptionError, match="A gives probabilities and B densities"):
        queries.require_same_units(model_of(schema), normal, (schema, schema))


def test_real_rows_that_look_scaled_are_a_caution():
    schema, scaled = infer(BITS + 0.5), infer((BITS + 0.5) / 10)
    a = model_of(schema)
    (caution,) = queries.require_same_units(a, a, (schema, scaled))
    assert "0.05..0.15" in caution
    # A model whose column names are not known may be held against one whose are.
    named = infer(BITS + 0.5, names=NAMES)
    assert queries.require_same_units(a, a, (schema, named)) == ()


def of_rows(rows, **options):
    """An untrained model of real rows: what compares them is measured before training."""
    options = {"latent_dim": 1, "hidden": (), "likelihood": "normal-shared"} | options
    return build_model(np.float32(rows), key=jax.random.key(0), **options)


def flowers(rows, seed=0):
    """Rows like iris: four correlated lengths, of means and spreads that differ."""
    z = (
        np.random.default_rng(seed).normal(size=(rows, 4))
        @ np.linalg.cholesky(0.6 * np.eye(4) + 0.4).T
    )
    return np.array([5.8, 3.1, 3.8, 1.2]) + z * np.array([0.8, 0.4, 1.8, 0.8])


def standardised(rows):
    spread = rows.std(0)
    return (rows - rows.mean(0)) / np.where(spread > 0, spread, 1)


SCALED = {
    "z-scores": standardised,
    "centred": lambda rows: rows - rows.mean(0),
    "other units": lambda rows: 10 * rows,
    "zero to one": lambda rows: (rows - rows.min(0)) / np.ptp(rows, axis=0),
}


@pytest.mark.parametrize("scaled", SCALED.values(), ids=SCALED)
def test_models_of_rows_that_were_scaled_otherwise_are_refused(scaled):
    raw = flowers(100)
    a, b = of_rows(raw), of_rows(scaled(raw))
    for pair in ((a, b), (b, a)):
        with pytest.raises(OptionError, match="not in the same units"):
            queries.require_same_units(*pair)
        with pytest.raises(OptionError, match="fit both to the same rows, unscaled"):
            queries.require_same_units(*pair, (infer(raw), infer(raw)))


def test_the_refusal_names_the_column_that_differs_most():
    raw = flowers(100)
    a, b = of_rows(raw), of_rows(standardised(raw))
    mean, spread = raw.mean(0), raw.std(0)
    # Its mean is the furthest from zero, in its own spread or in that of one.
    worst = int(np.argmax(mean / np.minimum(spread, 1)))
    told = f"of mean {mean[worst]:.3g} and standard deviation {spread[worst]:.3g} in A and mean 0"
    named = infer(raw, names=("a", "b", "c", "d"))
    with pytest.raises(OptionError, match=rf"column {worst}, '{'abcd'[worst]}', {told}"):
        queries.require_same_units(a, b, (named, named))
    with pytest.raises(OptionError, match=f"column {worst}, of mean"):
        queries.require_same_units(a, b)
    image = lambda rows: of_rows(rows.reshape(-1, 2, 2))
    with pytest.raises(OptionError, match=rf"entry \({worst // 2}, {worst % 2}\), of mean"):
        queries.require_same_units(image(raw), image(standardised(raw)))


def test_samples_of_one_population_are_not_refused():
    raw = flowers(150)
    for half in (slice(None, 75), slice(75, None)):
        assert queries.require_same_units(of_rows(raw), of_rows(raw[half])) == ()
    assert queries.require_same_units(of_rows(raw[:75]), of_rows(raw[75:])) == ()
    rng = np.random.default_rng(7)
    for _ in range(20):
        few = [of_rows(raw[rng.integers(0, len(raw), 20)]) for _ in range(2)]
        assert queries.require_same_units(*few) == ()


def test_columns_of_zero_spread_do_not_count():
    """Most columns say nothing where they never change, in one of the two or in both."""
    raw = np.concatenate([flowers(100), np.zeros((100, 9)), np.full((100, 9), 300.0)], axis=1)
    other = raw.copy()
    other[0, 4:] += 0.01
    assert queries.require_same_units(of_rows(raw), of_rows(other)) == ()
    with pytest.raises(OptionError, match="scaled or shifted otherwise"):
        queries.require_same_units(of_rows(raw), of_rows(standardised(raw)))
    still = of_rows(np.zeros((5, 3)))
    assert queries.require_same_units(still, of_rows(np.ones((5, 3)))) == ()


def test_probabilities_have_no_scale_of_their_own():
    """Counts of two populations may be held against each other."""
    options = {"likelihood": "poisson"}
    rare, common = (np.random.default_rng(8).poisson(rate, (50, 3)) for rate in (1, 40))
    pair = of_rows(rare, **options), of_rows(common, **options)
    assert queries.require_same_units(*pair) == ()


def test_an_unknown_method_is_refused(pair, key):
    a, b, rows = pair
    with pytest.raises(OptionError, match="method='guess' is unknown"):
        queries.compare(a.model(), b.model(), rows, key, "guess")
