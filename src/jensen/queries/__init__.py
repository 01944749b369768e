"""The questions that users ask: sample, reconstruct, denoise, check, diagnose."""

from jensen.queries.checks import Check, check
from jensen.queries.denoising import Denoised, denoise, gaussian_noise_of, parse_noise
from jensen.queries.diagnosis import Diagnosis, diagnose
from jensen.queries.generate import decode, reconstruct, sample, vary

__all__ = [
    "Check",
    "Denoised",
    "Diagnosis",
    "check",
    "decode",
    "denoise",
    "diagnose",
    "gaussian_noise_of",
    "parse_noise",
    "reconstruct",
    "sample",
    "vary",
]
