"""Checkpoints: a run that was killed ends with the numbers of one that was not."""

import contextlib
from pathlib import Path

import jax
import numpy as np
import pytest

from jensen import recipes
from jensen.errors import FileError
from jensen.training import Options, loop, train

from .weights import leaves


@pytest.mark.parametrize("average", [None, 0.9])
def test_a_resumed_run_ends_with_the_same_numbers(rows, built, tmp_path, average):
    options = Options(max_epochs=8, checkpoint_seconds=0.0, average=average)
    data = rows[:120], rows[120:]
    whole = train(*built, *data, options=options, seed=3)

    class KilledError(Exception):
        pass

    def kill(record, planned):
        if record["epoch"] == 5:
            raise KilledError

    with pytest.raises(KilledError):
        train(*built, *data, options=options, seed=3, folder=tmp_path, on_epoch=kill)
    resumed = train(*built, *data, options=options, seed=3, folder=tmp_path, resume=True)
    for one, two in zip(leaves(whole.model), leaves(resumed.model), strict=True):
        np.testing.assert_array_equal(one, two)

    def without_time(history):
        timed = ("seconds", "rows_per_second", "waiting")
        return [{k: v for k, v in record.items() if k not in timed} for record in history]

    assert without_time(whole.history) == without_time(resumed.history)
    assert resumed.best_epoch == whole.best_epoch
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert len(lines) == 8


class DiedError(BaseException):
    """What a process does not get to catch."""


def dying(patch, moment):
    """From the rename of this number on nothing is renamed, nor anything cleared away."""
    left = iter(range(moment))
    rename = Path.replace

    def replace(path, target):
        if next(left, None) is None:
            raise DiedError
        return rename(path, target)

    patch.setattr(Path, "replace", replace)
    patch.setattr(Path, "unlink", lambda path, missing_ok=False: None)


def test_a_run_killed_at_any_rename_resumes_to_the_same_numbers(rows, built, tmp_path, monkeypatch):
    """What a process leaves when it dies changes with each rename and with nothing else."""
    options = Options(max_epochs=3, checkpoint_seconds=0.0)
    data = rows[:120], rows[120:]
    whole = train(*built, *data, options=options)
    moments = 0
    while True:
        folder = tmp_path / str(moments)
        with monkeypatch.context() as patch:
            dying(patch, moments)
            with contextlib.suppress(DiedError):
                train(*built, *data, options=options, folder=folder)
                break
        resumed = train(*built, *data, options=options, folder=folder, resume=True)
        for one, two in zip(leaves(whole.model), leaves(resumed.model), strict=True):
            np.testing.assert_array_equal(one, two)
        assert [record["epoch"] for record in resumed.history] == [1, 2, 3]
        moments += 1
    # Each epoch's checkpoint takes some renames.
    assert moments >= 6


@pytest.mark.parametrize("ended", ["stopped", "all epochs done"])
def test_the_last_checkpoint_is_written_once(rows, built, tmp_path, monkeypatch, ended):
    epochs = []
    save = loop.save_checkpoint

    def recording(folder, state, best, progress, run):
        epochs.append(progress.epoch)
        save(folder, state, best, progress, run)

    monkeypatch.setattr(loop, "save_checkpoint", recording)
    brief = {"max_time": 1e-9} if ended == "stopped" else {}
    options = Options(max_epochs=3, checkpoint_seconds=0.0, **brief)
    done = train(*built, rows, options=options, folder=tmp_path)
    assert epochs == ([1] if ended == "stopped" else [1, 2, 3])
    assert len(done.history) == epochs[-1]


def test_a_run_with_nothing_left_begins_nothing(rows, built, tmp_path):
    options, begun = Options(max_epochs=2), []
    for resume in (False, True):
        train(
            *built, rows, options=options, folder=tmp_path, resume=resume,
            on_start=lambda: begun.append(1),
        )  # fmt: skip
    assert begun == [1]


def test_a_checkpoint_of_another_run_is_refused(rows, built, tmp_path):
    options = Options(max_epochs=2)
    train(*built, rows, options=options, folder=tmp_path)
    with pytest.raises(FileError, match="seed"):
        train(*built, rows, options=options, folder=tmp_path, resume=True, seed=1)
    with pytest.raises(FileError, match="data"):
        train(*built, rows[1:], options=options, folder=tmp_path, resume=True)
    with pytest.raises(FileError, match="options"):
        train(*built, rows, options=Options(max_epochs=3), folder=tmp_path, resume=True)
    others = [
        # As many weights of the same names and shapes, under another activation...
        recipes.vae(rows, key=jax.random.key(0), latent_dim=2, hidden=(8,), activation="tanh")[0],
        # ... or another standardisation of the rows.
        recipes.vae(2 * rows, key=jax.random.key(0), latent_dim=2, hidden=(8,))[0],
    ]
    for other in others:
        with pytest.raises(FileError, match="model"):
            train(other, built[1], rows, options=options, folder=tmp_path, resume=True)
    train(*built, rows, options=options, folder=tmp_path, resume=True)
    checkpoint = tmp_path / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.raises(FileError, match=r"checkpoint.safetensors.*damaged"):
        train(*built, rows, options=options, folder=tmp_path, resume=True)
