"""The flow posterior: against quadrature where no normal is any good, and exact evidence."""

import pickle
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.special import logsumexp

from jensen import LinearGaussian, evidence
from jensen._lenient import lenient
from jensen._sampling import draw
from jensen._types import Constant
from jensen.errors import OptionError
from jensen.parts.encoders import Encoder
from jensen.parts.networks import Linear
from jensen.parts.posteriors import Flow, FullNormal

from ..laws.zoo import jittered
from ..statistics.budget import ERRORS, middle_errors

# x = z₂ + z₁² + noise: the posterior is a crescent.
NOISE, X = 0.3, 2.0
STEPS = 600


def log_joint(z):
    off = (X - z[1] - z[0] ** 2) / NOISE
    return -0.5 * (z @ z + off**2) - jnp.log(2 * jnp.pi) - 0.5 * jnp.log(2 * jnp.pi * NOISE**2)


@pytest.fixture(scope="module")
def log_evidence():
    axis = np.linspace(-8, 8, 801)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    values = np.asarray(jax.vmap(log_joint)(jnp.asarray(grid, jnp.float32)), np.float64)
    return logsumexp(values) + 2 * np.log(axis[1] - axis[0])


def gap_of_the_best(family, log_evidence):
    """log p(x) − ELBO of a family's q for one x, its weights and numbers searched together."""
    key = jax.random.key(0)
    made = family.build(key, 2)
    arrays, rest = eqx.partition((made, jnp.zeros(made.size)), eqx.is_inexact_array)
    optimiser = optax.adam(optax.cosine_decay_schedule(0.02, STEPS))

    def bound(arrays, key, draws):
        member, h = eqx.combine(arrays, rest)
        q = member(h)
        z = draw(q, key, draws)
        return jnp.mean(jax.vmap(lambda z: log_joint(z) - q.log_prob(z))(z))

    def step(state, key):
        arrays, moments = state
        slopes = jax.grad(lambda arrays: -bound(arrays, key, 32))(arrays)
        with lenient():
            updates, moments = optimiser.update(slopes, moments)
        return (optax.apply_updates(arrays, updates), moments), None

    @eqx.filter_jit
    def search(arrays):
        start = arrays, optimiser.init(arrays)
        found, _ = jax.lax.scan(step, start, jax.random.split(key, STEPS))
        return bound(found[0], jax.random.key(1), 20_000)

    return log_evidence - float(search(arrays))


@eqx.filter_jit
def slopes_of(member, noise):
    return jax.vmap(jax.jacfwd(member(jnp.zeros(member.size))._bend))(noise)


def test_every_latent_is_bent_by_others(key):
    for latent in (2, 3, 10):
        member = jittered(Flow.build(key, latent), key)
        noise = jax.random.normal(key, (20, latent))
        # How much a latent's derivative varies with the noise of all; none if it is only scaled.
        slopes = slopes_of(member, noise)
        assert (np.asarray(slopes).std(axis=0).max(axis=1) > 1e-3).all()
        assert pickle.loads(pickle.dumps(member)).size == member.size
    with pytest.raises(OptionError, match="latent_dim of at least 2"):
        Flow.build(key, 1)


def test_a_flow_follows_a_bend_that_no_normal_does(log_evidence):
    full, flow = (gap_of_the_best(each, log_evidence) for each in (FullNormal, Flow))
    # A bound drawn 20,000 times is good to 0.02 nats, four standard errors.
    assert -0.02 < flow < 0.1
    assert full > 0.5


@pytest.fixture(scope="module")
def bent():
    """A linear-Gaussian model with a flow of random couplings around its posterior, and rows."""
    lg = LinearGaussian.random(jax.random.key(3), features=6, latent=2)
    family = jittered(Flow.build(jax.random.key(4), 2), jax.random.key(5), 0.06)
    gain, covariance = lg.posterior(np.eye(6) + lg.mean)
    rng = np.random.default_rng(3)
    # Somewhat wider than the posterior, so that weights are bounded where the flow bends little.
    raw = np.log(np.expm1(1.4 * np.sqrt(np.diag(covariance)))) - 0.5413249
    weight = np.concatenate([gain.T, np.zeros((2, 6)), 0.3 * rng.normal(size=(family.size - 4, 6))])
    bias = np.concatenate([np.zeros(2), raw, np.zeros(family.size - 4)])
    network = Linear(jnp.float32(weight), jnp.float32(bias), (family.size,))
    encoder = Encoder(network, family, Constant(jnp.float32(lg.mean)), Constant(jnp.ones(6)))
    model = eqx.tree_at(lambda model: model.encoder, lg.model(), encoder)
    return lg, model, lg.sample(rng, 20).astype(np.float32)


class _Forgetful(eqx.Module):
    """The same draws with a density that forgets how σ stretches them."""

    q: Any

    def sample(self, key, sample_shape=()):
        return self.q.sample(key, sample_shape)

    def log_prob(self, value):
        return self.q.log_prob(value) + jnp.log(self.q.scale).sum()


class _ForgetfulEncoder(eqx.Module):
    encoder: Any

    def __call__(self, x, mask=None):
        return _Forgetful(self.encoder(x, mask))


ESTIMATES = {
    "importance": lambda model, X, key: evidence.importance(model, X, key, 2000),
    "annealed": lambda model, X, key: evidence.annealed(model, X, key, 30),
}


@pytest.mark.parametrize("estimate", ESTIMATES.values(), ids=ESTIMATES)
def test_evidence_from_a_flow_is_the_exact_one(bent, key, estimate):
    """Its draws have the density that it says."""
    lg, model, rows = bent
    exact = lg.log_evidence(rows)
    assert np.abs(middle_errors(lambda k: estimate(model, rows, k), key, exact)).max() < ERRORS
    encoder = _ForgetfulEncoder(model.encoder)
    wrong = estimate(eqx.tree_at(lambda model: model.encoder, model, encoder), rows, key)
    assert abs(wrong.value - exact.mean()) > ERRORS * wrong.stderr
