"""Columns side by side: their order, their terms, and what an encoder sees of them."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from jensen.parts.columns import Columns, Facts
from jensen.parts.features import ColumnFeatures

from ..zoo import assert_finite
from .members import BASES, places, table


def test_columns_of_one_law_need_not_stand_together():
    facts, rows, _ = table()
    order = np.argsort([each.law for each in facts], kind="stable")
    assert (order != np.arange(len(order))).any()
    places_of = {name: place.columns for name, place in places().items()}
    for name, columns in places_of.items():
        assert [facts[j].law for j in columns] == [name] * len(columns)
    assert sorted(np.concatenate(list(places_of.values()))) == list(range(rows.shape[1]))


def test_columns_of_one_law_share_its_program_with_an_atom_or_without():
    """What is traced and compiled grows with the laws, and not with what stands over them."""
    columns = table().columns
    assert sorted(law.name for law in columns.laws) == sorted(BASES)
    assert len(columns.atoms.where) == sum(":" in each.law for each in table().facts)


FACTS = [
    {"law": "normal"},
    {"law": "categorical", "levels": 3},
    {"law": "hurdle:log-normal", "atom": 0.0},
    {"law": "rounded-log-normal", "low": 0.0},
    {"law": "ordered-logistic", "levels": 2},
]
D = len(FACTS)


@cache
def rows_of_table(n=200):
    rng = np.random.default_rng(3)
    made = [
        rng.normal(10.0, 2.0, n),
        rng.integers(0, 3, n),
        np.where(rng.random(n) < 0.4, 0.0, np.exp(rng.normal(1.0, 1.0, n))),
        np.rint(np.exp(rng.normal(2.0, 1.0, n))),
        rng.integers(0, 2, n),
    ]
    return np.stack(made, 1).astype(np.float32)


def test_draws_have_the_shape_asked_for():
    columns = Columns.of([Facts(**each) for each in FACTS], rows_of_table())
    h, key = columns.initial(rows_of_table()), jax.random.key(0)
    shape = lambda *shape: jax.eval_shape(lambda h: columns(h).sample(key, shape), h).shape
    assert (shape(), shape(5), shape(2, 3), shape(0)) == ((D,), (5, D), (2, 3, D), (0, D))


def features():
    return ColumnFeatures.of([Facts(**each) for each in FACTS], rows_of_table())


@jax.jit
def seen_of(rows):
    """Rows, none of their cells missing, as a network sees them."""
    return jax.vmap(lambda x: features()(x, None))(rows)


def numbers_of(found):
    """The parts of what a network sees: numbers, atoms, categories, the mask."""
    return np.split(np.asarray(found), [3, 4, 9], axis=-1)


def test_a_network_sees_numbers_of_one_size_and_their_kind():
    rows, made = rows_of_table(), features()
    found = seen_of(rows)
    assert found.shape == (len(rows), made.size)
    numbers, atoms, categories, mask = numbers_of(found)
    logs = [rows[:, 0], np.log1p(rows[:, 2]), np.log1p(rows[:, 3])]
    expected = np.stack([(each - each.mean()) / each.std() for each in logs], 1)
    np.testing.assert_allclose(numbers, expected, atol=1e-4)
    np.testing.assert_array_equal(atoms[:, 0], rows[:, 2] == 0)
    np.testing.assert_array_equal(categories[:, :3], rows[:, 1:2] == np.arange(3))
    np.testing.assert_array_equal(categories[:, 3:], rows[:, 4:] == np.arange(2))
    assert mask.all()


def test_a_category_never_seen_is_no_category_but_is_not_missing():
    _, _, categories, mask = numbers_of(seen_of(jnp.array([[9.0, 3.0, 1.0, 2.0, 2.0]])))
    assert not categories.any()
    assert mask.all()


def test_what_is_far_out_is_seen_at_eight_deviations():
    for x, sign in ((3e38, 1), (-3e38, -1)):
        numbers = numbers_of(seen_of(jnp.full((1, D), x)))[0]
        np.testing.assert_array_equal(numbers, sign * 8.0)


def test_nothing_is_seen_of_a_missing_cell():
    made = features()

    @jax.jit
    def seen(x, mask):
        total = lambda x: (jnp.sum(made(x, mask) ** 2), made(x, mask))
        return jax.grad(total, has_aux=True)(x)

    for gone in (0.0, np.nan, np.inf, -np.inf, -1.0, 3e38):
        slope, found = seen(jnp.full(D, gone), jnp.zeros(D, bool))
        np.testing.assert_array_equal(found, np.zeros(made.size))
        np.testing.assert_array_equal(slope, np.zeros(D))
        half = jnp.arange(D) % 2 == 0
        x = jnp.where(half, rows_of_table()[0], gone)
        slope, found = seen(x, half)
        assert_finite((slope, found))
        np.testing.assert_array_equal(
            found, seen(jnp.where(half, rows_of_table()[0], 5.0), half)[1]
        )
        np.testing.assert_array_equal(numbers_of(found)[3], half)


def test_features_of_one_kind_alone():
    for chosen in ([0], [1], [2], [1, 4]):
        facts = [Facts(**FACTS[j]) for j in chosen]
        rows = rows_of_table()[:, chosen]
        made, columns = ColumnFeatures.of(facts, rows), Columns.of(facts, rows)
        seen = jax.eval_shape(lambda x, made=made: made(x, None), rows[0])
        mean = jax.eval_shape(lambda h, columns=columns: columns(h).mean, columns.initial(rows))
        assert (seen.shape, mean.shape) == ((made.size,), (len(chosen),))
