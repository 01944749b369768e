"""One shape, one trace: nothing is compiled anew for other rows of the same width."""

import importlib
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jensen
from jensen import evidence, inference, queries
from jensen._batching import map_rows
from jensen.objectives import ELBO, IWAE
from jensen.parts.networks import Linear
from jensen.recipes import build_model
from jensen.training import Options, train

TRACES = {"decoder": 0}
_FRESH = itertools.count(5)


class CountingDecoder(eqx.Module):
    """Linear; counts how often Python runs it, which compiled code does not."""

    linear: Linear

    def __call__(self, z):
        TRACES["decoder"] += 1
        return self.linear(z)


def model_and_rows(width, rows=70, seed=0):
    """A model of `width` columns, and rows for it; a width not met before has no trace yet."""
    X = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    decoder = CountingDecoder(Linear.draw((2,), (1, width), key=jax.random.key(seed)))
    model = build_model(X, key=jax.random.key(seed), latent_dim=2, hidden=(4,), decoder=decoder)
    return model, X


@pytest.fixture
def width():
    return next(_FRESH)


def traces_of(action):
    before = TRACES["decoder"]
    action()
    return TRACES["decoder"] - before


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """Loops whose body is the same program however often it runs; results do not matter here."""
    monkeypatch.setattr("jensen.inference.chains._WARM_UP", 2)
    monkeypatch.setattr("jensen.inference.chains._LEAST_TRANSITIONS", 16)
    monkeypatch.setattr("jensen.inference.in_family._ROUNDS", 1)
    # The package has a function of that name, which hides the module from a dotted path.
    gaps = importlib.import_module("jensen.queries.diagnosis.gaps")
    monkeypatch.setattr(gaps, "_TEMPERATURES", 3)


OPTIONS = Options(max_epochs=4, batch_size=16, early_stopping=False)


@pytest.mark.parametrize("objective", [ELBO(), IWAE(3)], ids=repr)
def test_training_traces_in_its_first_epoch_alone(width, objective):
    """Seventy rows in batches of sixteen: the last batch holds six."""
    model, X = model_and_rows(width)
    seen = []
    record = lambda *_: seen.append(TRACES["decoder"])
    fit = lambda: train(
        model, objective, X[:60], X[60:], options=OPTIONS, on_epoch=record
    )  # fmt: skip
    assert traces_of(fit) > 0
    assert len(seen) == 4
    assert len(set(seen)) == 1


class Read:
    """Rows that are read, in blocks of two steps, of which the last one is filled up."""

    identity = ""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, which):
        return self.rows[which]


def test_one_program_serves_all_blocks_of_rows_that_are_read(width, monkeypatch):
    monkeypatch.setattr("jensen.training.blocks._STEPS", 2)
    model, X = model_and_rows(width)
    seen = []
    record = lambda *_: seen.append(TRACES["decoder"])
    fit = lambda: train(model, ELBO(), Read(X), options=OPTIONS, on_epoch=record)
    # Five steps are three blocks. The one trace more than of rows in memory looks at shapes.
    assert traces_of(fit) > 0
    assert len({*seen}) == 1
    assert traces_of(fit) == 0


def test_two_fits_of_one_shape_trace_once(width):
    def fit(seed):
        model, X = model_and_rows(width, seed=seed)
        train(model, ELBO(), X[:60], X[60:], options=OPTIONS, seed=seed)

    assert traces_of(lambda: fit(0)) > 0
    # Once to look at the shape of what the decoder makes; no program is traced again.
    assert traces_of(lambda: fit(1)) == 1


def test_other_rates_and_longer_training_do_not_trace(width):
    model, X = model_and_rows(width)
    fit = lambda **options: train(
        model, ELBO(), X, options=Options(batch_size=16, early_stopping=False, **options)
    )
    assert traces_of(lambda: fit(max_epochs=1)) > 0
    other = {"learning_rate": 1e-4, "weight_decay": 0.1, "clip": 1.0, "warmup": 0.5}
    assert traces_of(lambda: fit(max_epochs=3, **other)) == 0


# Each takes a model, rows and a key, and is one compiled program for any number of rows.
OF_ROWS = {
    "importance": lambda m, X, k: evidence.importance(m, X, k, draws=30),
    "prior_monte_carlo": lambda m, X, k: evidence.prior_monte_carlo(m, X, k, draws=30),
    "elbo": lambda m, X, k: evidence.elbo(m, X, k, draws=5),
    "sample": lambda m, X, k: queries.sample(m, k, len(X)),
    "sample means": lambda m, X, k: queries.sample(m, k, len(X), mean=True),
    "vary": lambda m, X, k: queries.vary(m, X, k, 3),
    "decode": lambda m, X, k: queries.decode(m, np.zeros((len(X), 2), np.float32)),
    "reconstruct": lambda m, X, k: queries.reconstruct(m, X),
    "reconstruct by draws": lambda m, X, k: queries.reconstruct(m, X, k, "resampled", 20),
    "posterior": lambda m, X, k: inference.posterior(m, X, k, "resampled", 20),
    "compare": lambda m, X, k: queries.compare(m, m, X, k, draws=30),
    "denoise": lambda m, X, k: queries.denoise(m, X, queries.parse_noise(0.5, 0.0, 1.0), k),
}


def test_annealing_has_one_trace_for_any_rows_temperatures_and_leapfrogs(width):
    """The pilot, forward and reverse chains and certificates share it."""
    model, X = model_and_rows(width)
    how = lambda leapfrogs: evidence.Annealing(chains=4, leapfrogs=leapfrogs)
    first = lambda: evidence.annealed(model, X[:11], jax.random.key(0), 5, how=how(1))
    assert traces_of(first) > 0
    longer = lambda: [
        evidence.annealed(model, X[:rows], jax.random.key(rows), temperatures, how=how(leapfrogs))
        for rows, temperatures, leapfrogs in ((1, 3, 2), (70, 100, 1))
    ]
    assert traces_of(longer) == 0
    # Simulating rows runs the decoder once in Python; chains have been compiled already.
    both = lambda: evidence.bidirectional(model, jax.random.key(1), 30, 5, how=how(1))
    assert traces_of(both) == 1


def test_chains_have_three_traces_for_any_number_of_rows(width):
    """They take so long that one row is not filled up to 32."""
    model, X = model_and_rows(width)
    draw = lambda rows: inference.posterior(model, X[:rows], jax.random.key(rows), "hmc", 16)
    assert all(traces_of(lambda rows=rows: draw(rows)) > 0 for rows in (1, 5, 11))
    assert traces_of(lambda: [draw(rows) for rows in (1, 2, 8, 9, 70)]) == 0


@pytest.mark.parametrize("name", OF_ROWS)
def test_one_trace_for_any_number_of_rows(name, width):
    query = OF_ROWS[name]
    model, X = model_and_rows(width)
    assert traces_of(lambda: query(model, X[:11], jax.random.key(0))) > 0
    again = lambda: [query(model, X[:rows], jax.random.key(rows)) for rows in (11, 1, 8, 70)]
    assert traces_of(again) == 0
    other, Y = model_and_rows(width, seed=1)
    assert traces_of(lambda: query(other, Y, jax.random.key(2))) == 0


def test_posterior_means_have_one_trace_for_any_number_of_rows(width):
    """The encoder's network is counted here; no decoder is run."""
    model, X = model_and_rows(width)
    network = CountingDecoder(Linear.draw((width,), (4,), key=jax.random.key(0)))
    model = eqx.tree_at(lambda model: model.encoder.network, model, network)
    assert traces_of(lambda: inference.posterior_means(model, X[:11])) > 0
    many = lambda: [inference.posterior_means(model, X[:rows]) for rows in (1, 8, 70)]
    assert traces_of(many) == 0


def test_a_diagnosis_has_one_trace_for_any_number_of_rows(width):
    """Annealed, searched, weighted and ranked, beside training rows of another number."""
    model, X = model_and_rows(width)
    ask = lambda m, rows, seed: queries.diagnose(m, X[:rows], jax.random.key(seed), X[: 3 * rows])
    assert traces_of(lambda: ask(model, 11, 0)) > 0
    assert traces_of(lambda: [ask(model, rows, rows) for rows in (1, 23)]) == 0
    other, _ = model_and_rows(width, seed=1)
    assert traces_of(lambda: ask(other, 7, 2)) == 0


def test_information_has_one_trace_for_any_number_of_rows(width):
    """The encoder's network is counted here; no decoder is run."""
    model, X = model_and_rows(width, rows=300)
    network = CountingDecoder(Linear.draw((width,), (4,), key=jax.random.key(0)))
    model = eqx.tree_at(lambda model: model.encoder.network, model, network)
    ask = lambda rows: queries.diagnosis.information(model, X[:rows], jax.random.key(rows))
    assert traces_of(lambda: ask(11)) > 0
    assert traces_of(lambda: [ask(rows) for rows in (1, 70, 300)]) == 0


def test_rows_in_batches_have_one_trace(width):
    calls = []

    def row_sum(context, x):
        calls.append(1)
        return context * jnp.sum(x)

    for rows in (1, 7, 8, 9, 40):
        X = np.arange(rows * width, dtype=np.float32).reshape(rows, width)
        found = map_rows(row_sum, jnp.float32(2), X, batch=8)
        np.testing.assert_allclose(found, 2 * X.sum(1), rtol=1e-6)
    assert len(calls) == 1
    np.testing.assert_allclose(map_rows(row_sum, jnp.float32(2), X, optimised=True), found)
    assert len(calls) == 2


def test_the_estimator_scores_any_number_of_rows_in_one_trace(width):
    X = model_and_rows(width)[1]
    decoder = CountingDecoder(Linear.draw((2,), (1, width), key=jax.random.key(0)))
    vae = jensen.VAE(
        2, likelihood="normal", hidden=(4,), decoder=decoder, max_epochs=2, draws=20, random_state=0
    )
    assert traces_of(lambda: vae.fit(X)) > 0
    assert traces_of(lambda: [vae.score_samples(X[:rows]) for rows in (1, 13, 70)]) == 0
    vae.sample(3)
    assert traces_of(lambda: [vae.sample(rows) for rows in (1, 40)]) == 0
    assert traces_of(lambda: vae.fit(X + 1)) == 1
