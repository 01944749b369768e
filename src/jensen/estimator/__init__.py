"""`VAE`, `Imputer` and `load`, the scikit-learn face."""

from jensen.estimator.imputer import Imputer
from jensen.estimator.vae import VAE, load

__all__ = ["VAE", "Imputer", "load"]
