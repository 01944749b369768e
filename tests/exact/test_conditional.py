"""Conditional models against p(x | c) in closed form: all is linear and normal given c."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.stats import multivariate_normal

from jensen import Datum, Model, evidence, inference, queries
from jensen.evidence.annealing.bidirectional import simulate
from jensen.objectives import IWAE, elbo
from jensen.parts.priors import ConditionalNormal
from jensen.queries.denoising.noise import GaussianNoise

from ..laws.zoo import jittered

FEATURES, LATENT, SIZE = 4, 2, 3
NOISE = 0.6


class Decoder(eqx.Module):
    """W z + V c."""

    of_z: jax.Array
    of_c: jax.Array

    def __call__(self, z, condition):
        return self.of_z @ z + self.of_c @ condition


class ExactEncoder(eqx.Module):
    """The posterior of z given x and c, under p(z | c) = N(μ(c), diag σ(c)²)."""

    prior: ConditionalNormal
    decoder: Decoder
    noise: float
    heeds: bool = True

    def __call__(self, x, mask, condition):
        given = condition if self.heeds else jnp.zeros_like(condition)
        p: Any = self.prior(None, given)
        p = p.base_dist
        W = self.decoder.of_z
        precision = jnp.diag(p.scale**-2) + W.T @ W / self.noise**2
        rest = x - self.decoder.of_c @ given
        mean = jnp.linalg.solve(precision, p.loc / p.scale**2 + W.T @ rest / self.noise**2)
        return dist.MultivariateNormal(mean, precision_matrix=precision)


def linear(noise=NOISE, scale=1.0):
    """A model and what makes its parts; `scale` multiplies the prior's."""
    drawn = jax.random.split(jax.random.key(0), 3)
    prior = jittered(ConditionalNormal.build(drawn[0], LATENT, SIZE), drawn[0], 0.1)
    shrink = lambda bias: bias.at[LATENT:].add(np.log(scale))
    prior = eqx.tree_at(lambda p: p.network.layers[-1].bias, prior, replace_fn=shrink)
    decoder = Decoder(
        jax.random.normal(drawn[1], (FEATURES, LATENT)),
        jax.random.normal(drawn[2], (FEATURES, SIZE)),
    )
    return Model(
        prior=prior,
        decoder=decoder,
        likelihood=lambda h: dist.Normal(h, jnp.full_like(h, noise)),
        encoder=ExactEncoder(prior, decoder, noise),
    )


@eqx.filter_jit
def prior_of(model, condition):
    p: Any = model.prior(None, condition)
    return p.base_dist.loc, p.base_dist.scale


def moments(model, condition):
    """Mean and covariance of x given c, without the noise."""
    loc, scale = prior_of(model, condition)
    W = np.asarray(model.decoder.of_z, np.float64)
    mean = W @ np.asarray(loc) + np.asarray(model.decoder.of_c) @ condition
    return mean, (W * np.asarray(scale, np.float64) ** 2) @ W.T


def exact(model, rows, noise=NOISE):
    values = []
    for x, condition in zip(rows.x, rows.condition, strict=True):
        mean, covariance = moments(model, condition)
        values.append(multivariate_normal(mean, covariance + noise**2 * np.eye(FEATURES)).logpdf(x))
    return np.array(values)


@pytest.fixture(scope="module")
def model():
    return linear()


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    x, condition = rng.normal(size=(12, FEATURES)) * 2, rng.normal(size=(12, SIZE))
    return Datum(x.astype(np.float32), None, condition.astype(np.float32))


def test_with_the_exact_posterior_every_estimate_is_the_evidence(model, rows, key):
    # All weights are equal, so that nothing is left to chance; single precision is.
    truth = exact(model, rows)
    close = lambda found: np.testing.assert_allclose(found, truth, atol=2e-4, rtol=0)
    close(evidence.importance(model, rows, key, 5).values)
    bound = jax.jit(jax.vmap(lambda x: IWAE(4)(model, x, key, jnp.float32(0)).value))
    close(bound(rows))
    close(evidence.annealed(model, rows, key, 10).values)


def test_the_prior_mixture_converges_to_it(rows, key):
    # A wide likelihood, so that draws from p(z | c) find the rows.
    model = linear(noise=4.0)
    found = evidence.prior_monte_carlo(model, rows, key, 4000)
    # Five errors of each of twelve rows: once in 140,000 times by chance, and the seed is fixed.
    assert np.all(np.abs(found.values - exact(model, rows, 4.0)) < 5 * found.standard_errors)


def test_another_condition_is_another_density(model, rows, key):
    moved = eqx.tree_at(lambda rows: rows.condition, rows, rows.condition[::-1])
    ours = evidence.importance(model, rows, key, 5).values
    assert np.all(np.abs(evidence.importance(model, moved, key, 5).values - ours) > 1e-2)


@pytest.mark.parametrize("part", ["encoder", "prior", "decoder"])
def test_a_part_that_does_not_heed_the_condition_is_found_out(model, rows, key, part):
    truth = exact(model, rows)
    if part == "encoder":
        broken = eqx.tree_at(lambda m: m.encoder.heeds, model, False)
        bounds = np.asarray(jax.jit(jax.vmap(lambda x: elbo(broken, x, key, 200)))(rows))
        assert np.all(bounds < truth + 0.1)
        assert np.mean(truth - bounds) > 1
        return
    where = {
        "prior": lambda m: m.prior.network.layers[0].weight,
        "decoder": lambda m: m.decoder.of_c,
    }[part]
    broken = eqx.tree_at(where, model, replace_fn=jnp.zeros_like)
    found = evidence.importance(broken, rows, key, 500).values
    assert np.max(np.abs(found - truth)) > 0.1


def test_rows_are_drawn_given_their_conditions(rows, key):
    # With hardly any noise what is drawn is the mean given c, to some hundredths.
    model = linear(noise=1e-3, scale=1e-3)
    means = np.stack([moments(model, condition)[0] for condition in rows.condition])
    close = lambda found: np.testing.assert_allclose(found, means, atol=0.05, rtol=0)
    close(queries.sample(model, key, len(means), conditions=rows.condition))
    close(queries.sample(model, key, len(means), conditions=rows.condition, mean=True))
    close(simulate(model, key, len(means), rows).X.x)
    theirs = Datum(means.astype(np.float32), None, rows.condition)
    close(queries.reconstruct(model, theirs))
    close(queries.vary(model, theirs, key, 2)[:, 1])
    codes = inference.posterior_means(model, theirs)
    close(queries.decode(model, codes, theirs.condition))
    between = queries.interpolate(model, theirs, theirs, 3)
    close(between[:, 1])
    holes = Datum(theirs.x, np.arange(FEATURES) % 2 + np.zeros((len(means), 1)) > 0, rows.condition)
    close(queries.impute(model, holes, key, draws=16, keep=1).values)
    close(queries.denoise(model, theirs, GaussianNoise(0.5), key, "encoder").mean)


def test_simulated_rows_take_the_conditions_in_turn(model, rows, key):
    simulated = simulate(model, key, 30, rows).X
    np.testing.assert_array_equal(simulated.condition[12:24], rows.condition)


def test_fewer_simulated_rows_have_conditions_from_all_over(model, rows, key):
    # Rows may be sorted by their conditions.
    simulated = simulate(model, key, 3, rows).X
    np.testing.assert_array_equal(simulated.condition, rows.condition[[0, 6, 11]])


def test_a_traversal_stays_where_the_latents_of_its_condition_are(key):
    labels = np.eye(SIZE, dtype=np.float32)[np.array([0] * 40 + [1] * 10 + [2] * 10)]
    model = linear()
    drawn = Datum(queries.sample(model, key, 60, conditions=labels), None, labels)
    found = queries.traverse(model, drawn, steps=5)
    # The commonest condition is the first; its latents lie about E[z | c] as far as σ(c).
    p: Any = model.prior(None, jnp.asarray(labels[0]))
    middle, scale = np.asarray(p.base_dist.loc), np.asarray(p.base_dist.scale)
    each = (found.values - middle[found.latents, None]) / scale[found.latents, None]
    assert np.abs(each).max() < 4
    assert np.abs(each.mean(axis=1)).max() < 1


def test_what_the_condition_tells_is_no_active_latent(model, rows):
    # An encoder that says no more than the prior does: its means vary with c all the same.
    idle = eqx.tree_at(
        lambda m: m.encoder, model, lambda x, mask, condition: model.prior(None, condition)
    )
    assert inference.posterior_means(idle, rows).var(axis=0).min() > 0.01
    beyond = inference.means_beyond_prior(idle, rows)
    assert inference.active_units(beyond, inference.prior_variance(idle, rows)) == 0
    used = inference.means_beyond_prior(model, rows)
    assert inference.active_units(used, inference.prior_variance(model, rows)) == LATENT


def test_calibration_heeds_the_condition(model, rows, key):
    of = lambda model: queries.diagnosis.calibrate(model, key, 400, 19, like=rows)
    assert of(model).passed
    assert not of(eqx.tree_at(lambda m: m.encoder.heeds, model, False)).passed
