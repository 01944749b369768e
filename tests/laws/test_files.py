"""Every member of every family comes back from a file as it was."""

import jax
import jax.numpy as jnp
import pytest

from jensen import store
from jensen.recipes import build_model

from .zoo import LIKELIHOODS, POSTERIORS, PRIORS, assert_same, jittered, option, rows_of, widest

PARTS = [
    *[("likelihood", name) for name in LIKELIHOODS],
    *[("prior", name) for name in PRIORS],
    *[("posterior", name) for name in POSTERIORS],
]


@pytest.mark.parametrize(("part", "name"), PARTS, ids=[f"{part} {name}" for part, name in PARTS])
def test_saved_and_loaded_unchanged(part, name, key, tmp_path):
    rows = widest(name)[:20] if part == "likelihood" else rows_of("real", 20)
    assembly = {
        "latent_dim": 2,
        "hidden": [4],
        "high": float(rows.max()),
        part: option(name) if part == "likelihood" else name,
    }
    model = jittered(build_model(rows, key=key, **assembly), jax.random.key(1))
    saved = store.Saved(
        model, assembly, {"shape": list(rows.shape[1:])}, details={"training_rows": len(rows)}
    )
    for path in (tmp_path / "folder", tmp_path / "file.jensen"):
        loaded = store.load(store.save(path, saved))
        assert_same(loaded.model, model)
        assert loaded.assembly == assembly
    z, x = jnp.ones(2), jnp.asarray(rows[0])
    assert float(loaded.model.log_joint(x, z)) == float(model.log_joint(x, z))
