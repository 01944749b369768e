"""What a model is made of, one concept a file: priors, likelihoods, encoders, networks."""

from jensen._types import Constant

__all__ = ["Constant"]
