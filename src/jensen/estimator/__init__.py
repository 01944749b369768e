"""`VAE` and `load`, the scikit-learn face."""

from jensen.estimator.vae import VAE, load

__all__ = ["VAE", "load"]
