"""The questions users ask: sample, reconstruct, impute, check, diagnose, compare, fidelity, ..."""

from jensen.queries.checks import Check, check
from jensen.queries.closest import Closest, closest
from jensen.queries.column_scores import column_scores
from jensen.queries.compare import Comparison, compare, require_same_units
from jensen.queries.denoising import Denoised, denoise, gaussian_noise_of, parse_noise
from jensen.queries.diagnosis import Diagnosis, diagnose
from jensen.queries.fidelity import (
    ArrayFidelity,
    Features,
    Fidelity,
    array_fidelity,
    fidelity,
)
from jensen.queries.generate import decode, reconstruct, require_number, sample, vary
from jensen.queries.given import Given, given, sample_given
from jensen.queries.impute import Filled, impute
from jensen.queries.tails import tails
from jensen.queries.walks import Traversals, interpolate, traverse

__all__ = [
    "ArrayFidelity",
    "Check",
    "Closest",
    "Comparison",
    "Denoised",
    "Diagnosis",
    "Features",
    "Fidelity",
    "Filled",
    "Given",
    "Traversals",
    "array_fidelity",
    "check",
    "closest",
    "column_scores",
    "compare",
    "decode",
    "denoise",
    "diagnose",
    "fidelity",
    "gaussian_noise_of",
    "given",
    "impute",
    "interpolate",
    "parse_noise",
    "reconstruct",
    "require_number",
    "require_same_units",
    "sample",
    "sample_given",
    "tails",
    "traverse",
    "vary",
]
