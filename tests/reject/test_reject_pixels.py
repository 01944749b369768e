"""Likelihoods of pixels broken on purpose, each of which a check must catch, and ours pass."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

from jensen.parts._rounded import rounded, rounded_log_prob
from jensen.parts.likelihoods import (
    ColourMixtureDistribution,
    DiscretisedLogisticDistribution,
)

from ..laws.likelihoods.colours import EVENTS, LIKELIHOOD, chained, reference, some_h
from ..laws.likelihoods.references import rounded_logistic
from ..statistics.test_colours import SEED, drawn, p_values

SCALES, LOCS = np.array([0.3, 2.0, 40.0]), np.array([0.5, 100.0, 254.0])


class WithoutEndMass(DiscretisedLogisticDistribution):
    """What lies beyond 0 and n is lost."""

    def log_prob(self, x):
        return rounded_log_prob(x, self.loc, self.scale, -1e6, 1e6)


class Density(DiscretisedLogisticDistribution):
    """The density at the level for the probability of its cell."""

    def log_prob(self, x):
        y = (x - self.loc) / self.scale
        return -y - 2 * jax.nn.softplus(-y) - jnp.log(self.scale)


@eqx.filter_jit
def of_all_levels(p):
    return p.log_probs()


def of(kind):
    made = kind(jnp.asarray(LOCS, jnp.float32), jnp.asarray(SCALES, jnp.float32), 255)
    return np.asarray(of_all_levels(made), np.float64)


def is_one(kind):
    total = logsumexp(of(kind), axis=-1)
    return bool((np.abs(total) < 1e-5).all())


def has_its_values(kind):
    levels = np.arange(256.0)
    exact = rounded_logistic(levels, LOCS[:, None], SCALES[:, None], 255)
    return bool((np.abs(of(kind) - exact) < 1e-4).all())


def test_grey_values():
    assert is_one(DiscretisedLogisticDistribution)
    assert has_its_values(DiscretisedLogisticDistribution)
    assert not is_one(WithoutEndMass)
    assert not is_one(Density)
    assert not has_its_values(WithoutEndMass)


class Uncoupled(ColourMixtureDistribution):
    """A density and draws of channels that do not depend on each other, but by their component."""

    def log_prob(self, x):
        return ours(self, coefficients=jnp.zeros_like(self.coefficients)).log_prob(x)

    def sample(self, key, sample_shape=()):
        return ours(self, coefficients=jnp.zeros_like(self.coefficients)).sample(key, sample_shape)


class CoupledByMeans(ColourMixtureDistribution):
    """Green and blue follow where red and green were expected, not what they are."""

    def log_prob(self, x):
        expected = rounded(jnp.mean(self.loc, axis=0), 0.0, float(self.n))
        return ours(self)._log_probs_of(x, expected)


class OtherOrder(ColourMixtureDistribution):
    """β and γ change places."""

    def log_prob(self, x):
        return ours(self, coefficients=self.coefficients[..., [0, 2, 1]]).log_prob(x)

    def sample(self, key, sample_shape=()):
        return ours(self, coefficients=self.coefficients[..., [0, 2, 1]]).sample(key, sample_shape)


class ChannelByChannel(ColourMixtureDistribution):
    """Each channel is drawn with the others thrown away, so that each has its own component."""

    def sample(self, key, sample_shape=()):
        channels = [
            ours(self).sample(each, sample_shape)[..., channel]
            for channel, each in enumerate(jax.random.split(key, 3))
        ]
        return jnp.stack(channels, axis=-1)


def ours(p, **changed):
    """The distribution as it is meant, with some fields changed."""
    return replace(ColourMixtureDistribution(**vars(p)), **changed)


@eqx.filter_jit
def terms_as(h, kind):
    p = kind(**vars(LIKELIHOOD(h)))
    return jax.vmap(p.log_prob)(jnp.asarray(EVENTS))


def colour_checks(kind, h):
    """Whether it agrees with the formulas, and whether its draws do, where it draws otherwise."""
    found = np.asarray(terms_as(jnp.asarray(h), kind), np.float64)[:, 0, 0]
    same = bool(np.allclose(found, chained(reference(h, 0)), atol=1e-4))
    if kind is not ColourMixtureDistribution and "sample" not in vars(kind):
        return same, None
    x = drawn(kind(**vars(LIKELIHOOD(jnp.asarray(h)))), jax.random.key(SEED))
    return same, min(p_values(h, x)) > 1e-6


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ColourMixtureDistribution, (True, True)),
        (Uncoupled, (False, False)),
        (OtherOrder, (False, False)),
        (CoupledByMeans, (False, None)),
        (ChannelByChannel, (True, False)),
    ],
)
def test_colours(kind, expected):
    assert colour_checks(kind, some_h(20)) == expected
