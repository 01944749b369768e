"""`Imputer` in pipelines."""

from copy import copy

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

import jensen
from jensen.errors import OptionError

# Trained a little, so that what falls back on chains, which compile for long, is the exception.
SMALL = {
    "latent_dim": 1, "hidden": (6,), "max_epochs": 60, "learning_rate": 0.02, "draws": 20,
    "random_state": 0,
}  # fmt: skip


def with_holes():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 3))
    x[::7, 1] = np.nan
    return x


def imputer(**options):
    return jensen.Imputer(jensen.VAE(**SMALL), draws=16, **options)


@pytest.fixture(scope="module")
def pipeline():
    x = with_holes()
    return make_pipeline(imputer(), LinearRegression()).fit(x, x[:, 0])


def test_a_pipeline_takes_rows_with_holes(pipeline):
    x = with_holes()
    assert np.isfinite(pipeline.predict(x)).all()
    assert list(pipeline[0].get_feature_names_out()) == ["x0", "x1", "x2"]
    assert pipeline[0].__sklearn_tags__().input_tags.allow_nan


def test_it_fills_as_the_model_does(pipeline):
    step, x = copy(pipeline[0]), with_holes()
    hole = np.isnan(x)
    found = step.vae_.impute(x, draws=16, keep=1)
    filled = step.transform(x)
    np.testing.assert_array_equal(filled, found.table)
    np.testing.assert_array_equal(filled[~hole], x[~hole])
    drawn = step.set_params(strategy="draw").transform(x)
    np.testing.assert_array_equal(drawn, found.draws[0])
    assert (drawn[hole] != filled[hole]).all()
    other = step.set_params(random_state=1).transform(x)
    assert (other[hole] != drawn[hole]).all()


def test_the_model_given_is_left_alone_and_cloned(pipeline):
    step = pipeline[0]
    assert not hasattr(step.vae, "model_")
    assert step.vae.kind is None
    assert clone(step).get_params()["vae__hidden"] == (6,)


def test_names_are_those_of_the_last_fit(monkeypatch):
    def fit(self, X):
        self.n_features_in_ = X.shape[1]
        if isinstance(X, pl.DataFrame):
            self.feature_names_in_ = np.array(X.columns, dtype=object)
        return self

    monkeypatch.setattr(jensen.VAE, "fit", fit)
    step = imputer().fit(pl.DataFrame({"a": [1.0], "b": [2.0]}))
    assert list(step.get_feature_names_out()) == ["a", "b"]
    assert list(step.fit(with_holes()).get_feature_names_out()) == ["x0", "x1", "x2"]


def test_columns_that_no_model_sees_go_through():
    x = np.column_stack([with_holes()[:, :2], np.full(50, 3.0)])
    step = imputer().fit(x)
    assert list(step.get_feature_names_out()) == ["x0", "x1", "x2"]
    filled = step.set_output(transform="pandas").transform(x)
    assert filled.shape == (50, 3)
    assert (filled["x2"] == 3).all()
    with pytest.raises(OptionError, match="strategy='median' is unknown"):
        step.set_params(strategy="median").transform(x)


def test_an_array_of_the_rows_of_a_frame_is_filled():
    pd = pytest.importorskip("pandas")
    x = with_holes()
    frame = pd.DataFrame({"kind": pd.Categorical(["a", "b"] * 25), "x": x[:, 0], "y": x[:, 1]})
    filled = imputer().fit(frame).transform(frame.to_numpy())
    assert filled.dtype == object
    assert filled.shape == (50, 3)
    assert not pd.isna(filled).any()


def test_a_model_of_another_kind_is_refused():
    with pytest.raises(OptionError, match="vae: kind='real' has no missing cells"):
        jensen.Imputer(jensen.VAE(kind="real")).fit(with_holes())


def test_an_unknown_strategy_is_refused():
    with pytest.raises(OptionError, match="strategy='median' is unknown: choose mean or draw"):
        imputer(strategy="median").fit(with_holes())
