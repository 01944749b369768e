"""The best normal q for one row, found by raising that row's ELBO."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from jensen._sampling import draw
from jensen._types import Data, PRNGKey, Scalar, condition_of
from jensen.inference.descent import descend
from jensen.inference.weighted import importance_draws, moments
from jensen.model import Model

__all__ = ["FlatNormal", "refine"]

# In units of q's own scale, over which the ELBO bends: steps that reach a posterior ten
# scales away, and end within a tenth of one.
_RATE = 0.1
_STEPS = 150
_DRAWS_A_STEP = 8
# A scale estimated from few effective draws may be much too small to start from.
_LEAST_SHARE_OF_SCALE = 0.3


class FlatNormal(eqx.Module):
    """A normal N(m, L Lᵀ) over all of z's arrays, laid out in one vector."""

    loc: Float[Array, " size"]
    scale_tril: Float[Array, "size size"]
    unravel: Callable[[Array], Any] = eqx.field(static=True)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Any:
        """One draw; `jax.vmap` over keys makes many."""
        noise = jax.random.normal(key, self.loc.shape)
        return self.unravel(self.loc + self.scale_tril @ noise)

    def log_prob(self, z: Any) -> Scalar:
        """log q(z), in nats."""
        flat = ravel_pytree(z)[0]
        return dist.MultivariateNormal(self.loc, scale_tril=self.scale_tril).log_prob(flat)


def refine(
    model: Model, x: Data, key: PRNGKey, draws: int = 200, steps: int = _STEPS
) -> FlatNormal:
    """q(z) = N(m, L Lᵀ) for one datum, of locally maximal ELBO.

    Begins at the weighted moments of `draws` importance draws from the encoder and takes
    `steps` of Adam on the reparameterised ELBO, at a rate that falls to nothing. (The local
    step of Kim et al. 2018, "Semi-amortized variational autoencoders".)
    """
    for_start, for_steps = jax.random.split(key)
    q = model.posterior(x)
    start = importance_draws(model, x, q, for_start, draws)
    _, encoder_scale = moments(start.unweighted())
    loc, scale = moments(start)
    scale = jnp.maximum(scale, _LEAST_SHARE_OF_SCALE * encoder_scale)
    unravel = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], start.z))[1]
    prior = model.latent_prior(condition_of(x))

    def normal(moved: tuple[Array, Array]) -> FlatNormal:
        shift, raw = moved
        # In units of `scale`: the diagonal by its logarithm, what is below it as it stands.
        unit = jnp.diag(jnp.exp(jnp.diag(raw))) + jnp.tril(raw, -1)
        return FlatNormal(loc + scale * shift, scale[:, None] * unit, unravel)

    def loss(moved: tuple[Array, Array], key: PRNGKey) -> Scalar:
        q = normal(moved)
        z = draw(q, key, _DRAWS_A_STEP)
        joint = jax.vmap(lambda z: model.log_likelihood(x, z) + prior.log_prob(z))(z)
        # The entropy of a normal is known up to a constant; only the joint needs draws.
        return -(jnp.mean(joint) + jnp.trace(moved[1]))

    nowhere = (jnp.zeros_like(loc), jnp.zeros((loc.size, loc.size)))
    return normal(descend(loss, nowhere, for_steps, _RATE, steps))
