"""The training loop: every row used, stopping, going back after a failure, resuming."""

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax.nn import log_sigmoid

import jensen
from jensen import Model, recipes
from jensen.errors import FileError, OptionError, TrainingError
from jensen.objectives import ELBO, BetaELBO, Objective, Terms
from jensen.parts.networks import Linear
from jensen.training import Options, loop, train
from jensen.training.step import initial_state, plan, run_steps, split_trainable


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(150, 2)) @ rng.normal(size=(2, 5))).astype(np.float32)


@pytest.fixture(scope="module")
def built(rows):
    return recipes.vae(rows, key=jax.random.key(0), latent_dim=2, hidden=(8,))


def leaves(model):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(eqx.filter(model, eqx.is_array))]


@pytest.mark.parametrize(("count", "batch"), [(1, 4), (4, 4), (5, 4), (130, 128)])
def test_an_epoch_takes_every_row_once(count, batch):
    index, weight = plan(count, batch, np.random.default_rng(0))
    assert index.shape == weight.shape == (-(-count // batch), batch)
    assert sorted(index[weight == 1]) == list(range(count))


def test_the_last_partial_batch_counts_as_what_it_holds(rows, built):
    """One step on 3 rows of a batch of 8 is one step on those 3 rows alone."""
    model, objective = built
    rest = split_trainable(model)[1]

    def step(index, weight):
        state, info = run_steps(
            initial_state(model, False), rest, objective, jnp.asarray(rows),
            np.array([index], np.int32), np.array([weight], np.float32),
            np.array([0.01], np.float32), jax.random.key(1), np.zeros(1, np.float32),
            jnp.float32(0.0), jnp.float32(1e6), None,
        )  # fmt: skip
        return state, info

    filled, filled_info = step([5, 6, 7, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0])
    other, other_info = step([5, 6, 7, 9, 8, 7, 6, 5], [1, 1, 1, 0, 0, 0, 0, 0])
    assert float(filled_info.value) == float(other_info.value)
    for one, two in zip(leaves(filled.trainable), leaves(other.trainable), strict=True):
        np.testing.assert_array_equal(one, two)


def test_training_raises_the_elbo_and_keeps_the_best_weights(rows, built):
    done = train(*built, rows[:120], rows[120:], options=Options(max_epochs=60, learning_rate=0.02))
    elbos = [record["validation_elbo"] for record in done.history]
    assert elbos[-1] > elbos[0] + 1
    assert done.best_epoch == 1 + int(np.argmax(elbos))
    record = done.history[0]
    assert record["train_elbo"] == pytest.approx(
        record["train_reconstruction"] - record["train_kl"], abs=1e-4
    )
    assert {"train_active_units", "validation_active_units", "grad_norm", "seconds"} <= set(record)


def test_early_stopping_waits_for_patience(rows, built):
    options = Options(max_epochs=500, patience=3, learning_rate=0.05, weight_decay=0.0)
    done = train(*built, rows[:40], rows[120:], options=options, seed=0)
    assert len(done.history) - done.best_epoch == 3
    assert "no better validation ELBO" in done.stopped


def test_warm_up_neither_stops_training_nor_gives_the_best_weights(rows, built):
    """Trained far too fast, so that the validation ELBO falls after its first epochs."""
    options = Options(max_epochs=40, patience=1, learning_rate=0.3, warmup=0.0, weight_decay=0.0)
    model = built[0]
    done = train(model, BetaELBO(warmup=12.0), rows[:40], rows[120:], options=options)
    elbos = [record["validation_elbo"] for record in done.history]
    # Patience of one epoch runs out in the warm-up.
    assert any(elbos[i] <= max(elbos[:i]) for i in range(1, 11))
    assert len(elbos) > 12
    assert done.best_epoch == 12 + int(np.argmax(elbos[11:]))


def test_a_run_cut_short_in_its_warm_up_has_the_last_weights(rows, built):
    options = Options(max_epochs=50, max_time=1e-9)
    done = train(built[0], BetaELBO(warmup=12.0), rows[:40], rows[120:], options=options)
    assert done.best_epoch == len(done.history) == 1
    assert not np.array_equal(leaves(done.model)[0], leaves(built[0])[0])


def test_a_warm_up_longer_than_training_is_refused(rows, built):
    with pytest.raises(OptionError, match=r"max_epochs=5: .*after 5 epochs.* 6 .*warm-up"):
        train(built[0], BetaELBO(warmup=6.0), rows, options=Options(max_epochs=5))
    assert len(train(built[0], BetaELBO(warmup=2.0), rows, options=Options(max_epochs=2)).history)


def test_max_time_ends_training_with_a_model(rows, built):
    done = train(*built, rows, options=Options(max_epochs=10_000, max_time=0.2))
    assert "max_time" in done.stopped
    assert 0 < len(done.history) < 10_000


def test_ctrl_c_ends_at_the_next_epoch_with_a_usable_model(rows, built):
    def press(record, planned):
        if record["epoch"] == 3:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    done = train(*built, rows, rows, options=Options(max_epochs=100), on_epoch=press)
    assert done.stopped == "interrupted"
    assert len(done.history) == 3
    assert signal.getsignal(signal.SIGINT) is before
    assert all(np.isfinite(leaf).all() for leaf in leaves(done.model))


def test_training_works_outside_the_main_thread(rows, built):
    results = []
    worker = threading.Thread(
        target=lambda: results.append(train(*built, rows, options=Options(max_epochs=2)))
    )
    worker.start()
    worker.join()
    assert len(results[0].history) == 2


class Exploding(Objective):
    """Not finite in the epochs from `begins` on, for as long as the steps are large."""

    begins: float

    def __call__(self, model, x, key, epoch):
        value = -jnp.sum(model.decoder.layers[0].weight ** 2)
        bad = epoch >= self.begins
        value = jnp.where(bad, jnp.nan, value)
        return Terms(value, value, value, jnp.zeros(()))


def test_three_failures_end_training_with_the_last_good_model(rows, built):
    model, _ = built
    said = []
    with pytest.raises(TrainingError, match="learning_rate") as caught:
        train(
            model,
            Exploding(begins=2.0),
            rows,
            options=Options(max_epochs=9),
            on_failure=said.append,
        )
    trained = caught.value.trained
    assert len(trained.history) == 2
    assert [sentence.count("0.5") for sentence in said] == [1, 0]
    assert "0.25 of the learning rate" in said[1]
    assert all(np.isfinite(leaf).all() for leaf in leaves(trained.model))


def test_a_failure_that_nobody_is_told_of_is_a_warning(rows, capsys):
    def fit(**options):
        options |= {"latent_dim": 2, "hidden": (4,), "max_epochs": 9, "draws": 20}
        vae = jensen.VAE(objective=Exploding(begins=2.0), random_state=0, **options)
        with pytest.raises(TrainingError):
            vae.fit(rows)

    with pytest.warns(UserWarning, match="was not finite; went back") as warned:
        fit()
    assert [str(each.message).split()[-5] for each in warned] == ["0.5", "0.25"]
    assert capsys.readouterr().err == ""
    # Warnings are errors in these tests: here is none.
    fit(verbose=1)
    assert capsys.readouterr().err.count("was not finite; went back") == 2


class Fragile(Objective):
    """Infinite once the weights have moved further than small steps take them."""

    reach: float
    start: float

    def __call__(self, model, x, key, epoch):
        moved = jnp.abs(jnp.sum(model.decoder.layers[0].weight) - self.start)
        value = jnp.where(moved > self.reach, -jnp.inf, jnp.sum(model.decoder.layers[0].weight))
        return Terms(value, value, value, jnp.zeros(()))


def test_a_failure_goes_back_and_takes_smaller_steps(rows, built):
    model, _ = built
    start = float(jnp.sum(model.decoder.layers[0].weight))
    # One epoch of two steps at the full rate moves 16 weights by 2 · 0.1 each: 3.2 in all.
    objective = Fragile(reach=1.5, start=start)
    options = Options(
        max_epochs=1, learning_rate=0.1, warmup=0.0, decay=1.0, weight_decay=0.0, batch_size=50
    )
    said = []
    done = train(model, objective, rows, options=options, on_failure=said.append)
    assert 1 <= len(said) <= 2
    assert [record["failures"] for record in done.history] == [len(said)]
    assert np.isfinite(done.history[0]["train_objective"])


def test_the_running_average_is_what_is_kept(rows, built):
    plain = train(*built, rows, options=Options(max_epochs=3))
    averaged = train(*built, rows, options=Options(max_epochs=3, average=0.9))
    assert not np.array_equal(leaves(plain.model)[0], leaves(averaged.model)[0])
    assert plain.history[0]["train_elbo"] == averaged.history[0]["train_elbo"]


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
        return [{k: v for k, v in record.items() if k != "seconds"} for record in history]

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


class Bits(eqx.Module):
    """Independent bits, whose draws carry no gradient."""

    has_rsample: ClassVar[bool] = False
    logits: jax.Array

    @property
    def mean(self):
        return jax.nn.sigmoid(self.logits)

    def sample(self, key, sample_shape=()):
        shape = (*sample_shape, *self.logits.shape)
        return jax.random.bernoulli(key, self.mean, shape).astype(jnp.float32)

    def log_prob(self, z):
        return jnp.sum(jnp.where(z > 0.5, log_sigmoid(self.logits), log_sigmoid(-self.logits)))


class Switches(eqx.Module):
    """q(z | x) over bits."""

    network: Linear

    def __call__(self, x, mask=None):
        return Bits(self.network(x))


def test_the_score_function_trains_what_cannot_be_reparameterised():
    """Two clusters told apart by one bit: training must find it, and be validated meanwhile."""
    rng = np.random.default_rng(0)
    bit = rng.integers(0, 2, (200, 1))
    rows = np.float32(np.where(bit, 1.0, -1.0) * [3.0, -3.0] + 0.5 * rng.normal(size=(200, 2)))
    model = Model(
        prior=Bits(jnp.zeros(1)),
        decoder=Linear.draw((1,), (2,), key=jax.random.key(0)),
        likelihood=lambda h: dist.Normal(h, 0.5),
        encoder=Switches(Linear.draw((2,), (1,), key=jax.random.key(1))),
    )
    with pytest.raises(OptionError, match="gradient='score'"):
        train(model, ELBO(), rows[:150], rows[150:], options=Options(max_epochs=1))
    objective = ELBO(gradient="score", draws=2)
    options = Options(max_epochs=60, learning_rate=0.05, batch_size=25, weight_decay=0.0)
    done = train(model, objective, rows[:150], rows[150:], options=options)
    # log ½, for the cluster, and the entropy of two normals.
    best = np.log(0.5) - np.log(2 * np.pi * np.e * 0.25)
    assert done.history[-1]["validation_elbo"] == pytest.approx(best, abs=0.4)


def test_constants_are_not_trained_and_weight_decay_spares_biases(rows, built):
    model, objective = built
    done = train(model, objective, rows, options=Options(max_epochs=3, weight_decay=5.0))
    np.testing.assert_array_equal(done.model.encoder.shift.value, model.encoder.shift.value)
    np.testing.assert_array_equal(done.model.likelihood.scale.value, model.likelihood.scale.value)
    assert not np.array_equal(done.model.likelihood.log_scales, model.likelihood.log_scales)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max_epochs", 0), ("max_epochs", "many"), ("max_epochs", 1.5), ("batch_size", 0),
        ("learning_rate", 0.0), ("learning_rate", float("nan")), ("clip", -1.0),
        ("weight_decay", -0.1), ("average", 1.0), ("patience", 0), ("max_time", 0.0),
        ("warmup", 2.0),
    ],
)  # fmt: skip
def test_options_name_what_is_wrong(option, value):
    with pytest.raises(OptionError, match=option):
        Options(**{option: value})


def test_the_learning_rate_rises_and_falls():
    options = Options(max_epochs=10, batch_size=10, learning_rate=1.0, warmup=0.1, decay=0.1)
    rates = np.concatenate([options.rates(100, epoch) for epoch in range(10)])
    assert rates.argmax() == 9
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)
    assert (np.diff(rates[10:]) < 0).all()
