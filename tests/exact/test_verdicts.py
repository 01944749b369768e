"""A verdict names what is wrong and the remedy that fits, and nothing that is not."""

import numpy as np
import pytest

from jensen.evidence import Estimate
from jensen.queries.diagnosis.calibration import calibration_of
from jensen.queries.diagnosis.gaps import Gap, Gaps
from jensen.queries.diagnosis.information import Information
from jensen.queries.diagnosis.measured import Measured
from jensen.queries.diagnosis.verdict import verdict

ROWS = 50
SMALL = Measured(0.1, 0.3)
NOISE = np.linspace(-0.1, 0.1, ROWS)


def estimate(values, khat=0.3):
    values = values + NOISE
    return Estimate(values, 0 * values, "lower bound", "x", 100, None, np.full(ROWS, khat))


def gaps_of(approximation=0.1, amortisation=0.1, split=True):
    best = estimate(-100.0 - approximation) if split else None
    part = Gap(np.full(ROWS, amortisation), 0 * NOISE) if split else None
    # The noise of the evidence differs from that of its bounds, so that errors are not zero.
    evidence = Estimate(-100.0 - NOISE, 0 * NOISE, "lower bound", "annealed")
    return Gaps(evidence, estimate(-100.0 - approximation - amortisation), best, part)


def told(
    gaps=None,
    generalisation=SMALL,
    mutual=2.0,
    aggregate=0.1,
    spread=(0.5, 0.5),
    khat=0.3,
    ranks=None,
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
    return " ".join(
        verdict(gaps or gaps_of(), generalisation, known, estimate(-100.0, khat), calibration)
    )


def at_the_ends(even):
    return np.where(even < 50, even // 2, 99 - (99 - even) // 2)


# What is wrong, and words of the verdict that it, and nothing else, brings.
FAULTS = {
    "amortisation": ({"gaps": gaps_of(0.2, 3.0)}, "to the encoder. The encoder: train longer"),
    "approximation": ({"gaps": gaps_of(3.0, 0.2)}, "Where it is full already"),
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
