"""Estimators of the evidence against closed forms and quadrature."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from arviz_stats.base import array_stats
from scipy.integrate import quad
from sklearn.decomposition import FactorAnalysis

from jensen import Datum, LinearGaussian, Model, evidence, recipes
from jensen.errors import OptionError
from jensen.evidence.weights import Weights
from jensen.objectives import IWAE, elbo, elbo_terms, iwae

from ..statistics.budget import ERRORS, middle_errors

# "Within 4 errors" of the exact evidence is asked of every row; see `middle_errors` for how that
# is kept within the suite's budget of false alarms.


def narrowed(model, scale=0.7, shift=0.0):
    """The model with a posterior that is too narrow, and off by `shift` in each latent."""
    scaled = eqx.tree_at(lambda m: m.encoder.scale_tril, model, model.encoder.scale_tril * scale)
    # The mean is gain (x − m): moving m moves every posterior mean by the same vector.
    gain = np.asarray(model.encoder.gain)
    moved = model.encoder.mean - jnp.asarray(
        np.linalg.pinv(gain) @ np.full(len(gain), shift), dtype=jnp.float32
    )
    return eqx.tree_at(lambda m: m.encoder.mean, scaled, moved)


@eqx.filter_jit
def log_joints(model, x, z):
    """log p(x, z) and log p(x | z) of one x and each of z."""
    return jax.vmap(lambda z: (model.log_joint(x, z), model.log_likelihood(x, z)))(z)


@eqx.filter_jit
def divergences(model, other, rows):
    """KL(q(z | x) ‖ the other's) of each row."""
    return jax.vmap(lambda x: dist.kl_divergence(model.posterior(x), other.posterior(x)))(rows)


def test_exact_is_factor_analysis(digits):
    data = digits[:300, 20:40]
    fitted = FactorAnalysis(3).fit(data)
    same = LinearGaussian(fitted.components_.T, fitted.mean_, fitted.noise_variance_)
    np.testing.assert_allclose(
        evidence.exact(same, data).values, fitted.score_samples(data), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("likelihood", ["normal", "normal-shared", "normal-fixed:0.8"])
def test_exact_of_a_linear_model_is_read_off_its_parts(likelihood, key):
    rows = np.random.default_rng(0).normal(size=(40, 5)) * [1, 2, 3, 4, 5] + 10
    model, _ = recipes.ppca(rows, key=key, latent_dim=2, likelihood=likelihood)
    model = eqx.tree_at(lambda m: m.decoder.layers[0].weight, model, jax.random.normal(key, (5, 2)))
    exact = evidence.exact(model, rows)
    # The density of x given z, and then the mixture over z, by brute force.
    z = np.random.default_rng(1).standard_normal((20_000, 2)).astype(np.float32)
    each = np.asarray(log_joints(model, rows[0].astype(np.float32), z)[1], np.float64)
    log_mean = np.log(np.mean(np.exp(each - each.max()))) + each.max()
    error = np.std(np.exp(each - each.max())) / np.mean(np.exp(each - each.max())) / 20_000**0.5
    assert abs(exact.values[0] - log_mean) < 4 * error


def test_exact_refuses_what_has_no_closed_form(key):
    model, _ = recipes.vae(np.zeros((4, 3)), key=key, hidden=(4,))
    with pytest.raises(OptionError, match="linear-Gaussian"):
        evidence.exact(model, np.zeros((4, 3)))


def test_exact_takes_a_datum_without_holes_and_names_the_first_hole(linear_gaussian):
    lg, rows = linear_gaussian
    mask = np.ones(rows.shape, bool)
    plain = evidence.exact(lg, rows).values
    for whole in (Datum(rows), Datum(rows, mask)):
        np.testing.assert_array_equal(evidence.exact(lg, whole).values, plain)
    mask[7, 3] = False
    with pytest.raises(OptionError, match=r"row 7 \(counting from 0\) lacks entry 3; use another"):
        evidence.exact(lg, Datum(rows, mask))


@pytest.mark.parametrize("estimator", [evidence.importance, evidence.prior_monte_carlo])
def test_rows_of_which_nothing_was_observed_have_probability_one(estimator, linear_gaussian, key):
    lg, rows = linear_gaussian
    mask = np.ones((3, rows.shape[1]), bool)
    mask[1] = False
    found = estimator(lg.model(), Datum(np.float32(rows[:3]), mask), key, draws=30)
    assert (found.values[1], found.standard_errors[1]) == (0.0, 0.0)
    assert (found.ess[1], found.khat[1]) == (30.0, 0.0)
    assert (found.values[[0, 2]] != 0.0).all()


def test_posterior_of_linear_gaussian_is_that_of_its_joint_normal(linear_gaussian):
    lg, rows = linear_gaussian
    # p(z, x) is normal; condition it by the textbook formula.
    covariance = lg.weights @ lg.weights.T + np.diag(lg.noise_variance)
    gain = np.linalg.solve(covariance, lg.weights).T
    mean, cov = lg.posterior(rows)
    np.testing.assert_allclose(mean, (rows - lg.mean) @ gain.T, atol=1e-10)
    np.testing.assert_allclose(cov, np.eye(4) - gain @ lg.weights, atol=1e-10)


def test_importance_with_the_exact_posterior_is_exact(linear_gaussian, key):
    lg, rows = linear_gaussian
    found = evidence.importance(lg.model(), np.float32(rows), key, draws=100)
    # Every weight is p(x); what is left is single precision, of numbers near 30.
    np.testing.assert_allclose(found.values, lg.log_evidence(rows), atol=1e-4)


# Proposals narrower than 0.87 have weights without a fourth moment, so that their errors, being
# estimates themselves, are now and then far too small; which is what k̂ is for.
@pytest.mark.parametrize(("scale", "shift"), [(1.3, 0.0), (0.9, 0.0), (1.2, 0.3)])
def test_importance_with_another_posterior_is_within_its_errors(linear_gaussian, key, scale, shift):
    lg, rows = linear_gaussian
    model = narrowed(lg.model(), scale, shift)
    estimate = lambda key: evidence.importance(model, np.float32(rows), key, 4000)
    assert np.abs(middle_errors(estimate, key, lg.log_evidence(rows))).max() < ERRORS


def test_a_shifted_narrow_encoder_lowers_the_elbo_raises_khat_and_no_bound(linear_gaussian, key):
    lg, rows = linear_gaussian
    rows = np.float32(rows)
    good, broken = lg.model(), narrowed(lg.model(), scale=0.5**0.5, shift=1.0)
    exact = lg.log_evidence(rows)
    assert evidence.elbo(broken, rows, key).value < evidence.elbo(good, rows, key).value - 1
    fine = evidence.importance(good, rows, key)
    flagged = evidence.importance(broken, rows, key)
    assert np.median(flagged.khat) > 0.7 > np.median(fine.khat)
    assert flagged.warning() is not None
    assert fine.warning() is None
    for draws in (1, 10, 1000):
        bound = evidence.importance(broken, rows, key, draws)
        error = bound.stderr if draws > 1 else bound.row_stderr
        assert bound.value < exact.mean() + 4 * error


def test_elbo_with_the_exact_posterior_is_the_evidence(linear_gaussian, key):
    lg, rows = linear_gaussian
    found = evidence.elbo(lg.model(), np.float32(rows), key, draws=2000)
    assert abs(found.value - lg.log_evidence(rows).mean()) < 4 * found.stderr


def test_elbo_with_the_exact_posterior_is_the_evidence_to_a_thousandth(key):
    # Of one latent, since each adds the noise with which log p(x | z) varies under q; its KL,
    # 0.35 nats, is hundreds of times what is told apart.
    lg = LinearGaussian(np.full((2, 1), 0.7), np.arange(2.0), np.ones(2))
    rows = lg.sample(np.random.default_rng(0), 50)
    mean_of_draws = jax.vmap(lambda x, key: elbo(lg.model(), x, key, 2000), (None, 0))

    @jax.jit
    def means(rows, keys):
        return jax.lax.map(lambda each: mean_of_draws(*each), (rows, keys))

    found = np.asarray(means(jnp.float32(rows), jax.random.split(key, (50, 128))), np.float64)
    off = found.mean(axis=1) - lg.log_evidence(rows)
    error = np.sqrt(np.sum(found.var(axis=1, ddof=1) / 128)) / 50
    # Five errors: noise alone would miss it in one of a million runs.
    assert 5 * error < 1e-3
    assert abs(off.mean()) < 1e-3


def test_one_draw_from_the_exact_posterior_has_the_evidence_as_its_weight(linear_gaussian, key):
    lg, rows = linear_gaussian
    one = jax.jit(jax.vmap(lambda x, key: iwae(lg.model(), x, key, 1)))
    found = one(jnp.float32(rows), jax.random.split(key, len(rows)))
    # log p(x, z) − log q(z | x) is log p(x) whatever z is.
    np.testing.assert_allclose(found, lg.log_evidence(rows), atol=1e-3, rtol=0)


@eqx.filter_jit
def _values(objective, model, rows, keys):
    of_row = lambda x, key: objective(model, x, key, jnp.float32(0.0)).value
    return jax.vmap(jax.vmap(of_row, (None, 0)))(rows, keys)


def test_what_an_encoder_is_not_shown_is_in_the_bound_all_the_same(linear_gaussian, key):
    """Shown all of a row, this encoder answers with the exact posterior, whatever the draws."""
    lg, rows = linear_gaussian
    rows, exact = jnp.float32(rows[:8]), lg.log_evidence(rows[:8])
    keys = jax.random.split(key, (8, 32))
    off = {
        (draws, hides): np.asarray(_values(IWAE(draws, hides=hides), lg.model(), rows, keys))
        - exact[:, None]
        for draws, hides in [(1, 0.0), (1, 1.0), (4000, 0.5)]
    }
    assert np.abs(off[1, 0.0]).max() < 1e-3
    # Half of the time something is hidden, and one draw of what is left tells of little.
    assert 0.25 < np.mean(np.abs(off[1, 1.0]) > 1e-3) < 0.6
    assert (off[1, 1.0].mean(axis=1) < -0.5).all()
    # 32 values of a deviation of up to 0.04, and the bias of 4,000 draws.
    assert np.abs(off[4000, 0.5].mean(axis=1)).max() < 0.03
    # A bound of the shown part alone would lie nats away.
    part = Datum(rows, jnp.broadcast_to(jnp.arange(12) % 4 > 0, rows.shape))
    assert np.abs(np.asarray(_values(IWAE(1), lg.model(), part, keys)[:, 0]) - exact).min() > 0.3


@pytest.mark.parametrize(("scale", "shift"), [(0.7, 0.0), (1.5, 0.0), (1.0, 0.5)])
def test_elbo_with_another_posterior_lies_below_by_its_divergence(
    linear_gaussian, key, scale, shift
):
    lg, rows = linear_gaussian
    model = narrowed(lg.model(), scale, shift)
    rows, exact = np.float32(rows), lg.log_evidence(rows)
    estimate = lambda key: evidence.elbo(model, rows, key, draws=700)
    # log p(x) − ELBO(x) = KL(q ‖ p(z | x)), which two normals have in closed form.
    divergence = np.asarray(divergences(model, lg.model(), rows))
    assert np.abs(middle_errors(estimate, key, exact - divergence)).max() < ERRORS
    found = estimate(key)
    assert found.value + 4 * found.stderr < exact.mean()


def test_prior_monte_carlo_meets_the_exact_evidence_in_one_dimension(key):
    lg = LinearGaussian.random(jax.random.key(3), features=2, latent=1)
    rows = lg.sample(np.random.default_rng(0), 30)
    estimate = lambda key: evidence.prior_monte_carlo(lg.model(), np.float32(rows), key, 20_000)
    assert np.abs(middle_errors(estimate, key, lg.log_evidence(rows))).max() < ERRORS


def curved(latent):
    """A nonlinear model of three columns, its encoder a normal that is only roughly right."""

    def decoder(z):
        return jnp.stack([jnp.sin(2 * z[0]), z[0] ** 2, jnp.tanh(z[-1]) * 2])

    def encoder(x, mask):
        mean = jnp.full(latent, 0.3) * x[2]
        return dist.Normal(mean, jnp.full(latent, 0.8)).to_event(1)

    return Model(
        prior=dist.Normal(jnp.zeros(latent), jnp.ones(latent)).to_event(1),
        decoder=decoder,
        likelihood=lambda h: dist.Normal(h, 0.7),
        encoder=encoder,
    )


def by_quadrature(model, x, latent):
    """log ∫ p(x, z) dz on a grid that reaches eight prior standard deviations."""
    grid = np.linspace(-8, 8, 801, dtype=np.float32)
    points = np.stack(np.meshgrid(*[grid] * latent), axis=-1).reshape(-1, latent)
    joint = np.asarray(log_joints(model, x, points)[0], np.float64)
    return np.log(np.sum(np.exp(joint - joint.max()))) + joint.max() + latent * np.log(16 / 800)


@pytest.mark.parametrize("latent", [1, 2])
def test_estimators_meet_quadrature_on_a_nonlinear_model(latent, key):
    model = curved(latent)
    rows = np.array([[0.5, 0.3, 1.0], [-0.9, 1.5, -0.5], [0.0, 0.0, 0.0]], np.float32)
    truth = np.array([by_quadrature(model, x, latent) for x in rows])
    for estimator in (evidence.importance, evidence.prior_monte_carlo):
        estimate = lambda key, e=estimator: e(model, rows, key, 20_000)
        z = middle_errors(estimate, key, truth)
        assert np.abs(z).max() < ERRORS, estimator.__name__
    bound = evidence.elbo(model, rows, key, 2000)
    assert (bound.values - 4 * bound.standard_errors < truth).all()


def test_elbo_in_one_dimension_is_that_of_quadrature(key):
    model = curved(1)
    x = np.array([0.5, 0.3, 1.0], np.float32)

    @jax.jit
    def integrand(x, z):
        log_q = model.posterior(x).log_prob(z)
        return jnp.exp(log_q) * (model.log_joint(x, z) - log_q)

    truth, _ = quad(lambda z: float(integrand(x, np.float32([z]))), -8, 8, limit=200)
    found = evidence.elbo(model, x[None], key, 20_000)
    assert abs(found.value - truth) < 4 * found.stderr
    _, kl = jax.jit(lambda x: elbo_terms(model, x, key, 10))(x)
    closed = jax.jit(lambda x: dist.kl_divergence(model.posterior(x), model.latent_prior()))(x)
    assert float(kl) == pytest.approx(float(closed), abs=1e-5)


def test_a_masked_row_has_the_evidence_of_what_was_observed(key):
    lg = LinearGaussian.random(jax.random.key(5), features=6, latent=2)
    rows = lg.sample(np.random.default_rng(0), 20)
    mask = np.arange(6) < 4
    seen = LinearGaussian(lg.weights[:4], lg.mean[:4], lg.noise_variance[:4])
    whole = lg.model()
    exact_encoder = seen.model().encoder
    model = eqx.tree_at(
        lambda m: m.encoder,
        whole,
        lambda x, mask: exact_encoder(x[:4], None),
        is_leaf=lambda node: node is whole.encoder,
    )
    holed = np.where(mask, rows, np.nan).astype(np.float32)
    data = Datum(holed, np.broadcast_to(mask, holed.shape))
    found = evidence.importance(model, data, key, 50)
    np.testing.assert_allclose(found.values, seen.log_evidence(rows[:, :4]), atol=1e-4)


def test_exactly_the_number_of_draws_asked_for_is_taken(key):
    # With weights that are 1 for the first draws and 0 for the rest, log_mean tells the count.
    lg = LinearGaussian.random(jax.random.key(3), features=2, latent=1)
    rows = np.float32(lg.sample(np.random.default_rng(0), 3))
    for draws in (1, 7, 512, 513, 1000):
        found = evidence.importance(lg.model(), rows, key, draws)
        np.testing.assert_allclose(found.values, lg.log_evidence(rows), atol=1e-4)
        np.testing.assert_allclose(found.ess, draws, rtol=1e-4)


def test_a_rows_estimate_does_not_depend_on_the_rows_beside_it(linear_gaussian, key):
    lg, rows = linear_gaussian
    rows = np.float32(rows)
    model = narrowed(lg.model())
    together = evidence.importance(model, rows, key, 100).values
    shuffled = evidence.importance(model, rows[::-1], key, 100).values[::-1]
    alone = np.concatenate(
        [evidence.importance(model, rows[i : i + 1], key, 100).values for i in range(5)]
    )
    np.testing.assert_array_equal(together, shuffled)
    np.testing.assert_array_equal(together[:5], alone)


def test_khat_is_arviz_s(linear_gaussian, key):
    lg, rows = linear_gaussian
    model, x = narrowed(lg.model(), 0.6), np.float32(rows[0])

    @eqx.filter_jit
    def weigh(model, x, keys):
        q = model.posterior(x)
        z = jax.vmap(q.sample)(keys)
        log_weights = jax.vmap(lambda z: model.log_joint(x, z) - q.log_prob(z))(z)
        kept = Weights.none(4000)
        for part in jnp.split(log_weights, 8):
            kept = kept.add(part)
        return log_weights, kept.khat(4000), kept.effective(), kept.standard_error(4000)

    log_weights, *mine = weigh(model, x, jax.random.split(key, 4000))
    # ArviZ takes log-likelihoods, whose importance ratios are their inverses.
    _, theirs = array_stats.psislw(-np.asarray(log_weights, np.float64))
    khat, effective, error = map(float, mine)
    assert khat == pytest.approx(float(theirs), abs=0.03)
    weights = np.exp(np.asarray(log_weights, np.float64))
    assert effective == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), rel=1e-3)
    delta = weights.std(ddof=1) / weights.mean() / 4000**0.5
    assert error == pytest.approx(delta, rel=1e-3)


def test_an_estimate_with_a_row_of_no_density_can_be_told():
    found = evidence.Estimate(np.array([-1.0, -np.inf]), np.array([0.1, np.nan]), "estimate", "own")
    assert np.isnan(found.row_stderr)
    assert found.to_json()["row_stderr"] is None
    assert found.unreliable.tolist() == [False, True]
    assert "unknown error" in repr(found)
