"""The scikit-learn face: its conformance suite, and what it does on real data."""

from dataclasses import replace
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import jensen
from jensen.errors import DataError, OptionError
from jensen.estimator.arguments import require_parameters
from jensen.parts.networks import MLP

from ..statistics.budget import ERRORS, middle_errors

SMALL = {"latent_dim": 2, "hidden": (8,), "max_epochs": 3, "draws": 20, "random_state": 0}


def seed_of(key):
    return int(jax.random.randint(key, (), 0, 2**31 - 1))


@parametrize_with_checks([jensen.VAE(**SMALL)])
def test_conforms_to_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def iris():
    return load_iris(as_frame=True).data


@pytest.fixture(scope="module")
def fitted(iris):
    options = {"max_epochs": 200, "draws": 200, "learning_rate": 1e-2, "weight_decay": 0.0}
    return jensen.VAE(**(SMALL | options)).fit(iris)


def test_score_samples_are_in_the_units_of_gaussian_mixture(iris, fitted):
    plain = GaussianMixture(1, random_state=0).fit(iris)
    mine, theirs = fitted.score_samples(iris), plain.score_samples(iris)
    assert mine.shape == theirs.shape == (150,)
    # A log-Jacobian left out would be off by Σ log sd = −2.4 nats or more in every row.
    assert abs(mine.mean() - theirs.mean()) < 1.5
    assert fitted.score(iris) == pytest.approx(mine.mean())


def test_evidence_follows_the_units_of_the_data(iris, key):
    scale = np.array([1.0, 10.0, 100.0, 0.01])
    rows = iris.to_numpy()
    once = jensen.VAE(**SMALL).fit(rows)
    scaled = jensen.VAE(**SMALL).fit(rows * scale)

    def difference(key):
        # The same model but for rounding; the draws differ, since the rows do.
        mine = once.log_evidence(rows, random_state=seed_of(key))
        theirs = scaled.log_evidence(rows * scale, random_state=seed_of(key))
        errors = np.hypot(mine.standard_errors, theirs.standard_errors)
        return replace(mine, values=theirs.values - mine.values, standard_errors=errors)

    expected = np.full(len(rows), -np.log(scale).sum())
    assert np.abs(middle_errors(difference, key, expected)).max() < ERRORS


def test_predict_calls_the_share_of_contamination_outliers(iris, fitted):
    labels = fitted.predict(iris)
    assert set(labels) == {-1, 1}
    assert (labels == -1).sum() == round(0.05 * 150)
    np.testing.assert_allclose(
        fitted.decision_function(iris), fitted.score_samples(iris) - fitted.offset_
    )
    absurd = iris.iloc[:1] * 0 + 50.0
    assert fitted.predict(absurd)[0] == -1


@pytest.mark.parametrize("contamination", [0.01, 0.05, 0.5])
def test_the_offset_is_the_percentile_of_all_scores(iris, contamination):
    """Only rows of a low ELBO are scored for it, and these hold all that decide."""
    vae = jensen.VAE(**SMALL, contamination=contamination).fit(iris)
    exact = np.percentile(vae.score_samples(iris), 100 * contamination)
    assert vae.offset_ == pytest.approx(exact, abs=1e-6)


class InOrder:
    """Chooses rows as they come."""

    def permutation(self, count):
        return np.arange(count)


def test_noise_in_the_elbo_leaves_the_offset_of_a_small_contamination(iris, monkeypatch):
    vae = jensen.VAE(max_epochs=2, hidden=(8,), latent_dim=2, random_state=0, contamination=0.01)
    vae.fit(iris)
    scores = vae.score_samples(iris)
    rows = vae.schema_.check(iris)[np.argsort(scores)]
    # A draw or two may put the lowest row above a dozen others.
    bounds = SimpleNamespace(values=np.r_[12.5, np.arange(1, len(rows))])
    monkeypatch.setattr("jensen.evidence.elbo", lambda *given: bounds)
    monkeypatch.setattr(np.random, "default_rng", lambda seed: InOrder())
    vae._set_offset(rows)
    assert vae.offset_ == pytest.approx(np.percentile(scores, 1), abs=1e-6)


def test_works_in_pipeline_grid_search_and_clone(iris):
    pipeline = make_pipeline(StandardScaler(), jensen.VAE(**SMALL))
    assert pipeline.fit(iris).transform(iris).shape == (150, 2)
    search = GridSearchCV(jensen.VAE(**SMALL), {"latent_dim": [1, 2]}, cv=2).fit(iris)
    assert search.best_params_["latent_dim"] in (1, 2)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert clone(search.best_estimator_).get_params() == search.best_estimator_.get_params()


def test_set_output_gives_frames(iris, fitted):
    frame = (
        clone(fitted).set_params(max_epochs=2).set_output(transform="pandas").fit_transform(iris)
    )
    assert list(frame.columns) == ["vae0", "vae1"]
    assert list(fitted.get_feature_names_out()) == ["vae0", "vae1"]


def test_frames_come_back_as_frames(iris, fitted):
    samples = fitted.sample(5)
    assert isinstance(samples, pd.DataFrame)
    assert list(samples.columns) == list(iris.columns)
    assert isinstance(fitted.reconstruct(iris[:3]), pd.DataFrame)
    polars = jensen.VAE(**SMALL).fit(pl.from_pandas(iris))
    assert isinstance(polars.sample(2, source="posterior"), pl.DataFrame)


def test_the_same_seed_gives_the_same_numbers(iris):
    first, second = (jensen.VAE(**SMALL).fit(iris) for _ in range(2))
    np.testing.assert_array_equal(first.score_samples(iris), second.score_samples(iris))
    np.testing.assert_array_equal(first.sample(9), second.sample(9))
    other = jensen.VAE(**(SMALL | {"random_state": 1})).fit(iris)
    assert not np.array_equal(first.sample(9), other.sample(9))
    assert not np.array_equal(first.sample(9), first.sample(9, random_state=5))


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)], ids=["none", "state"])
def test_without_a_seed_samples_are_fresh_and_answers_are_not(iris, random_state, tmp_path):
    vae = jensen.VAE(**(SMALL | {"random_state": random_state})).fit(iris)
    loaded = jensen.load(vae.save(tmp_path / "model"))
    for draw in (
        lambda model, **seed: np.asarray(model.sample(9, **seed)),
        lambda model, **seed: np.asarray(model.sample(9, "posterior", **seed)),
        lambda model, **seed: model.vary(iris[:3], 3, **seed),
    ):
        for model in (vae, loaded):
            assert not np.array_equal(draw(model), draw(model))
            np.testing.assert_array_equal(
                draw(model, random_state=5), draw(model, random_state=np.int64(5))
            )
        first, second = (np.random.RandomState(1) for _ in range(2))
        mine = draw(vae, random_state=first)
        np.testing.assert_array_equal(mine, draw(loaded, random_state=second))
        assert not np.array_equal(mine, draw(vae, random_state=first))
    for answer in (vae.transform, vae.score_samples, vae.predict):
        np.testing.assert_array_equal(answer(iris), answer(iris))
    np.testing.assert_array_equal(vae.score_samples(iris), loaded.score_samples(iris))
    one, other = (
        vae.log_evidence(iris, draws=20, random_state=np.random.RandomState(1)) for _ in range(2)
    )
    np.testing.assert_array_equal(one.values, other.values)


def test_samples_obey_the_schema(digits):
    vae = jensen.VAE(**SMALL).fit(digits.astype(np.uint8)[:200])
    for source in ("prior", "posterior"):
        samples = vae.sample(50, source=source)
        assert samples.dtype == np.uint8
        assert samples.shape == (50, 64)
        assert samples.max() <= 16
    means = vae.sample(50, mean=True)
    assert means.dtype == np.float64
    assert (means >= 0).all()
    assert (means <= 16).all()
    varied = vae.vary(digits[:3].astype(np.uint8), 4)
    assert varied.shape == (3, 4, 64)
    assert varied.dtype == np.uint8


def test_samples_come_in_the_shape_and_type_told(digits, tmp_path):
    vae = jensen.VAE(**SMALL, shape=[8, 8], dtype="uint8")
    assert clone(vae).get_params() == vae.get_params()
    vae.fit(digits[:200])
    loaded = jensen.load(vae.save(tmp_path / "model"))
    assert (loaded.shape, loaded.dtype) == ((8, 8), "uint8")
    for each in (vae, loaded, clone(loaded).fit(digits[:200])):
        samples, varied = each.sample(5), each.vary(digits[:3], 4)
        assert (samples.shape, samples.dtype) == ((5, 8, 8), np.uint8)
        assert (varied.shape, varied.dtype) == ((3, 4, 8, 8), np.uint8)
        assert each.reconstruct(digits[:3]).shape == (3, 8, 8)
    assert jensen.VAE(**SMALL, dtype="float32").fit(digits[:200]).reconstruct(
        digits[:3]
    ).dtype == np.dtype("float32")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("binary", "bernoulli"), ("count", "negative-binomial"), ("real", "normal")],
)
def test_the_likelihood_follows_the_kind(kind, expected):
    rng = np.random.default_rng(0)
    rows = {
        "binary": rng.integers(0, 2, (60, 4)),
        "count": rng.poisson([1, 5, 20, 300], (60, 4)),
        "real": rng.normal(size=(60, 4)),
    }[kind]
    vae = jensen.VAE(**SMALL).fit(rows)
    assert (vae.schema_.kind, vae.likelihood_) == (kind, expected)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"likelihood": "gaussian"}, "likelihood='gaussian' is unknown.*beta-binomial"),
        ({"likelihood": "bernoulli"}, "binary data, but these are real"),
        ({"likelihood": "normal-fixed"}, "normal-fixed:0.5"),
        ({"likelihood": "normal:3"}, "takes no value"),
        ({"prior": "flat"}, "prior='flat' is unknown.*mixture, normal, vamp"),
        ({"prior": "normal:3"}, "prior='normal:3': normal takes no number"),
        ({"prior": "mixture:some"}, "prior='mixture:some'.*must be a number"),
        ({"prior": "vamp:2000"}, "prior='vamp:2000': give 1 to 1,000 components"),
        ({"posterior": "none"}, "posterior='none' is unknown.*diagonal, flow, full"),
        ({"objective": "elbow"}, "objective='elbow' is unknown.*beta, elbo, iwae"),
        ({"objective": "iwae:2.5"}, "whole"),
        ({"objective": "elbo:3"}, None),
        ({"activation": "step"}, "activation='step' is unknown"),
        ({"latent_dim": 0}, "latent_dim=0: must be 'auto' or a whole number"),
        ({"latent_dim": "some"}, "latent_dim='some'"),
        ({"hidden": (0,)}, "hidden"),
        ({"hidden": "some"}, "hidden='some'"),
        ({"network": "cnn"}, "network='cnn' is unknown.*conv, mlp, resnet"),
        ({"network": "conv"}, r"network='conv'.*\(4,\).*shape=\(28, 28\)"),
        ({"network": "conv", "shape": (2, 2), "hidden": ()}, "at least one layer"),
        ({"shape": (3, 3)}, r"shape=\(3, 3\) does not hold 4 columns; its product must be 4"),
        ({"dtype": "uint8"}, "dtype='uint8' holds whole numbers only"),
        ({"max_epochs": 0}, "max_epochs=0"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0"),
        ({"learning_rate": np.inf}, "learning_rate=inf: must be a number above 0, and at most 1"),
        ({"weight_decay": np.inf}, "weight_decay=inf: must be a finite number"),
        ({"clip": np.nan}, "clip=nan"),
        ({"validation_fraction": 1.0}, "validation_fraction=1.0"),
        ({"validation_fraction": 0.999}, "validation_fraction=0.999 leaves 1 of 150 rows"),
        ({"contamination": 0.0}, "contamination=0.0"),
    ],
)
def test_options_are_checked_by_name(iris, options, named):
    vae = jensen.VAE(**(SMALL | options))
    if named is None:
        vae.fit(iris)
        return
    with pytest.raises(OptionError, match=named):
        vae.fit(iris)


@pytest.mark.parametrize(
    "options",
    [
        {"missing": "foo"},
        {"kind": "foo"},
        {"binarise": "foo"},
        {"prior": "mixture:0"},
        {"prior": "normal:3"},
        {"posterior": 5},
        {"posterior": "full:3"},
        {"network": ["mlp"]},
        {"activation": ["relu"]},
        {"objective": 5},
        {"objective": None},
    ],
)
def test_what_is_impossible_of_all_rows_is_refused_before_they_are_known(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        require_parameters(jensen.VAE(**options))


def test_what_is_not_asked_for_may_be_anything():
    require_parameters(jensen.VAE(encoder=print, decoder=print, activation=None))
    require_parameters(jensen.VAE(kind="table", prior="conditional", likelihood="normal-fixed:2"))


@pytest.mark.parametrize("kind", ["bounded", "real"])
def test_a_bernoulli_of_grey_values_is_refused_with_the_reason(kind):
    grey = np.random.default_rng(0).integers(0, 256, (20, 4)) / (1 if kind == "bounded" else 255)
    reason = rf"these are {kind} .* for 0 and 1 only.*no log-probability.*Choose one of .*normal"
    with pytest.raises(OptionError, match=reason):
        jensen.VAE(likelihood="bernoulli", kind=kind, **SMALL).fit(grey)


def test_later_rows_that_do_not_fit_are_named(iris, fitted):
    with pytest.raises(DataError, match="expecting 4 features"):
        fitted.transform(iris.to_numpy()[:, :3])
    hole = iris.copy()
    hole.iloc[3, 2] = np.nan
    with pytest.raises(DataError, match=r"row 3.*petal length"):
        fitted.log_evidence(hole)


def test_denoising_finds_out_how_much_noise_there_is(key):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 1)) * np.array([3.0, -2.0, 2.5, 1.5]) + rng.normal(size=(300, 4))
    vae = jensen.VAE(**(SMALL | {"max_epochs": 40, "learning_rate": 1e-2})).fit(rows[:200])
    clean = rows[240:]
    noisy = clean + 2.0 * rng.normal(size=clean.shape)
    kept = vae.rows_.astype(np.float64)
    sigma = np.sqrt(np.mean((noisy - kept.mean(0)) ** 2) - np.mean((kept - kept.mean(0)) ** 2))
    assert sigma == pytest.approx(2.0, abs=0.4)
    found, told = vae.denoise(noisy), vae.denoise(noisy, noise=float(sigma))
    np.testing.assert_allclose(found.mean, told.mean, atol=1e-3)
    np.testing.assert_allclose(found.std, told.std, atol=1e-3)
    assert np.mean((found.mean - clean) ** 2) < 0.6 * np.mean((noisy - clean) ** 2)


def test_tails_are_shares_of_rows_that_were_held_out(iris, fitted, tmp_path):
    rows, held_out = (np.asarray(each) for each in (fitted.rows_, fitted.held_out_))
    assert len(held_out) == fitted.validation_rows_
    assert len(rows) == fitted.training_rows_
    # Some irises are equal.
    parts = [set(map(tuple, each.tolist())) for each in (rows, held_out)]
    assert len(parts[0] & parts[1]) < 5
    far = iris.iloc[:2] * 1.5
    beside = 1 / (1 + len(held_out))
    np.testing.assert_allclose(fitted.tail_probability(far), beside)
    known = np.sort(fitted.score_samples(pd.DataFrame(held_out, columns=iris.columns)))
    found = fitted.tail_probability(iris)
    expected = (1 + np.searchsorted(known, fitted.score_samples(iris), "right")) * beside
    # The same row's estimates depend on the rows that are equal to it.
    assert np.mean(np.abs(found - expected) > 1e-6) < 0.1
    loaded = jensen.load(fitted.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.tail_probability(iris), found)
    none_held = jensen.VAE(**(SMALL | {"validation_fraction": 0.0})).fit(iris)
    np.testing.assert_allclose(none_held.tail_probability(far), 1 / (1 + len(iris)))


def test_a_number_of_any_type_is_the_noise_that_it_says(iris, fitted):
    told = fitted.denoise(iris[:4], noise="gaussian:1")
    for number in (1, 1.0, np.float32(1), np.float64(1), np.int64(1)):
        np.testing.assert_array_equal(fitted.denoise(iris[:4], noise=number).mean, told.mean)
    for other in (True, "1"):
        with pytest.raises(OptionError, match="is unknown: give gaussian:SIGMA"):
            fitted.denoise(iris[:4], noise=other)


def test_noise_that_is_not_there_is_not_found(iris, fitted):
    middle = iris.sub(iris.mean()).mul(0.5).add(iris.mean())
    with pytest.raises(OptionError, match=r"noise cannot be estimated.*gaussian:SIGMA"):
        fitted.denoise(middle)
    none_kept = jensen.VAE(**(SMALL | {"keep_rows": 0})).fit(iris)
    for question in (none_kept.denoise, none_kept.tail_probability):
        with pytest.raises(OptionError, match="keep_rows=0"):
            question(iris)


def test_salt_and_pepper_on_whole_numbers_may_leave_what_lies_at_the_ends():
    """A likelihood of real numbers does not make whole numbers unlikely to be 0 or 1."""
    rows = np.random.default_rng(0).integers(0, 2, (200, 4)).astype(np.uint8)
    vae = jensen.VAE(**SMALL, likelihood="normal").fit(rows)
    found = vae.denoise(rows[:20], noise="salt-and-pepper:0.1")
    # Of an entry that was surely replaced, no more would be known than its column's mean, ½ off.
    assert np.abs(found.mean - rows[:20]).max() < 0.25


def test_networks_and_priors_of_the_wrong_shape_are_refused(iris):
    three = dist.Normal(np.zeros(3, np.float32), 1.0).to_event(1)
    one = dist.Normal(np.zeros(1, np.float32), 1.0).to_event(1)
    loose = dist.Normal(np.zeros(2, np.float32), 1.0)
    held = dist.Gamma(np.ones(2, np.float32), 1.0).to_event(1)
    for options, named in [
        ({"decoder": lambda z: jnp.zeros((1, 3))}, r"decoder: .* shape \(1, 3\) .* \(1, 4\)"),
        ({"decoder": lambda z: jnp.zeros(4)}, r"decoder: .* shape \(4,\) .* \(1, 4\)"),
        ({"encoder": lambda x: x[:3]}, r"encoder: .* shape \(3,\) from \(4,\), .* \(4,\)"),
        ({"encoder": lambda x: x[None]}, r"encoder: .* shape \(1, 4\) from \(4,\), .* \(4,\)"),
        (
            {"encoder": lambda x: x, "posterior": "full"},
            r"encoder: .* shape \(4,\) .*posterior='full' takes \(5,\)",
        ),
        ({"prior": three}, r"prior: .* shape \(3,\), .* \(2,\)"),
        ({"prior": one}, r"prior: .* shape \(1,\), .* \(2,\)"),
        ({"prior": loose}, r"prior: .*to_event"),
        ({"prior": held}, r"prior: .*encoder's z may lie anywhere"),
        ({"prior": 3.0}, "prior=3.0"),
    ]:
        with pytest.raises(OptionError, match=named):
            jensen.VAE(**SMALL, **options).fit(iris)


@pytest.mark.parametrize(("posterior", "size"), [("diagonal", 4), ("full", 5)])
def test_an_encoder_of_the_right_shape_is_taken(iris, posterior, size):
    network = MLP((4,), (size,), hidden=(3,), key=jax.random.key(0))
    vae = jensen.VAE(**SMALL, encoder=network, posterior=posterior).fit(iris)
    assert vae.transform(iris).shape == (150, 2)


def test_unknown_methods_and_sources_are_named(iris, fitted):
    with pytest.raises(OptionError, match="importance, prior, elbo, exact"):
        fitted.log_evidence(iris, method="magic")
    with pytest.raises(OptionError, match=r"hidden=\(\)"):
        fitted.log_evidence(iris, method="exact")
    with pytest.raises(OptionError, match="prior or posterior"):
        fitted.sample(3, source="nowhere")
    with pytest.raises(OptionError, match="gaussian:SIGMA"):
        fitted.denoise(iris, noise="fog:1")
    with pytest.raises(OptionError, match="real"):
        fitted.denoise(iris, noise="flip:0.1")


def test_linear_vae_reaches_the_exact_evidence_of_ppca(key):
    """A linear decoder with one normal variance is probabilistic PCA; training must find it."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 6)) + rng.normal(size=(400, 6)) * 0.5
    vae = jensen.VAE(
        latent_dim=2, hidden=(), likelihood="normal-shared", posterior="full", weight_decay=0.0,
        learning_rate=1e-2, max_epochs=300, validation_fraction=0.0, random_state=0,
    ).fit(rows)  # fmt: skip
    from sklearn.decomposition import PCA

    best = PCA(2).fit(rows).score(rows)
    exact = vae.log_evidence(rows, method="exact")
    assert exact.kind == "exact"
    # The maximum of the likelihood is known in closed form; 0.02 nats is what is left of Adam.
    assert best - 0.02 < exact.value <= best + 1e-6

    def importance(key):
        found = vae.log_evidence(rows, random_state=seed_of(key))
        # No error of the draws, but what single precision leaves of numbers near 10.
        return replace(found, standard_errors=np.maximum(found.standard_errors, 1e-4))

    assert np.abs(middle_errors(importance, key, exact.values)).max() < ERRORS
    assert abs(vae.elbo(rows).value - exact.value) < 0.05
