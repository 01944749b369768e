"""The questions that users ask: sample, reconstruct, denoise, check, diagnose, compare."""

from jensen.queries.checks import Check, check
from jensen.queries.compare import Comparison, compare, require_same_units
from jensen.queries.denoising import Denoised, denoise, gaussian_noise_of, parse_noise
from jensen.queries.diagnosis import Diagnosis, diagnose
from jensen.queries.generate import decode, reconstruct, sample, vary

__all__ = [
    "Check",
    "Comparison",
    "Denoised",
    "Diagnosis",
    "check",
    "compare",
    "decode",
    "denoise",
    "diagnose",
    "gaussian_noise_of",
    "parse_noise",
    "reconstruct",
    "require_same_units",
    "sample",
    "vary",
]
