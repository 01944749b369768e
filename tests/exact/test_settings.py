"""What a pilot settles, against what it was asked for and against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen import LinearGaussian
from jensen.evidence import Annealing
from jensen.evidence.annealing import runs

from ..annealing import OFF, problem

ROWS, CHAINS, STEPS = 80, 16, 10


def settled(how, start="encoder", acceptance=0.8):
    """A model, rows of it, the program of its chains and what a pilot settled for them."""
    model, X, _ = problem(how, rows=ROWS)
    program = Annealing(chains=CHAINS, start=start).program(model)
    return model, X, program, runs.pilot(program, X, jax.random.key(1), CHAINS, acceptance)


def frozen(program, X, settings):
    """Mean acceptance of the chains that follow a pilot."""
    schedule = settings.schedule("adaptive", 40)
    return runs.run(program, X, jax.random.key(2), settings, schedule, CHAINS).acceptance.mean()


@pytest.mark.parametrize("how", OFF)
def test_frozen_steps_are_taken_as_often_as_was_asked(how):
    """Within what the pilot's own course must cost.

    It moves log ε by `_RATE` times what acceptance exceeds the target by, at each of its
    temperatures, so that the mean excess is the way that log ε went over rate and temperatures.
    Steps grow at most fivefold here: from 0.7 of a standard deviation to the two that are taken
    six times of ten, and as much again as the posterior is wider than a narrow q.
    """
    most = np.log(5) / (runs._RATE * runs.PILOT)
    found = {}
    for target in (0.6, 0.9):
        _, X, program, settings = settled(how, acceptance=target)
        found[target] = frozen(program, X, settings)
        way = np.abs(settings.log_step[:, -1] - np.log(runs._FIRST_STEP)).mean()
        # A hundredth is chance; the schedule that follows dwells elsewhere than the pilot did.
        assert abs(found[target] - target) < min(most, way / (runs._RATE * runs.PILOT) + 0.02)
    assert found[0.9] - found[0.6] > 0.2


def deviation(q, p, beta):
    """The exact standard deviation of log p(z) − log q(z), up to a constant, under f_β.

    Of normals given by mean and precision: f_β ∝ q^(1−β) p^β is a normal of precision
    P = (1−β) P₀ + β P₁, and the ratio is quadratic with curvature A = P₀ − P₁ and slope g at the
    mean of f_β, so that its variance is ½ tr(A P⁻¹ A P⁻¹) + gᵀ P⁻¹ g.
    """
    (m0, p0), (m1, p1) = q, p
    covariance = np.linalg.inv((1 - beta) * p0 + beta * p1)
    mean = covariance @ ((1 - beta) * p0 @ m0 + beta * p1 @ m1)
    curvature, slope = p0 - p1, p0 @ (mean - m0) - p1 @ (mean - m1)
    bent = curvature @ covariance
    return np.sqrt(0.5 * np.trace(bent @ bent) + slope @ covariance @ slope)


def lengths(schedule, q, p):
    """Each step's Δβ times the mean deviation over it, their mean being one."""
    inside = (np.arange(8) + 0.5) / 8
    steps = np.diff(schedule)
    found = np.array([
        step * np.mean([deviation(q, p, first + step * share) for share in inside])
        for first, step in zip(schedule[:-1], steps, strict=True)
    ])  # fmt: skip
    return found / found.mean()


@pytest.mark.parametrize(("how", "start"), [*((how, "encoder") for how in OFF), ("exact", "prior")])
def test_steps_of_an_adaptive_schedule_lose_equally(how, start):
    """Grosse et al. (2013), section 3: a step loses half the square of its length."""
    model, X, _, settings = settled(how, start)
    means, covariance = LinearGaussian.random(jax.random.key(0), 5, 2).posterior(X)
    found = {}
    for name in ("adaptive", "sigmoid"):
        each = []
        for x, mean, schedule in zip(X, means, settings.schedule(name, STEPS), strict=True):
            q: tuple[np.ndarray, np.ndarray] = (np.zeros(2), np.eye(2))
            if start == "encoder":
                normal = model.posterior(jnp.asarray(x))
                tril = np.asarray(normal.scale_tril, np.float64)
                q = np.asarray(normal.loc, np.float64), np.linalg.inv(tril @ tril.T)
            each.append(lengths(schedule, q, (mean, np.linalg.inv(covariance))))
        found[name] = np.array(each)
    # A deviation of 16 chains is known within a sixth, and the schedule smooths over five; what
    # is left of that in the mean over 80 rows is a fiftieth, and the rest smoothing.
    assert np.abs(found["adaptive"].mean(axis=0) - 1).max() < 0.1
    spread = {name: of.std(axis=1).mean() for name, of in found.items()}
    assert spread["adaptive"] < 1 / 6
    # The same measure must tell a schedule that knows nothing of the path.
    assert spread["sigmoid"] > 3 * spread["adaptive"]
    assert np.abs(found["sigmoid"].mean(axis=0) - 1).max() > 0.5
