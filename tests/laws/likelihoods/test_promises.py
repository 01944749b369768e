"""What every likelihood promises: shapes, supports, gradients, where it begins, what it takes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen.errors import OptionError
from jensen.training.step import split_trainable

from ..zoo import EVENT, HIGH, LIKELIHOODS, ROWS, assert_finite, build, random_h, rows_of, widest
from .members import draws, log_probs, member, moments, on_all_it_serves, on_every_likelihood

# What is none for one that takes a value.
NO_VALUE = {"normal-fixed": None, "logistic-mixture": 2.5}


def settings(likelihood, rows, key):
    """Where the decoder may lead: to begin with, at random, and far out in every direction."""
    count = likelihood.parameters
    yield likelihood.initial(rows)
    yield random_h(likelihood, key, 2.0)
    for corner in range(min(2**count, 4)):
        signs = [1.0 if corner >> (k % 2) & 1 else -1.0 for k in range(count)]
        yield np.multiply.outer(signs, np.full(EVENT, 30.0)).astype(np.float32)


def ends(likelihood):
    """Values at both ends of the support; far out where it has no end."""
    if likelihood.discrete:
        last = likelihood.largest if np.isfinite(likelihood.largest) else 1e4
        return [0.0, 1.0, last]
    return [-1e3, 0.0, 1e3]


@on_every_likelihood
def test_one_term_for_each_entry(name, key):
    likelihood = member(name, key)
    assert likelihood.event_shape == EVENT
    h, x = random_h(likelihood, key), widest(name)[0]
    p = likelihood(h)
    made = jax.eval_shape(lambda x: (p.log_prob(x), p.mean, p.variance), x)
    assert [each.shape for each in made] == [EVENT] * 3
    shape = lambda *shape: jax.eval_shape(lambda key: likelihood(h).sample(key, shape), key).shape
    assert shape() == EVENT
    # NumPyro's own sampling in shapes is not written for strict promotion.
    if type(p).__module__.startswith("jensen"):
        assert shape(4) == (4, *EVENT)


@on_every_likelihood
def test_samples_lie_in_the_support(name, key):
    likelihood = member(name, key)
    h = random_h(likelihood, key)
    x = draws(likelihood, h, key, ROWS)
    assert_finite(log_probs(likelihood, h, x))
    if likelihood.discrete:
        np.testing.assert_array_equal(x, np.rint(x))
        assert x.min() >= 0
        assert x.max() <= likelihood.largest


@on_every_likelihood
def test_jit_and_vmap_agree_with_eager(name, key):
    likelihood = member(name, key)
    x = jnp.asarray(widest(name)[:3])
    h = jnp.stack([random_h(likelihood, k) for k in jax.random.split(key, 3)])
    one = lambda likelihood, h, x: likelihood(h).log_prob(x)
    eager = jnp.stack([one(likelihood, each, row) for each, row in zip(h, x, strict=True)])
    # Fused operations round otherwise: a few units in the last place of the largest term.
    close = lambda other: np.testing.assert_allclose(eager, other, rtol=2e-5, atol=2e-5)
    close(eqx.filter_jit(jax.vmap(one, (None, 0, 0)))(likelihood, h, x))


@on_every_likelihood
def test_gradients_are_finite(name, key):
    likelihood, rows = member(name, key), widest(name)
    trainable, rest = split_trainable(likelihood)

    @jax.jit
    def value_and_gradients(moved, x):
        log_prob = lambda moved: eqx.combine(moved[0], rest)(moved[1]).log_prob(x)
        total = lambda moved: jnp.sum(log_prob(moved))
        return log_prob(moved), jax.grad(total)(moved)

    for h in settings(likelihood, rows, key):
        for end in ends(likelihood):
            assert_finite(value_and_gradients((trainable, h), np.full(EVENT, end, np.float32)))


@on_all_it_serves
def test_begins_at_the_mean_of_each_column(name, kind):
    rows = rows_of(kind)
    rows[:, 0, 0] = rows[0, 0, 0]  # a column that never changes
    likelihood = build(name, rows)
    mean = np.asarray(moments(likelihood, likelihood.initial(rows))[0])
    # A count is smoothed by at most one observation more, spread over the levels.
    allowed = 0.0 if not likelihood.discrete else 2 * (rows.max() - rows.min() + 1) / len(rows)
    np.testing.assert_allclose(mean, rows.mean(0), rtol=1e-5, atol=allowed + 1e-5)


@on_all_it_serves
def test_begins_where_all_the_rows_are_possible(name, kind):
    rows = rows_of(kind)
    likelihood = build(name, rows)
    h = likelihood.initial(rows)
    variance = np.asarray(moments(likelihood, h)[1])
    assert_finite(log_probs(likelihood, h, rows))
    assert_finite(variance)
    assert (variance > 0).all()


@on_every_likelihood
def test_takes_no_value_that_it_has_no_use_for(name):
    family, rows = LIKELIHOODS[name], widest(name)
    bad: list[float | None] = [0.5]
    if family.takes_value:
        bad = [0.0, -1.0, float("nan"), float("inf"), NO_VALUE[name]]
    for value in bad:
        with pytest.raises(OptionError, match=name):
            family.build(rows, HIGH, value)
