"""The importance-weighted bound, and its two gradients."""

from dataclasses import replace
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jax.nn import logsumexp, softmax

from jensen._sampling import draw
from jensen._types import Data, Datum, PRNGKey, Scalar, as_datum, condition_of, held
from jensen.errors import OptionError
from jensen.objectives._base import Objective, Terms
from jensen.objectives.lower_bound import kl_term, require_reparameterised

__all__ = ["IWAE", "iwae", "log_mean_weight"]

# The bound by which weights are judged is to say how good the model is more than how good its
# encoder, whose error counts for less with more draws of z.
_DRAWS_OF_JUDGE = 50


def log_mean_weight(log_weights: Array) -> Scalar:
    """log (1/K Σ_k w_k), the weights given by their logarithms."""
    return logsumexp(log_weights) - jnp.log(log_weights.shape[0])


def iwae(model: Any, x: Data, key: PRNGKey, draws: int = 10) -> Scalar:
    """log 1/K Σ_k p(x, z_k) / q(z_k | x), z_k ~ q: its mean is a lower bound of log p(x).

    In nats, for one datum (Burda et al. 2016, eq. 8). With K = 1 it is the ELBO.
    """
    q = model.posterior(x)
    z = draw(q, key, draws)
    return log_mean_weight(jax.vmap(lambda z: model.log_joint(x, z) - q.log_prob(z))(z))


class IWAE(Objective):
    """Maximise the importance-weighted bound with `draws` samples.

    Args:
        draws: K, samples of z for each datum and step.
        gradient: "reparameterised", the gradient of the bound as it stands; or "doubly",
            the doubly reparameterised estimator (Tucker et al. 2019, eq. 8), whose encoder
            gradient does not drown in noise as K grows. Both have the same mean.
        hides: in every other step, on average, the encoder is not shown some of what was
            observed of a row: a share of its entries that is drawn evenly from 0 to `hides`. The
            bound stays one of log p(x), for it is one whatever q is; but q is learned given any
            part of a row, and rows are less easily learned by heart. The terms of the ELBO that a
            step reports are then those of q given what was shown.
    """

    name: ClassVar[str] = "iwae"
    takes_value: ClassVar[str | None] = "draws"
    draws: int = 10
    gradient: Literal["reparameterised", "doubly"] = "doubly"
    hides: float = 0.0

    def __check_init__(self):
        """Refuse draws and gradients that mean nothing."""
        if self.gradient not in ("reparameterised", "doubly"):
            raise OptionError(
                f"gradient={self.gradient!r} is unknown: choose reparameterised or doubly."
            )
        if self.draws < 1:
            raise OptionError(f"draws={self.draws}: must be at least 1.")
        if not 0 <= self.hides <= 1:
            raise OptionError(f"hides={self.hides}: must be a share from 0 to 1.")

    @property
    def judge(self) -> "IWAE":
        """The bound with enough draws, everything shown."""
        return IWAE(max(self.draws, _DRAWS_OF_JUDGE), "reparameterised")

    def __call__(self, model: Any, x: Data, key: PRNGKey, epoch: Scalar) -> Terms:
        shown = x
        if self.hides:
            key, for_hiding = jax.random.split(key)
            shown = _partly(x, for_hiding, self.hides)
        q, p = model.posterior(shown), model.latent_prior(condition_of(x))
        require_reparameterised(q)
        z = draw(q, key, self.draws)
        log_likelihood = jax.vmap(lambda z: model.log_likelihood(x, z))(z)
        log_weights = log_likelihood + jax.vmap(p.log_prob)(z) - jax.vmap(q.log_prob)(z)
        value = log_mean_weight(log_weights)
        surrogate = value
        if self.gradient == "doubly":
            surrogate = self._doubly(model, x, q, z, stop_gradient(softmax(log_weights)))
        return Terms(value, surrogate, jnp.mean(log_likelihood), kl_term(q, p, z))

    def _doubly(self, model: Any, x: Data, q: Any, z: Array, weights: Array) -> Scalar:
        # The encoder is reached through z alone, by the squared weights; the decoder and the
        # prior with z held, by the weights.
        through_z = jax.vmap(_scaled)(z, weights)
        still_q = held(q)
        terms = jax.vmap(lambda z: model.log_joint(x, z) - still_q.log_prob(z))(through_z)
        return jnp.sum(weights * terms)


def _partly(x: Data, key: PRNGKey, most: float) -> Datum:
    """A datum of which fewer entries are seen, in one of two cases: a share of up to `most`."""
    datum = as_datum(x)
    seen = jnp.ones(jnp.shape(datum.x), bool) if datum.mask is None else datum.mask
    u = jax.random.uniform(key, (2 + seen.size,))
    share = jnp.where(u[0] < 0.5, most * u[1], 0.0)
    return replace(datum, mask=seen & (u[2:].reshape(seen.shape) >= share))


@jax.custom_vjp
def _scaled(z: Any, factor: Scalar) -> Any:
    """z itself, whose gradient is `factor` times what comes.

    Its value being that of z bit for bit, the compiler finds the same terms as in the bound, and
    does not compute them again.
    """
    return z


def _scaled_forward(z: Any, factor: Scalar) -> tuple[Any, Scalar]:
    return z, factor


def _scaled_backward(factor: Scalar, gradient: Any) -> tuple[Any, Scalar]:
    return jax.tree.map(lambda leaf: factor * leaf, gradient), jnp.zeros_like(factor)


_scaled.defvjp(_scaled_forward, _scaled_backward)
