"""The rungs of the report's ladder, of a model whose evidence is known."""

import jax
import numpy as np
import pytest

from jensen import evidence
from jensen.evidence.ladder import ladder

from ..statistics.budget import ERRORS
from .test_evidence import narrowed


@pytest.fixture(scope="module")
def climbed(linear_gaussian):
    """A ladder for an encoder that is too narrow, with what it was given."""
    exact, rows = linear_gaussian
    model, rows, key = narrowed(exact.model(), 0.8), np.float32(rows), jax.random.key(0)
    bound = evidence.elbo(model, rows, key)
    many = evidence.importance(model, rows, key, 1000)
    return exact.log_evidence(rows), bound, many, ladder(model, rows, key, bound, many)


def test_rungs_are_bounds_of_the_exact_evidence(climbed):
    exact, _, _, found = climbed
    rungs = {rung.name: rung for rung in found.rungs}
    assert list(rungs) == [
        "prior mixture, 1,000 draws",
        "ELBO",
        "importance, 10 draws",
        "importance, 100 draws",
        "importance, 1,000 draws",
        "annealed",
        "upper side",
    ]
    truth = exact[found.rows].mean()
    upper = rungs.pop("upper side")
    assert upper.kind == "upper side"
    assert upper.value > truth - ERRORS * upper.stderr
    for rung in rungs.values():
        assert rung.kind == "lower bound"
        assert rung.value < truth + ERRORS * rung.stderr
    # 64 temperatures of a normal lose next to nothing.
    annealed = rungs["annealed"]
    assert abs(annealed.value - truth) < ERRORS * annealed.stderr + 0.05
    assert upper.value - annealed.value == pytest.approx(found.bracket.gap)
    assert rungs["ELBO"].value < truth - 0.05


def test_what_was_scored_already_is_not_scored_again(climbed):
    _, bound, many, found = climbed
    assert len(found.rows) == len(set(found.rows)) == 20
    for number, whole in ((1, bound), (4, many)):
        assert found.rungs[number].value == pytest.approx(whole.values[found.rows].mean())
        errors = whole.standard_errors[found.rows]
        assert found.rungs[number].stderr == pytest.approx(np.sqrt(np.sum(errors**2)) / 20)


def test_importance_with_few_draws_is_the_estimator_of_that_name(climbed, linear_gaussian):
    # Means over the same rows by other random numbers.
    exact, rows = linear_gaussian
    *_, found = climbed
    model, rows = narrowed(exact.model(), 0.8), np.float32(rows)[found.rows]
    again = evidence.importance(model, rows, jax.random.key(5), 100)
    error = np.hypot(again.stderr, found.rungs[3].stderr)
    assert abs(found.rungs[3].value - again.value) < ERRORS * error
    prior = evidence.prior_monte_carlo(model, rows, jax.random.key(6), 1000)
    assert abs(found.rungs[0].value - prior.value) < ERRORS * np.hypot(
        prior.stderr, found.rungs[0].stderr
    )
    assert found.rungs[0].effective == pytest.approx(np.median(prior.ess), rel=0.7)


def test_the_words_say_on_what_it_rests(climbed):
    words = climbed[-1].words()
    assert words.startswith("This is of 20 of the held-out rows, with 16 chains of 64 temperatures")
    assert "20 rows simulated from the model" in words
