"""Every member of every family comes back from a file as it was."""

from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

from jensen import Datum, _files, store
from jensen.recipes import build_model

from .zoo import (
    ALL_PRIORS,
    ARCHITECTURES,
    CONDITION,
    LIKELIHOODS,
    POSTERIORS,
    assert_same,
    jittered,
    option,
    rows_of,
    widest,
)

PARTS = [
    *[("likelihood", name) for name in LIKELIHOODS],
    *[("prior", name) for name in ALL_PRIORS],
    *[("posterior", name) for name in POSTERIORS],
    *[("network", name) for name in ARCHITECTURES],
]


def types_of(model):
    return [jax.typeof(leaf) for leaf in jax.tree.leaves(model) if eqx.is_array(leaf)]


@pytest.mark.parametrize(("part", "name"), PARTS, ids=[f"{part} {name}" for part, name in PARTS])
def test_saved_and_loaded_unchanged(part, name, key, tmp_path):
    rows = widest(name)[:20] if part == "likelihood" else rows_of("real", 20)
    assembly = {
        "latent_dim": 2,
        "hidden": [4],
        "high": float(rows.max()),
        part: option(name) if part == "likelihood" else name,
        "condition": CONDITION.get(name, 0),
    }
    built = build_model(rows, key=key, **assembly)
    model = jittered(built, jax.random.key(1))
    saved = store.Saved(
        model, assembly, {"shape": list(rows.shape[1:])}, details={"training_rows": len(rows)}
    )
    for path in (tmp_path / "folder", tmp_path / "file.jensen"):
        loaded = store.load(store.save(path, saved))
        assert_same(loaded.model, model)
        assert loaded.assembly == assembly
        # What is compiled for the one serves the other, the one that training begins with too.
        assert types_of(built) == types_of(model) == types_of(loaded.model)
    given = np.ones(CONDITION[name], np.float32) if CONDITION.get(name) else None
    z, x = np.ones(2, np.float32), Datum(rows[0], None, given)
    log_joint = eqx.filter_jit(lambda model, x, z: model.log_joint(x, z))
    assert float(log_joint(loaded.model, x, z)) == float(log_joint(model, x, z))


class DiedError(BaseException):
    """What a process does not get to catch."""


def test_sweeping_takes_what_was_half_written_and_nothing_else(tmp_path, monkeypatch):
    def die(*args):
        raise DiedError

    theirs = [tmp_path / name for name in (".notes.json.20251121", ".b.html.original", "c.json")]
    for path in theirs:
        path.write_text("a user's own")
    with monkeypatch.context() as patch:
        patch.setattr(_files.os, "fsync", die)
        patch.setattr(Path, "unlink", lambda path, missing_ok=False: None)
        with pytest.raises(DiedError):
            _files.write_atomic(tmp_path / "a.json", b"a")
        with pytest.raises(DiedError):
            _files.write_together(tmp_path, {"b.json": b"b"})
    assert len(list(tmp_path.iterdir())) == len(theirs) + 2
    _files.sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(theirs)
