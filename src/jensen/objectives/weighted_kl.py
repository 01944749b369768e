"""The ELBO with its KL term weighted, warmed up, or charged from a threshold on."""

from typing import Any, ClassVar

import jax.numpy as jnp

from jensen._types import Data, PRNGKey, Scalar, condition_of
from jensen.errors import OptionError
from jensen.objectives._base import Objective, Terms
from jensen.objectives.divergence import kl_by_dimension
from jensen.objectives.lower_bound import elbo_terms, require_reparameterised

__all__ = ["BetaELBO"]


class BetaELBO(Objective):
    """Maximise reconstruction − β Σ_d max(KL_d, λ).

    It is the ELBO at β = 1 and λ = 0, and a lower bound of it wherever β ≥ 1; with β < 1, as
    while it warms up, it bounds nothing. What is reported as the ELBO stays reconstruction − KL.

    Args:
        beta: β, the weight of the KL term in the end (Higgins et al. 2017).
        warmup: epochs over which β rises in a straight line from 0 (Bowman et al. 2016). Until
            then training does not stop early, and no weights count as the best.
        free_bits: λ, nats a latent dimension may carry at no cost, for each datum (Kingma et
            al. 2016, appendix C.8, there for a minibatch). It needs a posterior and a prior
            that are independent normals, for only they have a KL by dimension.
    """

    name: ClassVar[str] = "beta"
    takes_value: ClassVar[str | None] = "beta"
    beta: float = 1.0
    warmup: float = 0.0
    free_bits: float = 0.0

    def __check_init__(self):
        """Refuse numbers below zero."""
        for option in ("beta", "warmup", "free_bits"):
            if not getattr(self, option) >= 0:
                raise OptionError(f"{option}={getattr(self, option)}: must not be below 0.")

    @property
    def settles(self) -> float:
        """The warm-up."""
        return self.warmup

    def __call__(self, model: Any, x: Data, key: PRNGKey, epoch: Scalar) -> Terms:
        require_reparameterised(model.posterior(x))
        reconstruction, kl = elbo_terms(model, x, key)
        charged = kl
        if self.free_bits > 0:
            each = kl_by_dimension(model.posterior(x), model.latent_prior(condition_of(x)))
            if each is None:
                raise OptionError(
                    "free_bits needs posterior='diagonal' and prior='normal', whose KL has a"
                    " value for each latent dimension."
                )
            charged = jnp.sum(jnp.maximum(each, self.free_bits))
        beta = self.beta * jnp.minimum(1.0, epoch / self.warmup) if self.warmup else self.beta
        value = reconstruction - beta * charged
        return Terms(value, value, reconstruction, kl)
