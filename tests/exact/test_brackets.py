"""How often brackets hold the exact evidence: as often as they say, however bad the encoder."""

import jax
import numpy as np
import pytest
from scipy.stats import binom

from jensen import LinearGaussian
from jensen._sampling import split
from jensen.evidence import Annealing
from jensen.evidence.annealing import runs
from jensen.evidence.annealing.bidirectional import bracket_of, simulate
from jensen.evidence.annealing.chains import Program

from ..annealing import OFF, off_by
from ..reject.test_reject_annealing import accepts_always
from ..statistics.budget import level

REPEATS = 100
RATE = 0.95
LEVEL = level("brackets", 4)


def p_value(how, key, program=Annealing.program):
    """Of so few brackets holding the truth, if they did so at the rate stated."""
    annealing = Annealing(chains=16, acceptance=0.6)
    lg = LinearGaussian.random(jax.random.key(0), features=5, latent=2)
    model = off_by(lg, *OFF[how])
    for_rows, for_pilot, for_brackets = split(key, 3)
    simulated = simulate(model, for_rows, 20)
    exact = lg.log_evidence(simulated.X).mean()
    honest = annealing.program(model)
    settings = runs.pilot(honest, simulated.X, for_pilot, 16, annealing.acceptance)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Annealing, "program", program)
        found = [
            bracket_of(model, simulated, each, 6, annealing, settings).interval
            for each in split(for_brackets, REPEATS)
        ]
    held = sum(low <= exact <= high for low, high in found)
    return binom.cdf(held, REPEATS, RATE)


@pytest.mark.parametrize("how", OFF)
def test_brackets_hold_the_truth_as_often_as_they_say(how, key):
    assert p_value(how, key) > LEVEL


def test_brackets_of_broken_chains_do_not(key):
    def broken(how, model):
        return Program(model, jax.numpy.int32(1), "encoder", 0.0, accepts_always)

    assert p_value("wide", key, broken) < LEVEL


def test_an_interval_reaches_two_errors_beyond_either_side(key):
    lg = LinearGaussian.random(jax.random.key(0), features=5, latent=2)
    simulated = simulate(lg.model(), key, 20)
    how = Annealing(chains=16)
    settings = runs.pilot(how.program(lg.model()), simulated.X, key, 16, 0.8)
    found = bracket_of(lg.model(), simulated, key, 6, how, settings)
    low, high = found.interval
    assert np.isclose(found.lower.value - low, 2 * found.lower.stderr)
    assert np.isclose(high - found.upper.value, 2 * found.upper.stderr)
