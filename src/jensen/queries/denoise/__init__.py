"""Denoising under noise of a known kind."""

from jensen.queries.denoise.denoising import Denoised, NoisyLikelihood, denoise
from jensen.queries.denoise.noise import (
    Clean,
    FlippedBits,
    GaussianNoise,
    Noise,
    SaltAndPepper,
    parse_noise,
)

__all__ = [
    "Clean",
    "Denoised",
    "FlippedBits",
    "GaussianNoise",
    "Noise",
    "NoisyLikelihood",
    "SaltAndPepper",
    "denoise",
    "parse_noise",
]
