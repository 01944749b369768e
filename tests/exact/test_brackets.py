"""How often brackets hold the exact evidence: as often as they say, however bad the encoder."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from scipy.stats import binom

from jensen import LinearGaussian
from jensen._sampling import split
from jensen.evidence import Annealing
from jensen.evidence.annealing import runs
from jensen.evidence.annealing.bidirectional import Bracket, bracket_of, simulate
from jensen.evidence.annealing.chains import Program

from ..annealing import OFF, off_by
from ..reject.test_reject_annealing import accepts_always
from ..statistics.budget import level

REPEATS, ROWS = 100, 10
RATE = 0.95
LEVEL = level("brackets", 7)


def part(found, rows):
    """An annealed estimate of some of the rows."""
    arrays = {name: each for name, each in vars(found).items() if np.ndim(each) == 1}
    return replace(found, **{name: each[rows] for name, each in arrays.items()})


def p_value(how, temperatures, key, program=Annealing.program):
    """Of so few brackets holding the truth, if they did so at the rate stated.

    Each is of rows of its own, simulated with the exact draws that its upper side begins at.
    """
    annealing = Annealing(chains=16, acceptance=0.6)
    lg = LinearGaussian.random(jax.random.key(0), features=5, latent=2)
    model = off_by(lg, *OFF[how])
    for_rows, for_pilot, for_bracket = split(key, 3)
    simulated = simulate(model, for_rows, REPEATS * ROWS)
    exact = lg.log_evidence(simulated.X).reshape(REPEATS, ROWS).mean(axis=1)
    honest = annealing.program(model)
    settings = runs.pilot(honest, simulated.X, for_pilot, 16, annealing.acceptance)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Annealing, "program", program)
        whole = bracket_of(model, simulated, for_bracket, temperatures, annealing, settings)
    held = 0
    for number, truth in enumerate(exact):
        rows = np.arange(number * ROWS, (number + 1) * ROWS)
        low, high = Bracket(part(whole.lower, rows), part(whole.upper, rows)).interval
        held += low <= truth <= high
    return binom.cdf(held, REPEATS, RATE)


@pytest.mark.parametrize(("how", "temperatures"), [*((how, 6) for how in OFF), ("shifted", 30)])
def test_brackets_hold_the_truth_as_often_as_they_say(how, temperatures, key):
    assert p_value(how, temperatures, key) > LEVEL


def test_brackets_of_broken_chains_do_not(key):
    def broken(how, model):
        return Program(model, jax.numpy.int32(1), "encoder", 0.0, accepts_always)

    assert p_value("wide", 6, key, broken) < LEVEL


def test_an_interval_reaches_two_errors_beyond_either_side(key):
    lg = LinearGaussian.random(jax.random.key(0), features=5, latent=2)
    simulated = simulate(lg.model(), key, 20)
    how = Annealing(chains=16)
    settings = runs.pilot(how.program(lg.model()), simulated.X, key, 16, 0.8)
    found = bracket_of(lg.model(), simulated, key, 6, how, settings)
    low, high = found.interval
    assert np.isclose(found.lower.value - low, 2 * found.lower.stderr)
    assert np.isclose(high - found.upper.value, 2 * max(found.upper.stderr, found.gap_stderr))
