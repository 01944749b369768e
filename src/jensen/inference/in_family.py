"""The best q that the encoder's own family has for one row."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jaxtyping import Float

from jensen._sampling import draw
from jensen._types import Data, PRNGKey, Scalar, as_datum, condition_of
from jensen.inference.descent import descend
from jensen.model import Model
from jensen.parts.posteriors import PosteriorFamily

__all__ = ["best_in_family"]

# In units in which a step of one changes q by half a nat. Two rounds, the second measured anew
# where the first has led, reach a posterior fifteen of the encoder's scales away.
_RATE = 0.1
_ROUNDS = 2
_STEPS = 150
_DRAWS_A_STEP = 8
_DRAWS_FOR_UNIT = 64
# Where a number hardly matters any more, as behind a hyperbolic tangent's flat end, a step in its
# unit would throw it out of all reach.
_MOST_UNIT = 10.0


def _unit(family: PosteriorFamily, h: Float[Array, " size"], key: PRNGKey) -> Array:
    """1 / √F_ii, at most 10, with F = E_q[∇ log q (∇ log q)ᵀ] the Fisher information of h."""
    z = draw(family(h), key, _DRAWS_FOR_UNIT)
    score = jax.vmap(jax.grad(lambda h, z: family(h).log_prob(z)), (None, 0))(h, z)
    information = jnp.mean(score**2, axis=0)
    unit = jnp.where(information > 0, jax.lax.rsqrt(information), 0.0)
    return jnp.minimum(unit, _MOST_UNIT)


def best_in_family(
    model: Model, x: Data, key: PRNGKey, steps: int = _STEPS
) -> Float[Array, " size"]:
    """The family's numbers h of locally maximal ELBO for one datum, begun at the encoder's.

    Adam on E_q[log p(x, z) − log q(z)], reparameterised, with the parameters of log q held, so
    that the gradient is still unbiased and its noise vanishes where q is the posterior (Roeder,
    Wu & Duvenaud 2017). It is a search: what it finds may be less than the family's best, and
    an ELBO that it fails to reach counts as the family's fault and not as the encoder's. Only h
    moves: weights of the family itself, a flow's couplings, are held.

    Args:
        model: one whose `encoder` is an `Encoder`, which has a family.
        x: one datum.
        key: a typed JAX key.
        steps: in each of two rounds.

    Returns:
        h, of which `model.encoder.family(h)` makes q.
    """
    encoder, datum, prior = model.encoder, as_datum(x), model.latent_prior(condition_of(x))
    family = encoder.family
    given = () if datum.condition is None else (datum.condition,)

    def one_round(start: Array, key: PRNGKey) -> Any:
        for_unit, for_steps = jax.random.split(key)
        unit = _unit(family, start, for_unit)

        def loss(moved: Array, key: PRNGKey) -> Scalar:
            h = start + unit * moved
            held = family(stop_gradient(h))
            z = draw(family(h), key, _DRAWS_A_STEP)
            log_weight = lambda z: model.log_likelihood(x, z) + prior.log_prob(z) - held.log_prob(z)
            return -jnp.mean(jax.vmap(log_weight)(z))

        return start + unit * descend(loss, jnp.zeros_like(start), for_steps, _RATE, steps), None

    first = encoder.numbers(datum.x, datum.mask, *given)
    return jax.lax.scan(one_round, first, jax.random.split(key, _ROUNDS))[0]
