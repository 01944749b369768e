"""Levels of pixels: every probability by enumeration, tails in double precision, moments."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logsumexp

from jensen import queries
from jensen.errors import OptionError
from jensen.parts.likelihoods import (
    DiscretisedLogistic,
    DiscretisedLogisticDistribution,
    LogisticMixture,
)
from jensen.queries.denoising.noise import GaussianNoise
from jensen.recipes import build_model

from ..laws.likelihoods.colours import (
    EVENT,
    LIKELIHOOD,
    PIXELS,
    N,
    chained,
    naive_sigma_difference,
    reference,
    some_h,
    terms,
)
from ..laws.likelihoods.references import rounded_logistic
from ..laws.zoo import assert_finite

BYTE = 255


def test_the_terms_of_a_colour_follow_the_chain_rule():
    h = some_h(0)
    found = np.asarray(terms(LIKELIHOOD, h), np.float64)
    for place in range(EVENT[1]):
        np.testing.assert_allclose(found[:, 0, place], chained(reference(h, place)), atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), spread=st.floats(0.1, 4.0))
def test_all_colours_have_a_probability_of_one_together(seed, spread):
    found = np.asarray(terms(LIKELIHOOD, some_h(seed, spread)), np.float64)
    total = logsumexp(found.sum(-1), axis=0)
    np.testing.assert_allclose(total, 0.0, atol=2e-6)


def test_all_levels_of_a_channel_are_those_given_the_channels_before_it():
    h = some_h(1)
    x = np.array([[[4.0, 0.0, 3.0], [1.0, 5.0, 2.0]]], np.float32)
    every = eqx.filter_jit(lambda h, x: LIKELIHOOD(h).conditional_log_probs(x))
    found = np.asarray(every(jnp.asarray(h), jnp.asarray(x)))
    assert found.shape == (*EVENT, N + 1)
    for place in range(EVENT[1]):
        exact = chained(reference(h, place)).reshape(N + 1, N + 1, N + 1, 3)
        red, green, _ = x[0, place].astype(int)
        np.testing.assert_allclose(found[0, place, 0], exact[:, 0, 0, 0], atol=1e-5)
        np.testing.assert_allclose(found[0, place, 1], exact[red, :, 0, 1], atol=1e-5)
        np.testing.assert_allclose(found[0, place, 2], exact[red, green, :, 2], atol=1e-5)
    # What has not been read yet does not matter.
    other = np.array(every(jnp.asarray(h), jnp.asarray(x).at[..., 2].set(0.0)))
    np.testing.assert_array_equal(other, found)


@pytest.mark.parametrize("seed", range(4))
def test_moments_of_a_colour_against_enumeration(seed):
    h = some_h(seed)
    mean, variance = eqx.filter_jit(lambda h: (LIKELIHOOD(h).mean, LIKELIHOOD(h).variance))(
        jnp.asarray(h)
    )
    for place in range(EVENT[1]):
        p = np.exp(reference(h, place))
        exact = p @ PIXELS
        spread = np.sqrt(p @ (PIXELS - exact) ** 2)
        np.testing.assert_allclose(mean[0, place, 0], exact[0], atol=1e-5)
        np.testing.assert_allclose(variance[0, place, 0], spread[0] ** 2, rtol=1e-4, atol=1e-6)
        # Green and blue are sums over 256 points, here of steps as large as the spread.
        np.testing.assert_array_less(np.abs(mean[0, place] - exact), 0.05 * spread + 1e-5)
        np.testing.assert_allclose(np.sqrt(variance[0, place]), spread, rtol=0.1)


def test_moments_of_a_colour_whose_ends_are_far_off_are_those_of_the_linear_formula():
    """Of noise of variance σ² = s² π²/3, rounding adds 1/12 to each channel."""
    likelihood = LogisticMixture((1, 1, 3), 60_000, 1)
    scale, raw = np.log([0.002, 0.004, 0.003]), np.array([0.7, -0.5, 0.9])
    h = np.stack([np.zeros(3), [0.1, -0.2, 0.05], scale, raw])[:, None, None]
    p = likelihood(jnp.asarray(h, jnp.float32))
    alpha, beta, gamma = np.tanh(raw)
    s = 0.1 + 30_000 * np.exp(scale)
    noise = s**2 * np.pi**2 / 3 + 1 / 12
    mean = 0.1, -0.2 + alpha * 0.1, 0.0
    mean = mean[0], mean[1], 0.05 + beta * mean[0] + gamma * mean[1]
    variance = (
        noise[0],
        noise[1] + alpha**2 * noise[0],
        noise[2] + gamma**2 * noise[1] + (beta + gamma * alpha) ** 2 * noise[0],
    )
    found = eqx.filter_jit(lambda p: (p.mean, p.variance))(p)
    np.testing.assert_allclose(found[0][0, 0], 30_000 * (np.array(mean) + 1), rtol=1e-5)
    np.testing.assert_allclose(found[1][0, 0], variance, rtol=1e-3)


def tails():
    """Scales from a thousandth of a level to a thousand, and locations in and beyond the range."""
    scale, loc, x = np.meshgrid(
        10.0 ** np.linspace(-3, 3, 25),
        [-300.0, -0.3, 0.0, 3.5, 100.25, 254.9, 255.0, 800.0],
        [0.0, 1.0, 3.0, 4.0, 100.0, 101.0, 254.0, 255.0],
    )
    return [each.ravel().astype(np.float32) for each in (scale, loc, x)]


def test_every_tail_of_a_discretised_logistic_has_its_digits():
    scale, loc, x = tails()
    at = jnp.asarray(loc), jnp.asarray(scale), jnp.asarray(x)
    log_prob = lambda loc, scale, x: DiscretisedLogisticDistribution(loc, scale, BYTE).log_prob(x)
    total = lambda *at: jnp.sum(log_prob(*at))
    found, slopes = jax.jit(lambda *at: (log_prob(*at), jax.grad(total, (0, 1))(*at)))(*at)
    wide = [each.astype(np.float64) for each in (x, loc, scale)]
    exact = rounded_logistic(*wide, BYTE)
    np.testing.assert_array_less(np.abs(found - exact), 1e-6 * np.abs(exact) + 2e-6)
    assert_finite(slopes)
    # d log P / d loc = [σ(a) − σ(−b)] / s, of which an end has one term.
    x, loc, scale = wide
    a = np.where(x == 0, -np.inf, (x - 0.5 - loc) / scale)
    b = np.where(x == BYTE, np.inf, (x + 0.5 - loc) / scale)
    slope = expit(a) - expit(-b)
    np.testing.assert_allclose(np.asarray(slopes[0]) * scale, slope, atol=1e-5)
    # Where it has digits, the formula as it stands says the same.
    inner = (x > 0) & (x < BYTE) & (exact > -5)
    naive = np.log(naive_sigma_difference(x[inner], loc[inner], scale[inner]))
    np.testing.assert_allclose(exact[inner], naive, atol=1e-10)


@pytest.mark.parametrize("family", [DiscretisedLogistic, LogisticMixture])
def test_dark_pictures_begin_at_their_means_and_none_is_impossible(family):
    """Pixels that are all but always black, some that always are, and some of all levels."""
    rng = np.random.default_rng(0)
    shown = rng.random((500, 3, 4)) < np.linspace(0, 1, 12).reshape(3, 4)
    rows = np.where(shown, rng.integers(0, 256, shown.shape), 0).astype(np.float32)
    likelihood = family.build(rows, float(BYTE))
    p = likelihood(likelihood.initial(rows))
    mean, every = eqx.filter_jit(lambda p: (p.mean, p.log_probs()))(p)
    np.testing.assert_allclose(mean, rows.mean(0), atol=0.1)
    np.testing.assert_allclose(logsumexp(np.asarray(every, np.float64), axis=-1), 0.0, atol=1e-5)
    assert every.min() > -100
    # Better than not to know of black: a mean of log p of 5.55 nats.
    at = np.take_along_axis(np.asarray(every)[None], rows.astype(int)[..., None], axis=-1)
    assert at.mean() > -np.log(BYTE + 1)


def test_noise_is_not_taken_off_entries_one_by_one_where_they_depend_on_each_other():
    rows = np.random.default_rng(0).integers(0, N + 1, (4, *EVENT)).astype(np.float32)
    model = build_model(
        rows, key=jax.random.key(0), latent_dim=1, hidden=(2,), likelihood="logistic-mixture:2"
    )
    with pytest.raises(OptionError, match="channels"):
        queries.denoise(model, rows, GaussianNoise(1.0), jax.random.key(0))


def test_more_levels_than_can_be_added_up_are_refused():
    for family in (DiscretisedLogistic, LogisticMixture):
        with pytest.raises(OptionError, match=r"takes 65,536; these rows have 1,000,001"):
            family.build(np.zeros((2, 3)), 1e6)
