"""Models of tables with holes: made, trained, saved, and their evidence."""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen import Datum, evidence, store
from jensen.objectives import IWAE
from jensen.recipes import build_model
from jensen.training import Options, train

from ...statistics.budget import ERRORS, middle_errors
from ..zoo import assert_finite, assert_same, jittered
from .members import NAMES, table
from .test_table import FACTS, rows_of_table

D = len(FACTS)


def holes(rows, share=0.2, standing=np.nan):
    mask = np.random.default_rng(4).random(rows.shape) > share
    return Datum(np.where(mask, rows, np.float32(standing)), mask)


def model_of(rows, columns=FACTS, **options):
    assembly = {"latent_dim": 1, "hidden": [4], "columns": columns} | options
    return build_model(rows, key=jax.random.key(0), **assembly), assembly


def test_what_stands_in_a_hole_makes_no_difference():
    made = [model_of(holes(rows_of_table(), standing=at))[0] for at in (np.nan, 0.0, -1e30)]
    assert_same(made[0], made[1])
    assert_same(made[0], made[2])
    found = [
        evidence.importance(made[0], holes(rows_of_table()[:5], standing=at), jax.random.key(1), 10)
        for at in (np.nan, 0.0, -1e30)
    ]
    assert_finite(found[0].values)
    np.testing.assert_array_equal(found[0].values, found[1].values)
    np.testing.assert_array_equal(found[0].values, found[2].values)


def test_holes_of_one_column_are_measured_by_that_column():
    """What is measured on rows with holes is that of the cells that were seen."""
    rows = rows_of_table()
    datum = holes(rows)
    features = model_of(datum)[0].encoder.features
    seen = rows[:, 0][datum.mask[:, 0]]
    # Holes are filled in turn, so that some values count once more than others.
    np.testing.assert_allclose(features.shift.value[0], seen.mean(), atol=0.1)
    np.testing.assert_allclose(features.scale.value[0], seen.std(), rtol=0.1)


def test_holes_of_a_picture_are_filled_from_the_same_pixel():
    rows = np.broadcast_to(100 * np.arange(6, dtype=np.float32).reshape(3, 2), (6, 3, 2)).copy()
    mask = np.ones(rows.shape, bool)
    mask[::2, 1] = False
    made = build_model(Datum(np.where(mask, rows, np.nan), mask), key=jax.random.key(0))
    np.testing.assert_array_equal(made.encoder.shift.value, rows[0])


def test_laws_whose_columns_were_never_seen_can_be_made():
    facts, rows, _ = table()
    mask = np.zeros(rows.shape, bool)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made, _ = model_of(Datum(np.full_like(rows, np.nan), mask), [vars(each) for each in facts])
    assert_finite(eqx.filter(made, eqx.is_array))


@pytest.mark.parametrize("atom", [0.0, -2.0])
def test_laws_of_which_only_the_atom_was_seen_can_be_made(atom):
    # Laws of positive numbers may have a hurdle below nought, and no mass to add there.
    chosen = [each for each in NAMES if each.startswith("hurdle") or (":" in each and not atom)]
    rows = np.full((5, len(chosen)), atom, np.float32)
    made, _ = model_of(rows, [{"law": name, "atom": atom} for name in chosen])
    assert_finite(eqx.filter(made, eqx.is_array))


def test_all_laws_come_back_from_a_file(tmp_path):
    facts, rows, _ = table()
    # Ends that are nowhere are left out, as JSON has no infinity.
    known = [
        {k: v for k, v in vars(each).items() if isinstance(v, str) or np.isfinite(v)}
        for each in facts
    ]
    made, assembly = model_of(rows, known)
    made = jittered(made, jax.random.key(1))
    saved = store.Saved(made, assembly, {"shape": [rows.shape[1]]}, details={"training_rows": 400})
    loaded = store.load(store.save(tmp_path / "model.jensen", saved))
    assert_same(loaded.model, made)
    assert loaded.assembly == assembly


def test_training_on_rows_with_holes():
    rows = rows_of_table()
    # A column of which nothing was seen has no say, and does no harm.
    datum = holes(rows)
    datum.mask[:, 3] = False
    model, _ = model_of(datum)
    options = Options(max_epochs=3, batch_size=50)
    trained = train(model, IWAE(3), datum, holes(rows[:40]), options=options)
    assert_finite(eqx.filter(trained.model, eqx.is_array))
    assert len(trained.history) == 3
    for record in trained.history:
        numbers = [v for v in record.values() if isinstance(v, float)]
        assert numbers
        assert np.isfinite(numbers).all()


def test_evidence_of_rows_with_holes_meets_quadrature():
    """One latent and a linear decoder: log p(x) is an integral over a line."""
    rows = rows_of_table()[:12]
    model, _ = model_of(rows_of_table(), hidden=[])
    model = jittered(model, jax.random.key(2), 0.2)
    datum = holes(rows, 0.3)
    z = jnp.linspace(-9.0, 9.0, 3001)[:, None]
    log_joint = eqx.filter_jit(
        lambda m, x: jax.vmap(lambda x: jax.vmap(lambda z: m.log_joint(x, z))(z))(x)
    )
    joint = np.exp(np.asarray(log_joint(model, datum), np.float64))
    exact = np.log(joint.sum(1) * 18.0 / 3000)
    estimate = lambda key: evidence.importance(model, datum, key, 4000)
    errors = middle_errors(estimate, jax.random.key(3), exact)
    assert np.abs(errors).max() < ERRORS
