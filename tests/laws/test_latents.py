"""Laws of distributions over z: every prior, and every posterior family."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from jensen._sampling import draw
from jensen.objectives import closed_form_kl
from jensen.parts.priors import FixedPrior, StandardNormal, TrainablePrior, VampPrior, as_prior
from jensen.training.step import split_trainable

from .zoo import (
    NORMALS,
    POSTERIORS,
    PRIOR_NAMES,
    PRIORS,
    assert_finite,
    jittered,
    over_z,
    rows_of,
    small_model,
)

OVER_Z = [*PRIOR_NAMES, *POSTERIORS]
on_everything = pytest.mark.parametrize("name", OVER_Z)
on_pairs = pytest.mark.parametrize(
    ("posterior", "prior"),
    [(q, p) for q in POSTERIORS for p in PRIOR_NAMES],
    ids=[f"{q} to {p}" for q in POSTERIORS for p in PRIOR_NAMES],
)


@eqx.filter_jit
def log_probs(distribution, z):
    return jax.vmap(distribution.log_prob)(z)


@on_everything
def test_a_draw_is_a_vector_and_its_log_prob_a_number(name, key):
    distribution = over_z(name, 3)
    z = jax.eval_shape(distribution.sample, key)
    assert z.shape == (3,)
    assert jax.eval_shape(distribution.log_prob, z).shape == ()


@on_everything
def test_jit_and_vmap_agree_with_eager(name, key):
    distribution = over_z(name, 3)
    z = jax.random.normal(key, (3, 3))
    eager = jnp.stack([distribution.log_prob(each) for each in z])
    # Fused operations round otherwise: a few units in the last place of the largest term.
    np.testing.assert_allclose(log_probs(distribution, z), eager, rtol=1e-5, atol=1e-5)


@on_everything
def test_the_same_key_draws_the_same(name, key):
    distribution = over_z(name, 3)
    sample = eqx.filter_jit(lambda distribution, key: draw(distribution, key, 3))
    first, again = sample(distribution, key), sample(distribution, key)
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(np.asarray(first))) == 9


@on_everything
def test_gradients_are_finite_near_and_far(name, key):
    distribution = over_z(name, 3)
    far = np.repeat(np.float32([[0.0], [30.0], [-30.0]]), 3, axis=1)

    @jax.jit
    def values_and_slopes(key, far):
        z = jnp.concatenate([distribution.sample(key)[None], far])
        return jax.vmap(jax.value_and_grad(lambda z: distribution.log_prob(z)))(z)

    assert_finite(values_and_slopes(key, far))


@pytest.mark.parametrize(
    ("name", "latent"), [(name, d) for name in OVER_Z for d in (1, 2) if (name, d) != ("flow", 1)]
)
def test_densities_integrate_to_one(name, latent):
    # Scales here lie between 0.2 and 4: sixteen to either side hold all of it, and the
    # trapezoid rule converges beyond rounding once a cell is shorter than the least of them.
    axis = np.linspace(-16, 16, 401)
    z = np.stack(np.meshgrid(*[axis] * latent, indexing="ij"), -1).reshape(-1, latent)
    found = log_probs(over_z(name, latent), np.float32(z))
    cell = (axis[1] - axis[0]) ** latent
    total = np.exp(np.asarray(found, np.float64)).sum() * cell
    np.testing.assert_allclose(total, 1.0, atol=1e-4)


@pytest.mark.parametrize("name", POSTERIORS)
def test_a_posterior_family_is_standard_normal_at_zero(name, key):
    member = POSTERIORS[name].build(key, 3)
    z = jax.random.normal(key, (5, 3))
    at_zero = lambda member, z: log_probs(member(jnp.zeros(member.size)), z)
    standard = StandardNormal(3)()
    # σ is one to within the smallest scale there is, 1e-5.
    found = eqx.filter_jit(at_zero)(member, z)
    np.testing.assert_allclose(found, log_probs(standard, z), atol=2e-4)


@eqx.filter_jit
@eqx.filter_value_and_grad
def entropy_like(h, member, key):
    q = member(h)
    return q.log_prob(q.sample(key))


@pytest.mark.parametrize("size", [-30.0, 30.0])
@pytest.mark.parametrize("name", POSTERIORS)
def test_a_posterior_family_stands_extreme_outputs(name, size, key):
    member = jittered(POSTERIORS[name].build(key, 3), key)
    assert_finite(entropy_like(np.full(member.size, size, np.float32), member, key))


@pytest.mark.parametrize("name", PRIORS)
def test_what_a_prior_trains_has_a_finite_gradient(name, key):
    model = small_model(key, prior=name)
    trainable, rest = split_trainable(model)

    @jax.jit
    @jax.grad
    def slopes(trainable, z):
        return eqx.combine(trainable, rest).latent_prior().log_prob(z)

    for z in (np.zeros(2, np.float32), np.full(2, 30.0, np.float32)):
        assert_finite(slopes(trainable, z))


def test_pseudo_inputs_move_by_each_columns_own_scale(key):
    rows = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    rows *= np.array([1e-3, 1.0, 1e4], np.float32)
    rows[:, 1] = 5.0
    prior = VampPrior.build(key, 2, rows)
    expected = np.array([rows[:, 0].std(), 1.0, rows[:, 2].std()])
    np.testing.assert_allclose(prior.scale.value, expected, rtol=1e-5)
    at = expected * np.asarray(prior.pseudo_inputs) + np.asarray(prior.shift.value)
    distance = np.abs((at[:, None] - rows[None]) / expected).max(-1).min(1)
    assert distance.max() < 1e-4


def test_vamp_prior_is_the_average_of_posteriors_at_its_pseudo_inputs(key):
    model = small_model(key, prior="vamp", rows=rows_of("real", 6))
    prior = model.prior
    shift, scale = np.asarray(prior.shift.value), np.asarray(prior.scale.value)
    inputs = shift + scale * np.asarray(prior.pseudo_inputs)
    z = jax.random.normal(key, (7, 2))
    given = eqx.filter_jit(lambda model, u, z: log_probs(model.posterior(u), z))
    by_hand = np.mean([np.exp(given(model, u, z)) for u in inputs], axis=0)
    assert len(inputs) == 6
    found = eqx.filter_jit(lambda model, z: log_probs(model.latent_prior(), z))(model, z)
    np.testing.assert_allclose(np.exp(found), by_hand, rtol=1e-5, atol=1e-9)


def test_a_distribution_stays_and_a_module_is_trained():
    normal = dist.Normal(jnp.zeros(2), jnp.ones(2)).to_event(1)
    module = small_model(jax.random.key(0), prior="mixture").latent_prior()
    prior = StandardNormal(2)
    assert as_prior(prior) is prior
    assert isinstance(as_prior(normal), FixedPrior)
    assert isinstance(as_prior(module), TrainablePrior)

    def slopes(prior):
        log_prob = lambda prior: prior(None).log_prob(jnp.full(2, 0.5))
        return jax.tree.leaves(eqx.filter_jit(eqx.filter_grad(log_prob))(prior))

    assert all((np.asarray(slope) == 0).all() for slope in slopes(as_prior(normal)))
    assert any((np.asarray(slope) != 0).any() for slope in slopes(as_prior(module)))


compiled_kl = eqx.filter_jit(closed_form_kl)


@on_pairs
def test_kl_is_none_or_that_of_quadrature(posterior, prior):
    q, p = over_z(posterior, 2), over_z(prior, 2)
    closed = compiled_kl(q, p)
    if closed is None:
        assert posterior not in NORMALS or prior != "normal", "the usual pair has one"
        return
    axis = np.linspace(-16, 16, 401)
    z = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    log_q, log_p = (np.asarray(log_probs(each, np.float32(z)), np.float64) for each in (q, p))
    by_quadrature = np.sum(np.exp(log_q) * (log_q - log_p)) * (axis[1] - axis[0]) ** 2
    assert np.shape(closed) == ()
    np.testing.assert_allclose(closed, by_quadrature, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("posterior", NORMALS)
def test_kl_to_a_normal_of_one_scale_for_all(posterior):
    q = over_z(posterior, 3)
    one_scale = dist.Normal(jnp.zeros(3), 2.0).to_event(1)
    written_out = dist.Normal(jnp.zeros(3), jnp.full(3, 2.0)).to_event(1)
    np.testing.assert_allclose(compiled_kl(q, one_scale), compiled_kl(q, written_out), rtol=1e-6)
