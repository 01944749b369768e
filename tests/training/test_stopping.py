"""When training ends, and which weights it then keeps."""

import os
import signal
import threading

import numpy as np
import pytest

from jensen.errors import OptionError
from jensen.objectives import IWAE, BetaELBO
from jensen.objectives.rows import terms_of_rows
from jensen.training import Options, train

from .weights import leaves

ONE = Options(max_epochs=1)


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


def test_a_bound_of_many_draws_is_judged_by_itself(rows, built):
    """Its encoder serves the weights, and not the ELBO, which falls while the bound rises."""
    model = built[0]
    options = Options(max_epochs=40, learning_rate=0.1, early_stopping=False)
    done = train(model, IWAE(20, hides=0.5), rows[:120], rows[120:], options=options)
    bounds, elbos = (
        [record[f"validation_{name}"] for record in done.history] for name in ("objective", "elbo")
    )
    assert all(bound > elbo for bound, elbo in zip(bounds, elbos, strict=True))
    assert done.best_epoch == 1 + int(np.argmax(bounds)) != 1 + int(np.argmax(elbos))
    assert "validation_objective" not in train(*built, rows, rows, options=ONE).history[0]


def test_of_many_rows_some_are_judged(rows, built, monkeypatch):
    judged = []

    def spy(objective, model, X, keys):
        judged.append((len(X), len(keys)))
        return terms_of_rows(objective, model, X, keys)

    monkeypatch.setattr("jensen.training.loop.terms_of_rows", spy)
    monkeypatch.setattr("jensen.training.loop._MOST_JUDGED", 20)
    found = train(built[0], IWAE(5), rows[:120], rows[120:], options=ONE).history[0]
    assert len(rows[120:]) > 20
    assert judged == [(20, 20)]
    assert np.isfinite(found["validation_objective"])


def test_patience_is_of_epochs_or_of_steps():
    few, many = 553, 30_000
    assert Options().waits(few) == Options(patient_steps=1000).waits(many) == 50
    assert Options(patient_steps=1000).waits(few) == 200
    assert Options(patience=7, patient_steps=1000).waits(few) == 7
    for patience in ("long", 0, 1.5):
        with pytest.raises(OptionError, match=r'patience=.*"auto" or a whole number'):
            Options(patience=patience)


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
