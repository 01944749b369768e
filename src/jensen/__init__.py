"""jensen: deep latent-variable models fitted to your data, with evidence that can be checked."""

from jensen.linear_gaussian import LinearGaussian
from jensen.model import Model

__all__ = ["LinearGaussian", "Model"]
