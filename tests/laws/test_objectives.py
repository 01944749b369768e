"""Laws of objectives, in every variant that their options offer."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen.errors import OptionError
from jensen.objectives import ELBO, BetaELBO
from jensen.recipes import build_objective
from jensen.training.step import split_trainable

from .zoo import (
    LIKELIHOODS,
    OBJECTIVES,
    POSTERIORS,
    PRIORS,
    VARIANTS,
    assert_finite,
    option,
    rows_of,
    small_model,
    widest,
)

EPOCH = jnp.float32(3.0)
on_variants = pytest.mark.parametrize("variant", VARIANTS)
# Every prior and every posterior family at least once.
PAIRS = list(zip(PRIORS, [*POSTERIORS] * len(PRIORS), strict=False))


@eqx.filter_jit
def _of_row(objective, trainable, rest, x, key):
    def surrogate(trainable):
        terms = objective(eqx.combine(trainable, rest), x, key, EPOCH)
        return terms.surrogate, terms

    return jax.grad(surrogate, has_aux=True)(trainable)


def of_row(objective, model, x, key):
    """The gradient that training follows, and the terms."""
    return _of_row(objective, *split_trainable(model), jnp.asarray(x), key)


@pytest.mark.parametrize(("prior", "posterior"), PAIRS, ids=[f"{p}, {q}" for p, q in PAIRS])
@on_variants
def test_values_and_gradients_are_finite(variant, prior, posterior, key):
    model = small_model(key, prior=prior, posterior=posterior, rows=rows_of("real", 6))
    gradient, terms = of_row(VARIANTS[variant], model, rows_of("real")[0], key)
    assert_finite((gradient, terms))
    assert all(leaf.shape == () for leaf in jax.tree.leaves(terms))
    assert any((np.asarray(leaf) != 0).any() for leaf in jax.tree.leaves(gradient.encoder))
    assert any((np.asarray(leaf) != 0).any() for leaf in jax.tree.leaves(gradient.decoder))


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_finite_for_every_likelihood(name, key):
    rows = widest(name)
    model = small_model(key, likelihood=option(name), rows=rows)
    assert_finite(of_row(build_objective("elbo"), model, rows[0], key))


@on_variants
def test_the_same_key_gives_the_same_terms_and_another_others(variant, key):
    model, x = small_model(key), rows_of("real")[0]
    objective = VARIANTS[variant]
    first, again = (of_row(objective, model, x, key)[1] for _ in range(2))
    other = of_row(objective, model, x, jax.random.key(1))[1]
    assert float(first.value) == float(again.value) != float(other.value)


@on_variants
def test_terms_of_a_batch_are_those_of_each_row(variant, key):
    model, rows = small_model(key), jnp.asarray(rows_of("real")[:3])
    objective = VARIANTS[variant]
    keys = jax.random.split(key, 3)
    batch = eqx.filter_jit(
        lambda model, rows, keys: jax.vmap(lambda x, k: objective(model, x, k, EPOCH))(rows, keys)
    )(model, rows, keys)
    each = [of_row(objective, model, x, k)[1] for x, k in zip(rows, keys, strict=True)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
    # The same sums, compiled in another shape.
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), batch, stacked
    )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_is_found_by_its_name(name):
    assert isinstance(build_objective(name), OBJECTIVES[name])
    chosen = build_objective(f"{name}:3")
    assert getattr(chosen, OBJECTIVES[name].takes_value) == 3


def test_options_of_an_objective_follow_its_name():
    assert build_objective("beta:2, free_bits = 0.1,warmup=5") == BetaELBO(2.0, 5.0, 0.1)
    assert build_objective("elbo,draws=4,gradient=score") == ELBO(4, "score")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("beta:1,draws=2", "has no option 'draws'.* beta=, warmup=, free_bits="),
        ("beta,free_bits", "must be a number"),
        ("beta,free_bits=-1", "must not be below 0"),
        ("elbo,draws=2.5", "whole number"),
        ("beta:1:2", "must be a number, and not '1:2'"),
        ("beta:4,beta=2", "beta is given twice"),
        ("beta:1,free_bits=abc", "'beta:1,free_bits=abc': free_bits must be a number"),
    ],
)
def test_options_that_make_no_objective_are_refused(text, told):
    with pytest.raises(OptionError, match=told):
        build_objective(text)


@pytest.mark.parametrize("bad", ["-1", "nan", "inf", "three"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_value_that_makes_no_objective_is_refused(name, bad):
    with pytest.raises(OptionError):
        build_objective(f"{name}:{bad}")


def test_beta_elbo_is_its_formula(key):
    model, x = small_model(key), rows_of("real")[0]
    terms = of_row(BetaELBO(beta=4.0, warmup=6.0), model, x, key)[1]
    # At epoch 3 of 6 half of beta has been reached.
    np.testing.assert_allclose(terms.value, terms.reconstruction - 2.0 * terms.kl, rtol=1e-6)
    free = of_row(BetaELBO(free_bits=50.0), model, x, key)[1]
    np.testing.assert_allclose(free.value, free.reconstruction - 2 * 50.0, rtol=1e-6)
    assert free.kl < 50.0
