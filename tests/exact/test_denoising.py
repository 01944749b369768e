"""Denoising against enumeration, quadrature and the closed form of linear-Gaussian models."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats
from scipy.integrate import quad

from jensen import LinearGaussian
from jensen._runtime import on_device
from jensen._sampling import standard_normal
from jensen.errors import DataError, OptionError
from jensen.parts._families import choose
from jensen.parts.likelihoods import (
    DiscretisedLogisticDistribution,
    Likelihood,
    LogisticMixtureDistribution,
)
from jensen.queries import denoise, parse_noise, reconstruct
from jensen.queries.denoising import GaussianNoise, SaltAndPepper, posterior
from jensen.recipes import build_model


def conditional(name, high=16.0):
    """A likelihood of three entries, and the distribution at some h."""
    rows = np.random.default_rng(0).integers(0, int(high) + 1, (50, 3)).astype(float)
    likelihood = choose(Likelihood, "likelihood", name).build(rows, float(high))
    noise = standard_normal(jax.random.key(0), (likelihood.parameters, 3))
    return likelihood, likelihood(on_device(likelihood.initial(rows) + 0.3 * noise))


@eqx.filter_jit
def cleaned(noise, p, seen, likelihood):
    return noise.clean(p, seen, likelihood)


def log_probs_at(p, nodes):
    """log p of each node for each entry, shape (nodes, 3)."""
    same_for_all = np.repeat(nodes[:, None], 3, axis=1).astype(np.float32)
    return np.asarray(jax.jit(jax.vmap(p.log_prob))(same_for_all), np.float64)


def by_sums(log_p, nodes, log_noise):
    """Moments of x given x̃ by adding up, in double precision; nodes are all of the support."""
    weights = np.exp(log_p + log_noise)
    mean = weights @ nodes / weights.sum()
    return np.log(weights.sum()), mean, weights @ (nodes - mean) ** 2 / weights.sum()


@pytest.mark.parametrize(
    ("name", "high", "sigma", "noisy"),
    [
        ("bernoulli", 1, 0.7, [1.4, -0.6, 0.5]),
        ("binomial", 16, 4.0, [-3.2, 8.1, 19.0]),
        ("beta-binomial", 16, 4.0, [-3.2, 8.1, 19.0]),
        ("categorical", 16, 2.0, [-3.2, 8.1, 19.0]),
        ("beta-binomial", 200, 4.0, [-3.2, 90.3, 204.0]),
        ("poisson", 300, 3.0, [149.0, 155.5, 140.0]),
        ("negative-binomial", 300, 3.0, [-2.0, 155.5, 20.0]),
        # All levels of a byte, also where the decoder is sure of quite another one.
        ("beta-binomial", 255, 20.0, [-3.2, 90.3, 264.0]),
        ("discretised-logistic", 255, 4.0, [-3.2, 90.3, 264.0]),
        ("logistic-mixture", 255, 0.5, [-1.2, 90.3, 254.0]),
        ("logistic-mixture", 255, 20.0, [-30.2, 90.3, 284.0]),
    ],
)
def test_gaussian_noise_on_whole_numbers_adds_up(name, high, sigma, noisy):
    likelihood, p = conditional(name, high)
    found = cleaned(GaussianNoise(sigma), p, jnp.asarray(noisy), likelihood)
    nodes = np.arange(0, (high if np.isfinite(likelihood.largest) else 3 * high) + 1.0)
    log_p = log_probs_at(p, nodes)
    for entry, value in enumerate(noisy):
        log_noise = stats.norm(nodes, sigma).logpdf(value)
        log_prob, mean, variance = by_sums(log_p[:, entry], nodes, log_noise)
        # Five σ are summed where the support is wide; the rest is a millionth.
        assert float(found.log_prob[entry]) == pytest.approx(log_prob, abs=1e-3)
        assert float(found.mean[entry]) == pytest.approx(mean, abs=2e-3 * max(1, sigma))
        assert float(found.variance[entry]) == pytest.approx(variance, rel=5e-3, abs=1e-4)


def sharp(n=255):
    """A mixture that is sure that the first two entries are black and the last one white."""
    return LogisticMixtureDistribution(
        logits=jnp.zeros((2, 3)),
        loc=jnp.array([[0.0, -90.0, n], [1.0, 0.0, n + 50.0]]),
        scale=jnp.full((2, 3), 0.5),
        n=n,
    )


def test_a_noisy_pixel_that_the_decoder_is_sure_of_is_what_the_decoder_says():
    """Five σ about the noisy value would hold nothing that is likelier than 10⁻¹⁶⁰."""
    likelihood = conditional("logistic-mixture", 255)[0]
    noisy = [60.0, 60.0, 180.0]
    found = cleaned(GaussianNoise(10.0), sharp(), jnp.asarray(noisy), likelihood)
    np.testing.assert_allclose(found.mean, [0.0, 0.0, 255.0], atol=2.0)
    nodes = np.arange(256.0)
    log_p = log_probs_at(sharp(), nodes)
    for entry, value in enumerate(noisy):
        log_noise = stats.norm(nodes, 10.0).logpdf(value)
        log_prob, mean, _ = by_sums(log_p[:, entry], nodes, log_noise)
        assert float(found.log_prob[entry]) == pytest.approx(log_prob, abs=1e-3)
        assert float(found.mean[entry]) == pytest.approx(mean, abs=1e-3)


@pytest.mark.parametrize(
    "name", ["logistic-mixture", "discretised-logistic", "beta-binomial", "binomial"]
)
def test_the_rough_density_is_near_the_density(name, key):
    likelihood, p = conditional(name, 255)
    noise = GaussianNoise(20.0)
    assert noise.is_rough(likelihood)
    keys = jax.random.split(key, 200)
    noisy = jax.vmap(lambda k: noise.add(p.sample(k), jax.random.fold_in(k, 1)))(keys)
    exact = jax.jit(jax.vmap(lambda x: noise.log_prob(p, x, likelihood)))(noisy)
    rough = jax.jit(jax.vmap(lambda x: noise.rough_log_prob(p, x, likelihood)))(noisy)
    # A fair start for a search, whose draws are weighed after it: KL below a tenth of a nat.
    assert 0 <= (exact - rough).mean() < 0.1


@pytest.mark.parametrize("scale", [0.5, 2.0, 8.0])
@pytest.mark.parametrize("sigma", [1.0, 5.0, 20.0])
def test_the_rough_density_has_the_tails_of_the_density(scale, sigma):
    """Wherever the noisy pixel is, and however wrong the decoder about it."""
    likelihood = conditional("discretised-logistic", 255)[0]
    noisy = jnp.linspace(5.0, 250.0, 50)
    p = DiscretisedLogisticDistribution(jnp.full(50, 60.0), jnp.full(50, scale), 255)
    exact = cleaned(GaussianNoise(sigma), p, noisy, likelihood).log_prob
    off = exact - GaussianNoise(sigma).rough_log_prob(p, noisy, likelihood)
    # A tenth of it has tails, and these are half as high: log 20 is 3. A normal is off by 1,000.
    assert off.min() > -1
    assert off.max() < 4


class OffDecoder(eqx.Module):
    """One latent moves all pixels but the last three, which are not where it says."""

    base: jax.Array
    slope: jax.Array

    def __call__(self, z):
        scale = jnp.full(self.base.shape, 2.0 * 2 / 255)
        return jnp.stack([(self.base + self.slope * z[0]) * 2 / 255 - 1, jnp.log(scale)])


class TaillessNoise(GaussianNoise):
    """Its search is by normals, which pixels that are off draw far away."""

    def rough_log_prob(self, p, noisy, likelihood):
        return jax.vmap(lambda m, v, x: GaussianNoise._of_normal(self, m, v, x).log_prob)(
            p.loc, (p.scale * np.pi) ** 2 / 3, noisy
        )


@pytest.mark.parametrize(("kind", "few"), [(GaussianNoise, False), (TaillessNoise, True)])
def test_pixels_that_the_decoder_is_wrong_about_do_not_lead_the_search_astray(kind, few, key):
    rng, sigma = np.random.default_rng(0), 2.0
    base, slope = rng.uniform(60, 190, 32), 20 * rng.normal(size=32)
    z = np.array([-1.0, 0.3, 1.2])
    rows = np.rint(base + slope * z[:, None] + 2 * rng.logistic(size=(3, 32)))
    rows[:, -3:] = 250
    noisy = (rows + sigma * rng.normal(size=rows.shape)).astype(np.float32)
    model = build_model(
        rows, key=key, latent_dim=1, hidden=(4,), likelihood="discretised-logistic", high=255.0,
        decoder=OffDecoder(on_device(base.astype(np.float32)), on_device(slope.astype(np.float32))),
    )  # fmt: skip
    found = denoise(model, noisy, kind(sigma), key)
    if few:
        assert found.ess.min() < 10
        return
    assert found.ess.min() > 100
    grid = np.linspace(-3, 3, 4001)
    loc, levels = base + slope * grid[:, None], np.arange(256.0)
    # Of each pixel and level, over the grid in steps that fit into memory.
    for row, mean in zip(noisy, found.mean, strict=True):
        log_post, means = stats.norm.logpdf(grid), np.empty(loc.shape)
        for j, value in enumerate(row):
            below, above = levels - 0.5 - loc[:, j, None], levels + 0.5 - loc[:, j, None]
            below[:, 0], above[:, -1] = -np.inf, np.inf
            # From the side on which the differences are of small numbers.
            side = np.where(below > 0, -1, 1)
            cdf = lambda ends, side=side: special.expit(side * ends / 2)
            log_p = np.log(np.maximum(side * (cdf(above) - cdf(below)), 1e-300))
            log_weights = log_p + stats.norm.logpdf(value, levels, sigma)
            log_post += special.logsumexp(log_weights, axis=1)
            means[:, j] = special.softmax(log_weights, axis=1) @ levels
        weights = np.exp(log_post - log_post.max())
        # Of some 150 effective draws of z, whose spread moves a pixel by a level at most.
        np.testing.assert_allclose(mean, weights @ means / weights.sum(), atol=0.35)


class FarFromJensen(eqx.Module):
    """A likelihood of somebody else's, whose distribution has no moments."""

    largest: float = 255.0
    discrete: bool = True

    def __call__(self, h):
        return self


def test_a_distribution_without_moments_is_searched_by_as_it_is():
    noise = GaussianNoise(20.0)
    assert noise.adds_up_many(FarFromJensen())
    assert not noise.is_rough(FarFromJensen())


@pytest.mark.parametrize(("name", "high"), [("beta-binomial", 16), ("normal", 16)])
def test_few_numbers_need_no_rough_density(name, high):
    likelihood, p = conditional(name, high)
    noise, noisy = GaussianNoise(3.0), jnp.asarray([2.0, 9.0, 15.0])
    assert not noise.is_rough(likelihood)
    exact = cleaned(noise, p, noisy, likelihood).log_prob
    np.testing.assert_allclose(noise.rough_log_prob(p, noisy, likelihood), exact, rtol=1e-5)


@pytest.mark.parametrize("method", ["refined", "resampled"])
def test_the_levels_of_a_picture_fit_into_memory(method, key):
    """Two rows of 28 by 28 pixels in mixtures of ten, with all that is held of them at once."""
    rows = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype(np.float32)
    model = build_model(
        rows, key=key, latent_dim=2, hidden=(4,), likelihood="logistic-mixture:10", high=255.0
    )
    draws = 200 if method == "refined" else 2000
    context = posterior._Context(model, GaussianNoise(20.0), method, draws)
    one = lambda x, key: posterior._one_row(context, x, key)
    row = jax.ShapeDtypeStruct((2, 28, 28), jnp.float32)
    program = jax.jit(jax.vmap(one)).lower(row, jax.random.split(key, 2)).compile()
    # 1.0 and 1.8 GB; all levels of a draw at once take 14 and 28, all draws 10.
    assert program.memory_analysis().temp_size_in_bytes < 2e9


class MisledNoise(GaussianNoise):
    """Its search is by noise of half the width."""

    def is_rough(self, likelihood):
        return True

    def rough_log_prob(self, p, noisy, likelihood):
        return GaussianNoise(self.sigma / 2).log_prob(p, noisy, likelihood)


@pytest.mark.parametrize("method", ["refined", "resampled", "hmc"])
def test_what_a_rough_density_finds_is_weighed_by_the_density(method, key):
    """Draws by a wrong density are weighed by the right one; without it they give other means."""
    lg = LinearGaussian.random(jax.random.key(2), features=4, latent=1)
    rng = np.random.default_rng(0)
    noisy = lg.sample(rng, 30) + rng.normal(size=(30, 4)) * 1.5
    exact = denoise(lg.model(), noisy, GaussianNoise(1.5), key, "exact")
    found = denoise(lg.model(), noisy, MisledNoise(1.5), key, method)
    misled = denoise(lg.model(), noisy, GaussianNoise(0.75), key, "exact")
    error = np.sqrt(((found.mean - exact.mean) ** 2).mean())
    # 200 draws, half of them effective, of a standard deviation of z below that of x.
    assert error < 0.15 * exact.std.mean()
    assert error < 0.25 * np.sqrt(((misled.mean - exact.mean) ** 2).mean())


@pytest.mark.parametrize("name", ["normal", "student-t"])
@pytest.mark.parametrize("sigma", [0.1, 5.0, 60.0])
def test_gaussian_noise_on_real_numbers_integrates(name, sigma):
    likelihood, p = conditional(name)
    noisy = [-20.0, 9.0, 40.0]
    found = cleaned(GaussianNoise(sigma), p, jnp.asarray(noisy), likelihood)
    for entry, value in enumerate(noisy):
        if name == "normal":
            clean = stats.norm(float(p.loc[entry]), float(p.scale[entry]))
        else:
            clean = stats.t(float(p.df[entry]), float(p.loc[entry]), float(p.scale[entry]))
        noise = stats.norm(value, sigma)
        peak = noise.pdf(value) * clean.pdf(float(p.loc[entry]))
        density = lambda x, k, clean=clean, noise=noise, peak=peak: (
            x**k * clean.pdf(x) * noise.pdf(x) / peak
        )
        spans = sorted({-400.0, value - 8 * sigma, value, float(p.loc[entry]), value + 8 * sigma,
                        400.0})  # fmt: skip
        moments = [
            sum(quad(density, a, b, args=(k,), limit=200)[0]
                for a, b in pairwise(spans))
            for k in range(3)
        ]  # fmt: skip
        mean = moments[1] / moments[0]
        assert float(found.log_prob[entry]) == pytest.approx(np.log(moments[0] * peak), abs=2e-3)
        assert float(found.mean[entry]) == pytest.approx(mean, abs=5e-3 * max(1, sigma))
        assert float(found.variance[entry]) == pytest.approx(
            moments[2] / moments[0] - mean**2, rel=2e-2, abs=1e-3
        )


def test_flipped_bits_follow_bayes_rule():
    likelihood, p = conditional("bernoulli", 1)
    noise = parse_noise("flip:0.2", 0.0, 1.0)
    (one,) = np.exp(log_probs_at(p, np.ones(1)))
    for seen in (0.0, 1.0):
        found = cleaned(noise, p, jnp.full(3, seen), likelihood)
        given_one, given_zero = (0.8, 0.2) if seen else (0.2, 0.8)
        total = one * given_one + (1 - one) * given_zero
        np.testing.assert_allclose(found.log_prob, np.log(total), atol=1e-6)
        np.testing.assert_allclose(found.mean, one * given_one / total, rtol=1e-5)
        share = one * given_one / total
        np.testing.assert_allclose(found.variance, share * (1 - share), rtol=1e-4)


def test_salt_and_pepper_follows_bayes_rule():
    likelihood, p = conditional("binomial")
    noise = SaltAndPepper(0.3, 0.0, 16.0)
    nodes = np.arange(17.0)
    log_p = log_probs_at(p, nodes)
    for value in (0.0, 5.0, 16.0):
        found = cleaned(noise, p, jnp.full(3, value), likelihood)
        kept = 0.7 * (nodes == value)
        with np.errstate(divide="ignore"):
            log_noise = np.log(kept + 0.15 * (value in (0.0, 16.0)))
        for entry in range(3):
            log_prob, mean, variance = by_sums(log_p[:, entry], nodes, log_noise)
            assert float(found.log_prob[entry]) == pytest.approx(log_prob, abs=1e-4)
            assert float(found.mean[entry]) == pytest.approx(mean, abs=1e-3)
            assert float(found.variance[entry]) == pytest.approx(variance, abs=1e-2)


@pytest.mark.parametrize("whole", [True, False])
def test_salt_and_pepper_under_a_density(whole):
    """At an extreme a density is a cell's probability, or none at all, by what the data are."""
    likelihood, p = conditional("normal")
    density = stats.norm(np.asarray(p.mean, float), np.asarray(p.variance, float) ** 0.5)
    for value in (0.0, 5.0, 16.0):
        found = cleaned(SaltAndPepper(0.3, 0.0, 16.0, whole), p, jnp.full(3, value), likelihood)
        extreme = value in (0.0, 16.0)
        kept = 0.7 * density.pdf(value) * (whole or not extreme)
        replaced = 0.15 * extreme
        share = kept / (kept + replaced)
        mean = share * value + (1 - share) * density.mean()
        second = share * value**2 + (1 - share) * (density.var() + density.mean() ** 2)
        np.testing.assert_allclose(found.log_prob, np.log(kept + replaced), atol=1e-5)
        np.testing.assert_allclose(found.mean, mean, rtol=1e-5)
        np.testing.assert_allclose(found.variance, second - mean**2, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("noise", ["gaussian:2", "flip:0.2", "salt-and-pepper:0.2"])
def test_the_noise_that_is_added_is_the_noise_that_is_assumed(noise, key):
    """Probabilities of x̃ among many draws of p(x) and then the noise, against p(x̃ | z)."""
    likelihood, p = conditional("bernoulli", 1)
    kind = parse_noise(noise, 0.0, 1.0)
    keys = jax.random.split(key, 20_000)
    add = lambda k: kind.add(p.sample(k), jax.random.fold_in(k, 1))
    noisy = np.asarray(jax.jit(jax.vmap(add))(keys))
    if noise.startswith("gaussian"):
        mean = p.mean
        np.testing.assert_allclose(noisy.mean(0), mean, atol=4.5 * 2.1 / 20_000**0.5)
        np.testing.assert_allclose(noisy.var(0), p.variance + 4, rtol=0.05)
        return
    expected = np.exp(np.asarray(cleaned(kind, p, jnp.ones(3), likelihood).log_prob))
    np.testing.assert_allclose(noisy.mean(0), expected, atol=4.5 * 0.5 / 20_000**0.5)


def test_denoising_a_linear_gaussian_model_is_conditioning_a_normal(key):
    lg = LinearGaussian.random(jax.random.key(2), features=6, latent=2)
    rng = np.random.default_rng(0)
    noisy = lg.sample(rng, 40) + rng.normal(size=(40, 6)) * 1.5
    model = lg.model()
    # A poor start: half the width, and off by half a prior standard deviation.
    model = eqx.tree_at(lambda m: m.encoder.scale_tril, model, model.encoder.scale_tril * 0.5)
    found = denoise(model, noisy, GaussianNoise(1.5), key)
    covariance = lg.weights @ lg.weights.T + np.diag(lg.noise_variance)
    gain = covariance @ np.linalg.inv(covariance + 1.5**2 * np.eye(6))
    mean = lg.mean + (noisy - lg.mean) @ gain.T
    variance = np.diag(covariance - gain @ covariance)
    # Standard errors of 200 draws: a fourteenth of the standard deviation over z.
    np.testing.assert_allclose(found.mean, mean, atol=0.35)
    np.testing.assert_allclose(found.std, np.broadcast_to(np.sqrt(variance), (40, 6)), rtol=0.2)
    assert abs((found.mean - mean).mean()) < 0.02
    assert np.median(found.ess) > 100


def test_a_row_that_has_no_density_is_refused_by_number(key):
    model = LinearGaussian.random(key, features=4, latent=2).model()
    rows = np.ones((3, 4), np.float32)
    rows[1] = 1e20
    for answer in (
        lambda: denoise(model, rows, GaussianNoise(1.0), key),
        lambda: reconstruct(model, rows, key, "resampled"),
    ):
        with pytest.raises(DataError, match="row 1 of those asked for lies so far out"):
            answer()


@pytest.mark.parametrize(
    "noise", ["fog", "gaussian", "gaussian:x", "gaussian:-1", "gaussian:nan", "flip:0.5",
              "flip:0", "salt-and-pepper:1", -2.0]
)  # fmt: skip
def test_impossible_noise_is_refused(noise):
    with pytest.raises(OptionError, match="noise="):
        parse_noise(noise, 0.0, 1.0)
