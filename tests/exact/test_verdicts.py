"""A verdict names what is wrong and the remedy that fits, and nothing that is not."""

import jax
import numpy as np
import pytest

from jensen import recipes
from jensen.evidence import Estimate
from jensen.queries.diagnosis.calibration import calibration_of
from jensen.queries.diagnosis.gaps import Gap, Gaps
from jensen.queries.diagnosis.information import Information
from jensen.queries.diagnosis.measured import Measured
from jensen.queries.diagnosis.residuals import Residuals
from jensen.queries.diagnosis.verdict import Remedies, verdict

from ..laws.zoo import small_model

ROWS = 50
SMALL = Measured(0.1, 0.3)
NOISE = np.linspace(-0.1, 0.1, ROWS)


def estimate(values, khat=0.3):
    values = values + NOISE
    return Estimate(values, 0 * values, "lower bound", "x", 100, None, np.full(ROWS, khat))


ALL = Remedies(("full", "flow"), True, ("mixture", "vamp"), ("student-t",))


def gaps_of(approximation=0.1, amortisation=0.1, split=True, lost=0):
    best = estimate(-100.0 - approximation) if split else None
    part = Gap(np.full(ROWS, amortisation), 0 * NOISE) if split else None
    # The noise of the evidence differs from that of its bounds, so that errors are not zero.
    values = np.where(np.arange(ROWS) < lost, -np.inf, -100.0 - NOISE)
    evidence = Estimate(values, 0 * NOISE, "lower bound", "annealed")
    return Gaps(evidence, estimate(-100.0 - approximation - amortisation), best, part)


def told(
    gaps=None,
    generalisation=SMALL,
    mutual=2.0,
    aggregate=0.1,
    spread=(0.5, 0.5),
    khat=0.3,
    ranks=None,
    residuals=1.0,
    remedies=ALL,
):
    known = Information(
        ROWS,
        Measured(mutual, 0.1),
        Measured(aggregate, 0.05),
        Measured(mutual + aggregate, 0.1),
        None,
        np.array(spread),
    )
    even = np.arange(1000)[:, None] % 100 * np.ones(2, int)
    calibration = calibration_of(even if ranks is None else ranks(even), 99)
    importance = estimate(-100.0, khat)
    spread = Residuals(residuals + NOISE, 1.0 + NOISE)
    found = gaps or gaps_of()
    return " ".join(
        verdict(found, generalisation, known, importance, calibration, spread, remedies)
    )


def at_the_ends(even):
    return np.where(even < 50, even // 2, 99 - (99 - even) // 2)


# What is wrong, and words of the verdict that it, and nothing else, brings.
FAULTS = {
    "amortisation": ({"gaps": gaps_of(0.2, 3.0)}, "to the encoder. The encoder: train longer"),
    "approximation": ({"gaps": gaps_of(3.0, 0.2)}, "to the encoder. The family: posterior='full'"),
    "rows unknown": ({"gaps": gaps_of(lost=2)}, "2 rows of 50 left out of the means"),
    "data spread more": ({"residuals": 1.6}, "1.60 times those of rows of the model's own making"),
    "likelihood spreads more": ({"residuals": 0.5}, "the likelihood spreads more than the data"),
    "both": ({"gaps": gaps_of(2.0, 2.0)}, "Both count"),
    "no family": ({"gaps": gaps_of(2.0, 2.0, split=False)}, "names no family to search"),
    "collapse": ({"spread": (0.0, 0.001)}, "Collapse: none of 2 latents is used. Try free bits"),
    "most collapsed": ({"spread": (0.5, 0.0, 0.0)}, "z1, z2 have collapsed"),
    "one idle": ({"spread": (0.5, 0.0)}, "z1 has switched off"),
    "overfit": ({"generalisation": Measured(4.0, 0.5)}, "Overfit: training rows have 4.00 ± 0.50"),
    "no training rows": ({"generalisation": None}, "cannot be judged without training rows"),
    "prior": ({"aggregate": 1.5}, "prior='mixture' or 'vamp'"),
    "few rows": ({"mutual": 3.9}, "give more rows"),
    "khat": ({"khat": 0.9}, "unreliable for 100% of the rows"),
    "narrow": ({"ranks": at_the_ends}, "narrow"),
    "wide": ({"ranks": lambda even: 25 + even // 2}, "too wide"),
    "shifted": ({"ranks": lambda even: even // 2}, "shifted"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_remedy(fault):
    how, words = FAULTS[fault]
    assert words in told(**how)
    # A sound model is told none of it, and neither is one with another fault.
    assert words not in told()
    for other, (others, _) in FAULTS.items():
        assert other == fault or words not in told(**others), other


def test_a_sound_model_is_let_be():
    words = told()
    assert "little is to be won" in words
    assert "No collapse" in words
    assert "No sign of harmful overfit" in words
    assert "Calibrated" in words
    assert "Try" not in words


def test_what_may_be_chance_is_not_spoken_of():
    assert "No sign of harmful overfit" in told(generalisation=Measured(4.0, 2.0))
    assert "more than the ELBO loses" in told(generalisation=Measured(4.0, 0.5))


def test_a_model_is_not_told_to_take_what_it_has():
    family, prior = {"gaps": gaps_of(3.0, 0.2)}, {"aggregate": 1.5}
    bare = Remedies((), False, ("vamp",), ())
    assert "posterior='full'" not in told(**family, remedies=bare)
    assert "free bits" in told(spread=(0.0, 0.0))
    assert "free bits" not in told(spread=(0.0, 0.0), remedies=bare)
    assert "no q of its kind comes nearer, so weigh its draws" in told(**family, remedies=bare)
    model = small_model(jax.random.key(0), posterior="flow")
    assert Remedies.beyond(model).families == ()
    assert "comes nearer with its couplings held, so weigh" in told(
        **family, remedies=Remedies.beyond(model)
    )
    assert "a prior='vamp' may" in told(**prior, remedies=bare)
    assert "Another likelihood may follow them, or a wider decoder." in told(
        residuals=1.6, remedies=bare
    )
    ppca, _ = recipes.ppca(np.eye(6, 4, dtype=np.float32), key=jax.random.key(0), latent_dim=2)
    found = Remedies.beyond(ppca)
    assert found.families == ("flow",)
    assert found.priors == ("mixture", "vamp")
    assert "normal-shared" not in found.likelihoods
    assert "student-t" in found.likelihoods
    assert "poisson" not in found.likelihoods
