"""The linear-Gaussian model, whose posterior and evidence are exact.

    z ~ N(0, I),    x | z ~ N(W z + m, Ψ),  Ψ diagonal

With Ψ = σ² I it is probabilistic PCA (Tipping & Bishop 1999), else factor analysis (Bishop
2006, section 12.2). It is computed in double precision on the host, independently of the code
that trains and estimates, so that it can be what that code is held against.
"""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Bool, Float
from scipy.linalg import cho_factor, cho_solve

from jensen._types import Constant, PRNGKey
from jensen.errors import OptionError
from jensen.model import Model
from jensen.parts.conditions import ConditionalDecoder
from jensen.parts.likelihoods import Normal, NormalPredicted
from jensen.parts.networks import MLP, Linear
from jensen.parts.priors import StandardNormal

__all__ = ["ExactEncoder", "LinearGaussian"]


class ExactEncoder(eqx.Module):
    """p(z | x) = N(A (x − m), L Lᵀ), the same L for every x without holes.

    Of a row with holes it is P⁻¹ = I + Σ w_j w_jᵀ / Ψ_j and A (x − m) = P Σ w_j (x_j − m_j) / Ψ_j,
    with sums over what was observed; `scaled` has w_j / √Ψ_j for rows.
    """

    gain: Float[Array, "latent features"]
    mean: Float[Array, " features"]
    scale_tril: Float[Array, "latent latent"]
    scaled: Float[Array, "features latent"]
    deviation: Float[Array, " features"]

    def __call__(self, x: Float[Array, "*event"], mask: Bool[Array, "*event"] | None = None) -> Any:
        """The posterior of a row, of any event shape."""
        away = jnp.ravel(x) - self.mean
        if mask is None:
            return dist.MultivariateNormal(self.gain @ away, scale_tril=self.scale_tril)
        seen = jnp.ravel(mask)
        scaled = jnp.where(seen[:, None], self.scaled, 0.0)
        precision = jnp.eye(scaled.shape[1]) + scaled.T @ scaled
        loc = jnp.linalg.solve(precision, scaled.T @ jnp.where(seen, away / self.deviation, 0.0))
        return dist.MultivariateNormal(loc, precision_matrix=precision)


class _DiagonalNoise(eqx.Module):
    """h -> N(h, Ψ)."""

    scales: Constant

    def __call__(self, h: Float[Array, " features"]) -> Any:
        return dist.Normal(h, self.scales.value)


@dataclass(frozen=True)
class LinearGaussian:
    """A linear-Gaussian model given by its parameters, in the data's units.

    Attributes:
        weights: W, shape (features, latent).
        mean: m, shape (features,).
        noise_variance: the diagonal of Ψ, shape (features,).

    Example:
        >>> import numpy as np
        >>> lg = LinearGaussian(np.ones((2, 1)), np.zeros(2), np.ones(2))
        >>> print(lg.log_evidence(np.zeros((1, 2))).round(3))
        [-2.387]
    """

    weights: np.ndarray
    mean: np.ndarray
    noise_variance: np.ndarray

    @classmethod
    def random(cls, key: PRNGKey, features: int, latent: int) -> "LinearGaussian":
        """A model drawn at random, its noise variances between a half and three halves."""
        weights, mean, noise = jax.random.split(key, 3)
        return cls(
            np.asarray(jax.random.normal(weights, (features, latent)), np.float64),
            np.asarray(jax.random.normal(mean, (features,)), np.float64),
            np.asarray(jax.random.uniform(noise, (features,), minval=0.5, maxval=1.5), np.float64),
        )

    @classmethod
    def from_model(cls, model: Model) -> "LinearGaussian":
        """The same density as `model`, whose encoder plays no part.

        Raises `OptionError` unless the prior is standard normal, the decoder linear and the
        likelihood normal with a variance that does not depend on z.
        """
        if model.missingness is not None:
            raise OptionError(
                "method='exact' has no closed form where the mask is modelled too; use another."
            )
        if isinstance(model.decoder, ConditionalDecoder):
            raise OptionError(
                "method='exact' has no closed form here for a model that is given a condition; use"
                " another."
            )
        if isinstance(model.likelihood, _DiagonalNoise) and isinstance(model.decoder, Linear):
            return cls(
                np.asarray(model.decoder.weight, np.float64),
                np.asarray(model.decoder.bias, np.float64),
                np.asarray(model.likelihood.scales.value, np.float64) ** 2,
            )
        network = model.decoder
        if isinstance(network, MLP) and len(network.layers) == 1:
            network = network.layers[0]
        likelihood = model.likelihood
        if (
            not isinstance(model.prior, StandardNormal)
            or not isinstance(network, Linear)
            or not isinstance(likelihood, Normal)
            or isinstance(likelihood, NormalPredicted)
        ):
            raise OptionError(
                "method='exact' needs a linear-Gaussian model: prior='normal', a linear decoder"
                " (hidden=()) and likelihood 'normal', 'normal-shared' or 'normal-fixed'."
                " Use another method for this one."
            )
        scale = np.asarray(likelihood.scale.value, np.float64).reshape(-1)
        shift = np.asarray(likelihood.shift.value, np.float64).reshape(-1)
        blank = jnp.zeros((likelihood.parameters, *likelihood.event_shape))
        deviation = scale * np.asarray(likelihood.standard_scale(blank), np.float64).reshape(-1)
        return cls(
            scale[:, None] * np.asarray(network.weight, np.float64),
            shift + scale * np.asarray(network.bias, np.float64),
            deviation**2,
        )

    def _posterior_factor(self) -> tuple[tuple[np.ndarray, bool], np.ndarray]:
        scaled = self.weights / self.noise_variance[:, None]
        precision = np.eye(self.weights.shape[1]) + self.weights.T @ scaled
        return cho_factor(precision, lower=True), scaled

    def log_evidence(self, X: np.ndarray) -> np.ndarray:
        """log p(x) = log N(x; m, W Wᵀ + Ψ) for each row of X, shape (rows, features), in nats.

        By the matrix inversion and determinant lemmas, so that nothing larger than latent ×
        latent is factored.
        """
        centred = np.asarray(X, np.float64).reshape(len(X), -1) - self.mean
        factor, scaled = self._posterior_factor()
        projected = centred @ scaled
        explained = np.sum(projected * cho_solve(factor, projected.T).T, axis=1)
        squares = np.sum(centred**2 / self.noise_variance, axis=1) - explained
        log_det = np.sum(np.log(self.noise_variance)) + 2 * np.sum(np.log(np.diag(factor[0])))
        return -0.5 * (squares + log_det + len(self.mean) * np.log(2 * np.pi))

    def posterior(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """p(z | x): the mean for each row, shape (rows, latent), and the common covariance."""
        factor, scaled = self._posterior_factor()
        centred = np.asarray(X, np.float64).reshape(len(X), -1) - self.mean
        covariance = cho_solve(factor, np.eye(self.weights.shape[1]))
        return centred @ scaled @ covariance, covariance

    def sample(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        """`rows` draws of x, shape (rows, features)."""
        z = rng.standard_normal((rows, self.weights.shape[1]))
        noise = rng.standard_normal((rows, len(self.mean))) * np.sqrt(self.noise_variance)
        return z @ self.weights.T + self.mean + noise

    def encoder(self) -> ExactEncoder:
        """x -> p(z | x), exactly, in single precision; cells may be missing."""
        deviation = np.sqrt(self.noise_variance)
        _, scaled = self._posterior_factor()
        _, covariance = self.posterior(np.zeros((1, len(self.mean))))
        return ExactEncoder(
            jnp.float32((scaled @ covariance).T),
            jnp.float32(self.mean),
            jnp.float32(np.linalg.cholesky(covariance)),
            jnp.float32(self.weights / deviation[:, None]),
            jnp.float32(deviation),
        )

    def model(self) -> Model:
        """The same density as a `Model` whose encoder is the exact posterior."""
        features, latent = self.weights.shape
        decoder = Linear(jnp.float32(self.weights), jnp.float32(self.mean), (features,))
        return Model(
            prior=StandardNormal(latent),
            decoder=decoder,
            likelihood=_DiagonalNoise(Constant(jnp.float32(np.sqrt(self.noise_variance)))),
            encoder=self.encoder(),
        )
