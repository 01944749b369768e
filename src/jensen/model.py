"""The model: a prior, a decoder, a likelihood and an encoder; nothing else.

Every other part of jensen is a function of `Model`, written for one datum.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import Precision, stop_gradient

from jensen._lenient import lenient
from jensen._types import Data, Distribution, PRNGKey, Scalar, as_datum, condition_of
from jensen.parts.priors import Prior, as_prior

__all__ = ["Model"]


def _add_up(terms: Array) -> Scalar:
    """The sum of all terms, as a product with ones.

    A sum would be fused with what makes its terms, whose logarithms XLA then takes one by one
    on a CPU: twelve times slower than side by side.
    """
    flat = terms.reshape(-1)
    return jnp.dot(flat, jnp.ones_like(flat), precision=Precision.HIGHEST)


def _possible(distribution: Any, x: Any) -> Array:
    """A value like `x` in the support, where the distribution says what that is; else zero."""
    feasible_like = getattr(getattr(distribution, "support", None), "feasible_like", None)
    if feasible_like is None:
        return jnp.zeros_like(x)
    with lenient():
        return stop_gradient(jnp.broadcast_to(feasible_like(x), x.shape).astype(x.dtype))


def _unless_none(condition: Any) -> tuple[Any, ...]:
    """One more argument for the parts of a conditional model; those of others know of none."""
    return () if condition is None else (condition,)


class Model(eqx.Module):
    """A joint density p(x, z) = p(x | z) p(z) with an encoder q(z | x) for its posterior.

    Args:
        prior: p(z): one of `jensen.parts.priors`, or any distribution over z. One of
            NumPyro's stays as it is; a module (FlowJAX's, or your own) is trained.
        decoder: a callable z -> h.
        likelihood: a callable h -> p(x | z), whose `log_prob(x)` has one term for each
            entry of x that can be missing on its own; the model adds them up. Zero stands for
            what is missing, or a value of the distribution's `support` where it has one, as
            NumPyro's do.
        encoder: a callable (x, mask) -> q(z | x); `mask` is `None` or true where observed.
        missingness: why cells are missing, a `parts.missingness.Missingness`; then all is of x
            and its mask together. `None` ignores the mask.

    Wherever a method takes `x` it takes an array, all of it observed, or a `Datum`. Where that has
    a condition c the density is p(x, z | c) = p(x | z, c) p(z | c): all parts but the likelihood
    are then called with c as one more argument (Sohn, Lee & Yan 2015).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import numpyro.distributions as dist
        >>> model = Model(
        ...     prior=dist.Normal(jnp.zeros(1), 1.0).to_event(1),
        ...     decoder=lambda z: z,
        ...     likelihood=lambda h: dist.Normal(h, 1.0),
        ...     encoder=lambda x, mask: dist.Normal(x / 2, 0.5**0.5).to_event(1),
        ... )
        >>> print(round(float(model.log_joint(jnp.zeros(1), jnp.zeros(1))), 3))
        -1.838
    """

    prior: Prior = eqx.field(converter=as_prior)
    decoder: Any
    likelihood: Any
    encoder: Any
    missingness: Any = None

    def latent_prior(self, condition: Any = None) -> Distribution:
        """p(z), or p(z | condition); it is given the encoder, of which a VampPrior is made."""
        return self.prior(self.encoder, *_unless_none(condition))

    def posterior(self, x: Data) -> Distribution:
        """The encoder's approximation q(z | x) of p(z | x), both given x's condition if any."""
        datum = as_datum(x)
        return self.encoder(datum.x, datum.mask, *_unless_none(datum.condition))

    def conditional(self, z: Any, condition: Any = None) -> Distribution:
        """p(x | z), or p(x | z, condition)."""
        return self.likelihood(self.decoder(z, *_unless_none(condition)))

    def log_likelihood(self, x: Data, z: Any) -> Scalar:
        """log p(x | z) of what was observed of x, in nats, and of the mask, if it is modelled."""
        datum = as_datum(x)
        p = self.conditional(z, datum.condition)
        if datum.mask is None:
            terms = p.log_prob(datum.x)
        else:
            # A value in the support stands for what is not observed, which then makes neither a
            # NaN nor a gradient.
            filled = jnp.where(datum.mask, datum.x, _possible(p, datum.x))
            terms = jnp.where(datum.mask, p.log_prob(filled), 0.0)
        if self.missingness is None:
            return _add_up(terms)
        return _add_up(terms) + self.missingness.log_prob(p, datum.x, datum.mask)

    def log_joint(self, x: Data, z: Any) -> Scalar:
        """log p(x, z) = log p(x | z) + log p(z), in nats."""
        return self.log_likelihood(x, z) + self.latent_prior(condition_of(x)).log_prob(z)

    def sample(self, key: PRNGKey, condition: Any = None) -> Array:
        """One draw of x from the model: z ~ p(z), then x ~ p(x | z)."""
        from_prior, from_likelihood = jax.random.split(key)
        z = self.latent_prior(condition).sample(from_prior)
        return self.conditional(z, condition).sample(from_likelihood)
