"""What `check` says of a model: each sentence where it is true, and at both sides of its limit."""

import os
import re
from dataclasses import replace

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy import stats
from sklearn.decomposition import PCA

from jensen import LinearGaussian
from jensen.data import infer
from jensen.evidence import Bound
from jensen.queries import check
from jensen.queries.checks import checking, predictive

from .budget import level

SEED = int(os.environ.get("JENSEN_TEST_SEED", "0"))
FEATURES, LATENT, ROWS, TRAINING = 6, 4, 20, 300
TRUTH = LinearGaussian.random(jax.random.key(2), FEATURES, LATENT)
# What is said of a model of which nothing is wrong.
SOUND = (
    "No collapse: 4 of 4 latents carry",
    "No sign of harmful overfit: ",
    "No baseline explains held-out rows better",
    "Samples are like held-out rows in every predictive check.",
)


def told(model, truth=TRUTH, training=None, seed=0, rows=ROWS):
    """The verdict on a model of rows that `truth` has made; all models share their programs."""
    rng = np.random.default_rng([SEED, seed])
    rows = np.float32(truth.sample(rng, rows))
    known = np.float32(truth.sample(rng, TRAINING)) if training is None else training
    key = jax.random.fold_in(jax.random.key(SEED), seed)
    return check(model, rows, known, infer(rows), key).verdict


@pytest.fixture
def few_replications(monkeypatch):
    """Where nothing is asked of the predictive checks, which take most of the time."""
    monkeypatch.setattr(predictive, "REPLICATIONS", 10)


def test_rows_without_density_are_neither_averaged_away_nor_a_warning(few_replications):
    rows = np.float32(TRUTH.sample(np.random.default_rng(SEED), 2 * ROWS))
    far = np.where(np.arange(len(rows))[:, None] == 3, np.float32(1e20), rows)
    found = check(TRUTH.model(), far, rows, infer(rows), jax.random.key(SEED))
    assert starts(found.verdict, "Misfit: the model has no density for 1 row, and plain models")
    assert starts(found.verdict, "Overfit cannot be judged: the model has no density")
    assert starts(found.verdict, "No density in single precision for 1 of 40 rows")
    assert found.differences["ppca"][0] == -np.inf


def starts(verdict, words):
    return any(said.startswith(words) for said in verdict)


def test_a_right_model_is_told_nothing_else():
    # A right model's samples are called strange once in a hundred times, and what lies three
    # errors off is rarer. So of most of seven a wrong sentence is said by chance once in
    # three million times.
    verdicts = [told(TRUTH.model(), seed=seed, rows=10) for seed in range(7)]
    assert stats.binom(7, 0.01).sf(3) < level("verdicts of checks", 1)
    for words in SOUND:
        assert sum(starts(each, words) for each in verdicts) > 3, words
    # The fifth sentence is of weights, and those of draws from the exact posterior are equal.
    assert all(len(each) == len(SOUND) for each in verdicts)


@pytest.mark.usefixtures("few_replications")
def test_a_decoder_that_ignores_its_latents_has_collapsed():
    blind = replace(TRUTH, weights=np.zeros((FEATURES, LATENT)))
    verdict = told(blind.model(), blind)
    assert starts(verdict, "Collapse: no latent is used")
    assert not starts(verdict, "No collapse")


@pytest.mark.usefixtures("few_replications")
def test_latents_that_are_not_needed_are_counted():
    some = replace(TRUTH, weights=TRUTH.weights * [1, 0, 1, 0])
    sentence = told(some.model(), some)[0]
    assert sentence.startswith("No collapse: 2 of 4 latents carry")
    assert sentence.endswith("; 2 switched themselves off, which costs nothing.")


@pytest.mark.usefixtures("few_replications")
def test_a_model_that_knows_ten_rows_by_heart_overfits():
    few = np.float32(TRUTH.sample(np.random.default_rng([SEED, 8]), 10))
    pca = PCA(LATENT).fit(few)
    noise = pca.noise_variance_
    weights = pca.components_.T * np.sqrt(pca.explained_variance_ - noise)
    fitted = LinearGaussian(weights, pca.mean_, np.full(FEATURES, noise))
    verdict = told(fitted.model(), training=few, rows=200)
    assert starts(verdict, "Overfit: training rows score ")
    assert not starts(verdict, "No sign")


def test_a_model_of_too_much_noise_is_beaten_by_baselines_and_makes_strange_samples():
    noisy = replace(TRUTH, noise_variance=25 * TRUTH.noise_variance)
    verdict = told(noisy.model())
    (misfit,) = [said for said in verdict if said.startswith("Misfit: plain models explain")]
    assert "gaussian by " in misfit
    assert "ppca by " in misfit
    (strange,) = [said for said in verdict if said.startswith("Samples differ from held-out rows")]
    assert "variance over rows, mean of columns" in strange
    for words in SOUND[2:]:
        assert not starts(verdict, words)


@pytest.mark.usefixtures("few_replications")
def test_an_encoder_much_too_sure_makes_the_evidence_unreliable():
    model = TRUTH.model()
    # Weights of draws a fraction f as wide as the posterior have a tail of k = 1 − f².
    sure = eqx.tree_at(lambda m: m.encoder.scale_tril, model, 0.3 * model.encoder.scale_tril)
    (warned,) = [said for said in told(sure) if said.startswith("Unreliable for ")]
    count = re.match(rf"Unreliable for (\d+) of {ROWS} rows \(Pareto k̂ above 0.7\)", warned)
    assert int(count[1]) > ROWS / 2


def bound(mean, spread=1.0, rows=100, kl=2.0):
    """Rows whose mean has an error of a tenth of their spread, just so."""
    values = np.linspace(-1.0, 1.0, rows)
    values = mean + spread * values / values.std(ddof=1)
    return Bound(
        values, 0 * values, "lower bound", "elbo", reconstruction=values, kl=values * 0 + kl
    )


@pytest.mark.parametrize(
    ("active", "words"),
    [
        (0, "Collapse: no latent is used"),
        (1, "No collapse: 1 of 3 latents carries 2.0 nats about a row; 2 switched themselves off"),
        (2, "No collapse: 2 of 3 latents carry 2.0 nats about a row; 1 switched themselves off"),
        (3, "No collapse: 3 of 3 latents carry 2.0 nats about a row."),
    ],
)
def test_collapse_is_of_all_latents(active, words):
    assert checking._on_collapse(active, 3, bound(-5.0)).startswith(words)


# The gap has an error of √2 · 0.1 nats: three of them are 0.42.
@pytest.mark.parametrize(
    ("gap", "gain", "overfit"),
    [
        (0.41, 0.0, False),
        (0.44, 0.0, True),
        (0.44, -5.0, True),
        # A quarter of what was gained over independent columns.
        (2.0, 8.1, False),
        (2.0, 7.9, True),
        (-5.0, 1.0, False),
    ],
)
def test_overfit_is_a_gap_beyond_its_error_that_eats_a_quarter_of_the_gain(gap, gain, overfit):
    sentence = checking._on_overfit(bound(-5.0 + gap), bound(-5.0), gain)
    assert sentence.startswith("Overfit: " if overfit else "No sign of harmful overfit: ")
    side = "above" if gap > 0 else "below"
    assert f"score {abs(gap):.1f} ± 0.1 nats {side} held-out rows" in sentence


@pytest.mark.parametrize(("rows", "judged"), [(2, False), (9, False), (10, True)])
def test_few_rows_are_not_judged(rows, judged):
    held_out = bound(-5.0, rows=rows)
    # Each of them would be a fault if there were more rows.
    figures = {"independent columns": (-9.0, 0.1)}, [{"name": "x", "p_value": 0.001}]
    found = checking._verdict(0, 3, (bound(5.0), held_out), held_out, *figures)
    assert len(found) == (4 if judged else 1)
    assert found[0].startswith("Collapse: " if judged else f"No verdict on {rows} held-out rows: ")


def test_a_row_without_density_is_told_however_few_there_are():
    held_out = bound(-5.0, rows=3)
    values = np.where(np.arange(3) == 1, -np.inf, held_out.values)
    found = checking._verdict(1, 3, (held_out, held_out), replace(held_out, values=values), {}, [])
    assert found[1] == "Misfit: the model has no density for 1 row, and plain models have."


@pytest.mark.parametrize(("value", "better"), [(-2.9, False), (-3.1, True), (3.1, False)])
def test_misfit_names_the_baselines_that_are_better_beyond_their_error(value, better):
    differences = {"gaussian": (value, 1.0), "ppca": (4.0, 1.0)}
    sentence = checking._on_misfit(differences, [{"name": "x", "p_value": 1.0}])[0]
    if better:
        assert "held-out rows better (gaussian by 3.1 ± 1.0 nats)" in sentence
        assert "ppca" not in sentence
    else:
        assert sentence.startswith("No baseline explains held-out rows better")


@pytest.mark.parametrize(("p_value", "strange"), [(0.002, True), (0.004, False)])
def test_strange_are_samples_whose_p_value_is_below_a_fifth_of_a_hundredth(p_value, strange):
    checks = [{"name": "first", "p_value": p_value}, {"name": "second", "p_value": 0.9}]
    sentence = checking._on_misfit({"gaussian": (1.0, 0.1)}, checks)[1]
    said = "Samples differ from held-out rows in: first. " if strange else SOUND[3]
    assert sentence.startswith(said)
