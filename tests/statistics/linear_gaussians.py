"""A linear-Gaussian model with an encoder that is off, of which everything is known exactly."""

from itertools import product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jensen import LinearGaussian
from jensen._types import Constant, Datum
from jensen.parts.encoders import Encoder
from jensen.parts.networks import Linear
from jensen.training.step import split_trainable

from ..laws.zoo import POSTERIORS

FEATURES, LATENT = 3, 2
# The Student distribution's tails are reached by means of batches, which are all but normal.
BATCHES, KEYS = 64, 256


def linear_gaussian():
    return LinearGaussian.random(jax.random.key(11), FEATURES, LATENT)


def off(family, gain=1.0, shift=0.1):
    """The model whose encoder is wider than the exact posterior, and `shift` beside it.

    `family` is the name of a posterior family; the smaller `gain`, the less its mean follows x.
    """
    lg = linear_gaussian()
    member = POSTERIORS[family].build(jax.random.key(5), LATENT)
    mean, covariance = lg.posterior(np.eye(FEATURES) + lg.mean)
    network = Linear.draw((FEATURES,), (member.size,), key=jax.random.key(12))
    weight = (0.05 * network.weight).at[:LATENT].set(jnp.float32(gain * mean.T))
    # softplus(raw + 0.54) is the scale.
    scale = 1.2 * np.sqrt(np.diag(covariance))
    raw = np.log(np.expm1(scale)) - 0.5413249
    bias = jnp.concatenate(
        [jnp.array([shift, -shift]), jnp.float32(raw), jnp.full(member.size - 2 * LATENT, 0.05)]
    )
    network = eqx.tree_at(lambda linear: (linear.weight, linear.bias), network, (weight, bias))
    encoder = Encoder(network, member, Constant(jnp.float32(lg.mean)), Constant(jnp.ones(FEATURES)))
    return eqx.tree_at(lambda model: model.encoder, lg.model(), encoder)


def exact_elbo(model, x, shown=None):
    """E_q[log p(x | z)] − KL(q ‖ p) of one datum, in closed form, traceable.

    q is the encoder's answer to `shown`, or to x itself. E_q[log N(x; W z + b, Ψ)] is
    log N(x; W μ + b, Ψ) − ½ tr(Wᵀ Ψ⁻¹ W Σ), and the KL of N(μ, Σ) to N(0, I) is
    ½ (tr Σ + μᵀ μ − d − log det Σ).
    """
    q = model.posterior(x if shown is None else shown)
    mean = q.mean
    tril = q.scale_tril if hasattr(q, "scale_tril") else jnp.diag(jnp.sqrt(q.variance))
    w, b = model.decoder.weight, model.decoder.bias
    variance = model.likelihood.scales.value**2
    squares = (x - (w @ mean + b)) ** 2 + jnp.sum((w @ tril) ** 2, axis=1)
    reconstruction = -0.5 * jnp.sum(jnp.log(2 * jnp.pi * variance) + squares / variance)
    log_det = 2 * jnp.sum(jnp.log(jnp.abs(jnp.diag(tril))))
    kl = 0.5 * (jnp.sum(tril**2) + jnp.sum(mean**2) - LATENT - log_det)
    return reconstruction - kl


def elbo_of_parts(model, x, most):
    """The mean of the ELBO where, in half of the cases, the encoder is shown a part of x.

    A share s ~ U(0, most) of the entries is hidden then, each of the n on its own, so that a
    part with k of them hidden has the probability E[s^k (1 − s)^(n − k)].
    """
    nodes, weights = np.polynomial.legendre.leggauss(8)
    share = most * (nodes + 1) / 2
    total = 0.0
    for seen in product([True, False], repeat=FEATURES):
        hidden = FEATURES - sum(seen)
        chance = float(weights @ (share**hidden * (1 - share) ** sum(seen))) / 4
        if not hidden:
            chance += 0.5
        total += chance * float(exact_elbo(model, x, Datum(x, jnp.array(seen))))
    return total


@eqx.filter_jit
def _batch_means(objective, trainable, rest, x, key, want_gradient):
    def one(key):
        def surrogate(trainable):
            terms = objective(eqx.combine(trainable, rest), x, key, jnp.float32(0.0))
            return terms.surrogate, terms

        if want_gradient:
            return ravel_pytree(jax.grad(surrogate, has_aux=True)(trainable)[0])[0]
        return surrogate(trainable)[1]

    def batch(key):
        each = jax.vmap(one)(jax.random.split(key, KEYS))
        return jax.tree.map(lambda leaf: leaf.mean(axis=0), each)

    return jax.lax.map(batch, jax.random.split(key, BATCHES))


def mean_gradients(objective, model, x, key):
    """Means over batches of the gradient of one datum, shape (batches, parameters)."""
    return np.asarray(_batch_means(objective, *split_trainable(model), x, key, True), np.float64)


def mean_terms(objective, model, x, key):
    """Means over batches of the terms of one datum."""
    terms = _batch_means(objective, *split_trainable(model), x, key, False)
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), terms)


@eqx.filter_jit
def exact_gradient(model, x):
    """The gradient of the closed form, laid out as those of `mean_gradients`."""
    trainable, rest = split_trainable(model)
    gradient = jax.grad(lambda trainable: exact_elbo(eqx.combine(trainable, rest), x))(trainable)
    return ravel_pytree(gradient)[0]
