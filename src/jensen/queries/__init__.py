"""The questions that users ask: sample, reconstruct, denoise, check."""

from jensen.queries.generate import decode, reconstruct, sample, vary

__all__ = ["decode", "reconstruct", "sample", "vary"]
