"""What every law promises: gradients, supports, where it begins, what its terms are."""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen import Datum, Model
from jensen.errors import OptionError
from jensen.parts.columns import Columns, law_of
from jensen.parts.priors import StandardNormal
from jensen.training.step import split_trainable

from ..zoo import assert_finite
from .members import (
    BASES,
    NAMES,
    alone,
    draws,
    log_probs,
    on_every_law,
    places,
    support,
    table,
)


@eqx.filter_jit
def slopes(columns, h, x, mask):
    """Gradients of log p of what was observed, by h and by all that is trained of the laws."""

    def total(trained, h, x, mask):
        model = Model(StandardNormal(1), lambda z: h, eqx.combine(trained, rest), lambda *_: None)
        return model.log_likelihood(Datum(x, mask), jnp.zeros(1))

    trained, rest = split_trainable(columns)
    each = jax.vmap(jax.value_and_grad(total, (0, 1)), (None, 0, 0, 0))
    return each(trained, h, x, mask)


@cache
def at_extremes():
    """Gradients where a decoder is lost: every corner of h, at ordinary cells and missing ones."""
    _, rows, columns = table()
    (size,) = columns.h_shape
    rng = np.random.default_rng(6)
    far = [np.full(size, end) for end in (-1e4, -90.0, -30.0, 0.0, 30.0, 90.0, 1e4)]
    corners = [np.where(rng.random(size) < 0.5, end, -end) for end in (8.0, 30.0, 30.0, 90.0, 90.0)]
    h = np.stack([*far, *corners]).astype(np.float32)
    x = rows[: len(h)].copy()
    for name, (law, where, _, atom) in places().items():
        for row, end in enumerate(support(name)):
            if law.discrete:
                x[row::2, where] = np.where(np.isfinite(end), end, x[row::2, where])
        if atom is not None:
            x[5::3, where] = atom
    mask = rng.random(x.shape) < 0.7
    x = np.where(mask, x, rng.choice([np.nan, np.inf, 0.0, -1e30, 1e30], x.shape))
    found = slopes(columns, *map(jnp.asarray, (h, x.astype(np.float32), mask)))
    return mask, found


@on_every_law
def test_gradients_are_finite_wherever_a_decoder_leads(name):
    _, (_, (_, by_h)) = at_extremes()
    numbers = places()[name].h
    assert_finite(by_h[:, numbers])
    assert np.any(np.asarray(by_h[:, numbers]))


def test_gradients_by_what_the_laws_learn_themselves_are_finite():
    _, (value, (by_laws, _)) = at_extremes()
    assert_finite((value, by_laws))
    assert len(jax.tree.leaves(by_laws)) >= 3  # ν of a t; first cut and gaps of ordered levels


def test_what_was_not_observed_has_no_gradient():
    mask, (_, (_, by_h)) = at_extremes()
    # Laws with a number of h for each column: the scalar ones, whose numbers are laid k by k.
    for law, where, numbers, _ in places().values():
        if not law.categories:
            own = np.asarray(by_h[:, numbers]).reshape(len(mask), -1, len(where))
            assert not np.any(np.where(mask[:, None, where], 0.0, own))


@cache
def first_draws():
    # As it is made; that of the table was moved.
    facts, rows, _ = table()
    columns = Columns.of(facts, rows)
    return np.asarray(draws(columns, columns.initial(rows), jax.random.key(7), 4000), np.float64)


def seen(law, x):
    """Values by which spreads are compared: skewed ones by their logarithm.

    Whole numbers lie anywhere in their step, so that a median is not one of two of them by chance.
    """
    if law.discrete:
        x = x + np.random.default_rng(8).uniform(-0.5, 0.5, x.shape)
    return np.log(np.maximum(x, 0.5 if law.discrete else 1e-6)) if law.logarithmic else x


@on_every_law
def test_training_begins_at_what_resembles_the_rows(name):
    """The middle of what is drawn lies among the rows, and it is spread as they are, about.

    Half of the variance is left to the model, and of counts a spread is not all in two numbers.
    """
    law, columns, _, atom = places()[name]
    drawn, rows = first_draws()[:, columns], table().rows[:, columns].astype(np.float64)
    if atom is not None:
        share = (rows == atom).mean(0)
        more = (drawn == atom).mean(0) - share
        assert (more > -0.05).all()
        # An inflated law has its base's mass at the atom besides.
        assert (more < (0.05 if not law.discrete or name.startswith("hurdle") else 0.5)).all()
        drawn, rows = (np.where(each == atom, np.nan, each) for each in (drawn, rows))
    if law.categories:
        for j, count in enumerate(law.counts):
            shares = [np.mean(each[:, j, None] == np.arange(count), 0) for each in (drawn, rows)]
            np.testing.assert_allclose(*shares, atol=0.05)
        return
    drawn, rows = seen(law, drawn), seen(law, rows)
    spread = np.nanstd(rows, 0)
    usual = spread > 0.3 * (not law.logarithmic and law.discrete)
    off = np.abs(np.nanmedian(drawn, 0) - np.nanmedian(rows, 0))
    floor = 0.5 if law.discrete and not law.logarithmic else 0.0
    assert (off <= 0.6 * spread + floor).all(), (off, spread)
    ratio = (np.nanstd(drawn, 0) / np.where(usual, spread, 1.0))[usual]
    assert ((ratio > 0.45) & (ratio < 1.7)).all(), ratio


@on_every_law
def test_draws_lie_in_the_support(name):
    law, columns, *_ = places()[name]
    x = first_draws()[:, columns]
    low, high = support(name)
    assert ((x >= low) & (x <= high)).all()
    if law.discrete:
        np.testing.assert_array_equal(x, np.rint(x))
    if law.categories:
        assert (x < high).all()  # what was never seen is not drawn


def test_what_is_drawn_is_possible():
    columns = table().columns
    x = first_draws()[:2000]
    assert_finite(log_probs(np.asarray(columns.initial(table().rows)), x))


@cache
def probabilities_of_rows():
    columns = table().columns
    return np.asarray(jax.jit(jax.vmap(columns.is_probability))(jnp.asarray(table().rows)))


@on_every_law
def test_it_is_known_which_terms_are_probabilities(name):
    law, columns, _, atom = places()[name]
    x, found = table().rows, probabilities_of_rows()
    expected = np.full((len(x), len(columns)), law.discrete)
    if atom is not None:
        expected |= x[:, columns] == atom
    np.testing.assert_array_equal(found[:, columns], expected)
    assert alone(name).discrete == law.discrete
    if law.discrete:
        assert log_probs(np.zeros(table().columns.h_shape), x)[:, columns].max() <= 1e-6


def test_a_likelihood_is_discrete_where_all_its_laws_are():
    facts, rows, _ = table()
    for names, expected in [
        (["rounded", "categorical", "hurdle:rounded", "inflated:negative-binomial"], True),
        (["rounded", "hurdle:normal"], False),
    ]:
        chosen = [j for j, each in enumerate(facts) if each.law in names]
        assert Columns.of([facts[j] for j in chosen], rows[:, chosen]).discrete is expected


@pytest.mark.parametrize("name", NAMES)
def test_laws_are_found_by_their_names(name):
    over, base = law_of(name)
    assert (name.split(":")[0] if ":" in name else None) == over
    assert BASES[name.split(":")[-1]] is base


WRONG = [
    ("nrmal", "choose one of categorical, gamma, "),
    ("", "choose one of"),
    ("hurdle", "hurdle:LAW"),
    ("hurdle:", "hurdle:LAW"),
    (":normal", "hurdle:LAW"),
    ("normal:gamma", "hurdle:LAW"),
    ("hurdle:nrmal", "hurdle:LAW"),
    ("hurdle:hurdle:normal", "hurdle:LAW"),
    ("inflated:inflated", "inflated:LAW"),
    ("zero-inflated:rounded", "inflated:LAW"),
    ("hurdle:categorical", "hurdle cannot stand over categorical"),
    ("inflated:ordered-logistic", "cannot stand over"),
    ("inflated:gamma", "negative-binomial, rounded, rounded-log-normal."),
]


@pytest.mark.parametrize(("name", "said"), WRONG, ids=[name for name, _ in WRONG])
def test_unknown_laws_are_refused_in_one_line(name, said):
    with pytest.raises(OptionError, match="likelihood=") as refused:
        law_of(name)
    message = str(refused.value)
    assert repr(name) in message
    assert said in message
    assert "\n" not in message
