"""Denoising under noise of a known kind."""

from jensen.queries.denoising.noise import (
    Clean,
    FlippedBits,
    GaussianNoise,
    Noise,
    SaltAndPepper,
    gaussian_noise_of,
    parse_noise,
)
from jensen.queries.denoising.posterior import Denoised, NoisyLikelihood, denoise

__all__ = [
    "Clean",
    "Denoised",
    "FlippedBits",
    "GaussianNoise",
    "Noise",
    "NoisyLikelihood",
    "SaltAndPepper",
    "denoise",
    "gaussian_noise_of",
    "parse_noise",
]
