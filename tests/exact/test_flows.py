"""The flow posterior, where no normal is any good: against quadrature."""

import pickle

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
from jensen.errors import OptionError
from jensen.parts.posteriors import Flow, FullNormal
from jensen.recipes import build_model

from ..laws.zoo import jittered

# x = z₂ + z₁² + noise: the posterior is a crescent.
NOISE, X = 0.3, 2.0
STEPS = 600


def log_joint(z):
    off = (X - z[1] - z[0] ** 2) / NOISE
    return -0.5 * (z @ z + off**2) - jnp.log(2 * jnp.pi) - 0.5 * jnp.log(2 * jnp.pi * NOISE**2)


@pytest.fixture(scope="module")
def truth():
    axis = np.linspace(-8, 8, 801)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    values = np.asarray(jax.vmap(log_joint)(jnp.asarray(grid, jnp.float32)), np.float64)
    return logsumexp(values) + 2 * np.log(axis[1] - axis[0])


def gap_of_the_best(family, truth):
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

    return truth - float(search(arrays))


def test_every_latent_is_bent_by_others(key):
    for latent in (2, 3, 10):
        member = jittered(Flow.build(key, latent), key)
        bend = member(jnp.zeros(member.size))._bend
        # How much a latent's derivative varies with the noise of all; none if it is only scaled.
        slopes = jax.vmap(jax.jacfwd(bend))(jax.random.normal(key, (20, latent)))
        assert (np.asarray(slopes).std(axis=0).max(axis=1) > 1e-3).all()
        assert pickle.loads(pickle.dumps(member)).size == member.size
    with pytest.raises(OptionError, match="latent_dim of at least 2"):
        Flow.build(key, 1)


def test_evidence_from_a_flow_is_that_of_the_model(key):
    """Of the weights, not their logs; whatever the couplings, which are random here."""
    lg = LinearGaussian.random(jax.random.key(3), features=5, latent=2)
    X = lg.sample(np.random.default_rng(3), 100).astype(np.float32)
    made = build_model(X, key=key, latent_dim=2, hidden=(), posterior="flow")
    model = eqx.tree_at(lambda m: m.encoder, lg.model(), jittered(made.encoder, key, 0.1))
    exact = lg.log_evidence(X)
    for found in (
        evidence.importance(model, X, key, 2000),
        evidence.annealed(model, X, key, 60),
    ):
        ratios = np.exp(found.values - exact)
        assert abs(ratios.mean() - 1) < 5 * ratios.std(ddof=1) / np.sqrt(len(X))
        assert found.value < exact.mean() + 4 * found.stderr


def test_a_flow_follows_a_bend_that_no_normal_does(truth):
    full, flow = (gap_of_the_best(each, truth) for each in (FullNormal, Flow))
    # A bound drawn 20,000 times is good to 0.02 nats, four standard errors.
    assert -0.02 < flow < 0.1
    assert full > 0.5
