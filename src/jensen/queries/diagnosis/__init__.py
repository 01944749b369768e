"""Where a model loses evidence: the gap split, what latents carry, and calibration."""

from jensen.queries.diagnosis.calibration import Calibration, calibrate
from jensen.queries.diagnosis.diagnosing import MOST_ANNEALED, Diagnosis, diagnose
from jensen.queries.diagnosis.gaps import Gap, Gaps, gaps
from jensen.queries.diagnosis.information import Information, information

__all__ = [
    "MOST_ANNEALED",
    "Calibration",
    "Diagnosis",
    "Gap",
    "Gaps",
    "Information",
    "calibrate",
    "diagnose",
    "gaps",
    "information",
]
