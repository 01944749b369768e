"""Members of the family, and what the tests ask of them."""

import equinox as eqx
import jax
import pytest

from jensen._sampling import draw

from ..zoo import LIKELIHOODS, SERVED, build, jittered, widest

on_every_likelihood = pytest.mark.parametrize("name", LIKELIHOODS)
on_all_it_serves = pytest.mark.parametrize(
    ("name", "kind"), SERVED, ids=[f"{name} on {kind}" for name, kind in SERVED]
)


def member(name, key, moved=0.3):
    return jittered(build(name, widest(name)), key, moved)


# Compiled whole: op by op, sampling and gamma functions take seconds to compile.


@eqx.filter_jit
def log_probs(likelihood, h, x):
    """log p(x) of each of x, shape (values, *event)."""
    return jax.vmap(likelihood(h).log_prob)(x)


@eqx.filter_jit
def moments(likelihood, h):
    p = likelihood(h)
    return p.mean, p.variance


@eqx.filter_jit
def draws(likelihood, h, key, count):
    return draw(likelihood(h), key, count)
