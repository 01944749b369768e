"""The evidence lower bound, and its gradient by reparameterisation or by the score function."""

from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient

from jensen._sampling import draw
from jensen._types import Data, PRNGKey, Scalar, condition_of
from jensen.errors import OptionError
from jensen.objectives._base import Objective, Terms
from jensen.objectives.divergence import closed_form_kl

__all__ = ["ELBO", "elbo", "elbo_terms", "kl_term", "require_reparameterised"]


def require_reparameterised(q: Any) -> None:
    """Raise `OptionError` where q says that its samples carry no gradient."""
    if getattr(q, "has_rsample", True) is False:
        raise OptionError(
            f"{type(q).__name__} cannot be reparameterised: use the objective"
            " ELBO(gradient='score', draws=2) or more draws."
        )


def elbo_terms(model: Any, x: Data, key: PRNGKey, draws: int = 1) -> tuple[Scalar, Scalar]:
    """The ELBO's two terms for one datum, in nats: reconstruction and KL.

        reconstruction = E_q[log p(x | z)],    kl = KL(q(z | x) ‖ p(z))

    The expectation is taken over `draws` samples; so is the KL where the pair of q and p has
    no closed form. (Kingma & Welling 2014, eqs. 3 and 10.)
    """
    q, p = model.posterior(x), model.latent_prior(condition_of(x))
    z = draw(q, key, draws)
    reconstruction = jnp.mean(jax.vmap(lambda z: model.log_likelihood(x, z))(z))
    return reconstruction, kl_term(q, p, z)


def kl_term(q: Any, p: Any, z: Any) -> Scalar:
    """KL(q ‖ p) in nats: in closed form, or averaged over the draws z ~ q."""
    closed = closed_form_kl(q, p)
    if closed is not None:
        return closed
    return jnp.mean(jax.vmap(lambda z: q.log_prob(z) - p.log_prob(z))(z))


def elbo(model: Any, x: Data, key: PRNGKey, draws: int = 1) -> Scalar:
    """An unbiased estimate of ELBO(x) = E_q[log p(x | z)] − KL(q ‖ p) ≤ log p(x), in nats.

    Args:
        model: a `Model`.
        x: one datum, of the event shape, or a `Datum`.
        key: a typed JAX key.
        draws: samples of z over which the estimate is averaged.

    Example:
        >>> import jax, jensen
        >>> model = jensen.LinearGaussian.random(jax.random.key(0), features=3, latent=1).model()
        >>> float(elbo(model, jax.numpy.zeros(3), jax.random.key(1))) < 0
        True
    """
    reconstruction, kl = elbo_terms(model, x, key, draws)
    return reconstruction - kl


class ELBO(Objective):
    """Maximise the ELBO.

    Args:
        draws: samples of z for each datum and step.
        gradient: "reparameterised" (Kingma & Welling 2014), through z = g(ε, x); or "score",
            which needs only log q: ∇ E_q[f] = E_q[(f − b) ∇ log q + ∇ f], f = log p(x, z) −
            log q(z | x), each draw's baseline b being the mean of f over the other draws
            (Mnih & Rezende 2016; Kool et al. 2019). It needs two draws or more.
    """

    name: ClassVar[str] = "elbo"
    takes_value: ClassVar[str | None] = "draws"
    draws: int = 1
    gradient: Literal["reparameterised", "score"] = "reparameterised"

    def __check_init__(self):
        """Refuse draws and gradients that mean nothing."""
        if self.gradient not in ("reparameterised", "score"):
            raise OptionError(
                f"gradient={self.gradient!r} is unknown: choose reparameterised or score."
            )
        least = 2 if self.gradient == "score" else 1
        if self.draws < least:
            raise OptionError(
                f"draws={self.draws}: gradient={self.gradient!r} needs at least {least}."
            )

    def __call__(self, model: Any, x: Data, key: PRNGKey, epoch: Scalar) -> Terms:
        if self.gradient == "score":
            return self._by_score(model, x, key)
        require_reparameterised(model.posterior(x))
        reconstruction, kl = elbo_terms(model, x, key, self.draws)
        value = reconstruction - kl
        return Terms(value, value, reconstruction, kl)

    def _by_score(self, model: Any, x: Data, key: PRNGKey) -> Terms:
        q, p = model.posterior(x), model.latent_prior(condition_of(x))
        z = stop_gradient(draw(q, key, self.draws))
        log_q = jax.vmap(q.log_prob)(z)
        log_likelihood = jax.vmap(lambda z: model.log_likelihood(x, z))(z)
        log_prior = jax.vmap(p.log_prob)(z)
        f = stop_gradient(log_likelihood + log_prior - log_q)
        baseline = (jnp.sum(f) - f) / (self.draws - 1)
        surrogate = jnp.mean(log_likelihood + log_prior + (f - baseline) * log_q)
        reconstruction = jnp.mean(log_likelihood)
        return Terms(jnp.mean(f), surrogate, reconstruction, jnp.mean(log_q - log_prior))
