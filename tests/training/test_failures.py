"""Numbers that are not finite: training goes back, says so, and in the end gives up."""

import jax.numpy as jnp
import numpy as np
import pytest

import jensen
from jensen.errors import TrainingError
from jensen.objectives import ELBO, Objective, Terms
from jensen.training import Options, train

from .weights import leaves


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


class Elsewhere(Objective):
    """Judges by a figure of its own, whatever becomes of the ELBO."""

    figure: float

    def __call__(self, model, x, key, epoch):
        one = jnp.ones(())
        return Terms(self.figure * one, one, -jnp.inf * one, jnp.zeros(()))


class Judging(ELBO):
    """The ELBO, judged by something else."""

    figure: float = 0.0

    @property
    def judge(self):
        return Elsewhere(self.figure)


def test_what_weights_are_judged_by_says_whether_they_failed(rows, built):
    model, _ = built
    options = Options(max_epochs=2)
    done = train(model, Judging(figure=1.5), rows[:120], rows[120:], options=options)
    assert [record["validation_objective"] for record in done.history] == [1.5, 1.5]
    assert done.history[-1]["failures"] == 0
    with pytest.raises(TrainingError):
        train(
            model, Judging(figure=float("nan")), rows[:120], rows[120:],
            options=options, on_failure=lambda said: None,
        )  # fmt: skip
