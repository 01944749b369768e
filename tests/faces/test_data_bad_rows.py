"""Rows that do not fit: each is refused with the place and the remedy."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted

from jensen.data import infer
from jensen.errors import DataError

GOOD = np.random.default_rng(3).normal(size=(20, 3))
NAMES = ("age", "height", "weight")


def _matrix(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.asmatrix(rows)


def spoiled(value, dtype=float):
    X = GOOD.astype(dtype)
    X[4, 1] = value
    return X


def frame(value):
    return pd.DataFrame(spoiled(value, object), columns=NAMES)


BAD = {
    "wrong-width": (GOOD[:, :2], "X has 2 features, but VAE is expecting 3 features as input"),
    "wrong-event": (np.zeros((2, 3, 3)), "X has 9 features, but VAE is expecting 3"),
    "nan": (spoiled(np.nan), r"Input X contains NaN, first at row 4 .*column 'height' \(index 1\)"),
    "inf": (spoiled(-np.inf), r"Input X contains infinity, first at row 4 .*'height'"),
    "float32-overflow": (spoiled(1e39), r"too large for dtype\('float32'\): 1e\+39 at row 4"),
    "text-cell": (spoiled("tall", object), r"row 4 .*column 1: 'tall' is text"),
    "number-as-text": (spoiled("1.5", object), "'1.5' is text, not a number; encode"),
    "text-array": (GOOD.astype(str), r"row 0 .*column 0: .* is text"),
    "list-with-text": ([[1.0, "a", 2.0]], r"row 0 .*column 1: 'a' is text"),
    "missing-object": (spoiled(None, object), "contains NaN, first at row 4"),
    "dict-cell": (spoiled({"a": 1}, object), "argument must be .* string.* number"),
    "huge-integer": (spoiled(10**400, object), "too large"),
    "complex": (GOOD + 0j, "Complex data not supported"),
    "dates": (np.full((2, 3), "2020-01-01", "datetime64[D]"), "holds dates"),
    "structured": (np.zeros((2, 3), dtype=[("a", "f4")]), "no plain number"),
    "sparse-array": (scipy.sparse.csr_array(GOOD), "Sparse data was passed"),
    "sparse-matrix": (scipy.sparse.coo_matrix(GOOD), "Sparse data was passed"),
    "matrix": (_matrix(GOOD), "np.matrix is not supported"),
    "masked": (np.ma.masked_less(GOOD, 0), "masked cells; fill them"),
    "no-rows": (GOOD[:0], r"Found array with 0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of"),
    "no-columns": (GOOD[:, :0], r"0 feature\(s\) \(shape=\(20, 0\)\) while a minimum of 1"),
    "empty-list": ([], "Expected 2D array, got 1D array instead"),
    "one-dimension": (GOOD[0], "Expected 2D array, got 1D array instead.*Reshape your data"),
    "scalar": (3.0, "Expected 2D array, got scalar array instead"),
    "series": (pd.Series([1.0, 2.0]), "got 1D array"),
    "string": ("digits.csv", "X is text"),
    "ragged": ([[1.0, 2.0, 3.0], [4.0]], "rows of equal length"),
    "frame-nan": (frame(np.nan), r"NaN, first at row 4 .*'height'"),
    "frame-text": (frame("tall"), r"row 4 .*column 'height' \(index 1\): 'tall' is text"),
    "frame-na": (frame(1).astype("Float64").replace(1, pd.NA), r"NaN, first at row 4 .*'height'"),
    "frame-no-rows": (frame(1)[:0], r"Found array with 0 sample\(s\)"),
    "frame-dates": (frame(1).assign(height=pd.Timestamp("2020-01-01")), "dates.*'height'"),
    "frame-complex": (frame(1).assign(height=1j), "Complex data not supported.*'height'"),
    "frame-category": (
        frame(1).assign(height=pd.Categorical(["a"] * 20)),
        r"column 'height' \(index 1\) is categorical",
    ),
    "frame-reordered": (frame(1)[["weight", "age", "height"]], "must be in the same order as"),
    "frame-renamed": (frame(1).rename(columns={"age": "years"}), "unseen at fit time:\n- years\n"),
    "frame-too-narrow": (frame(1)[["age"]], "yet now missing:\n- height\n- weight\n"),
    "frame-mixed-names": (frame(1).set_axis(["a", 1, 2], axis=1), "string names"),
    "frame-twice": (frame(1).set_axis(["a", "b", "a"], axis=1), "'a' occurs twice"),
    "polars-null": (
        pl.DataFrame({"age": [1.0, 2.0], "height": [3.0, None], "weight": [2.0, 2.0]}),
        r"NaN, first at row 1 .*'height'",
    ),
    "polars-text": (pl.DataFrame({"age": [1.0], "height": ["x"], "weight": [2.0]}), "'x' is text"),
    "polars-lazy": (pl.DataFrame({"age": [1.0]}).lazy(), r"pass X.collect\(\)"),
}  # fmt: skip


@pytest.mark.parametrize(("X", "message"), BAD.values(), ids=BAD)
def test_check_refuses(X, message):
    schema = infer(GOOD, names=NAMES)
    with pytest.raises(DataError, match=message) as caught:
        schema.check(X)
    assert isinstance(caught.value, ValueError)


FITS_ANYTHING = {
    "wrong-width", "wrong-event", "frame-reordered", "frame-renamed", "frame-too-narrow"
}  # fmt: skip


@pytest.mark.parametrize("case", [case for case in BAD if case not in FITS_ANYTHING])
def test_infer_refuses(case):
    with pytest.raises(DataError):
        infer(BAD[case][0])


@pytest.mark.parametrize("case", ["sparse-array", "dict-cell", "frame-mixed-names"])
def test_wrong_types_are_type_errors_too(case):
    with pytest.raises(TypeError):
        infer(BAD[case][0])


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("binary", 2, "2 is above 1; binary data hold 0 and 1"),
        ("binary", 0.5, "0.5 is not a whole number"),
        ("bounded", 17, "17 is above 16; bounded data hold whole numbers 0..16"),
        ("bounded", -1, "-1 is below 0"),
        ("count", -3, "-3 is below 0; counts"),
        ("count", 2.5, "2.5 is not a whole number"),
        ("count", 2**24 + 1, "16777217 is above 16777216"),
    ],
)
def test_values_outside_the_support(kind, value, message):
    X = np.ones((5, 2, 2))
    schema = infer(X, kind=kind, high=16 if kind == "bounded" else None)
    X[3, 1, 0] = value
    with pytest.raises(DataError, match=rf"row 3 \(counting from 0\), entry \(1, 0\): {message}"):
        schema.check(X)


def test_counts_above_those_seen_are_legal():
    assert infer(np.array([[3], [40]])).check([[400]]) == 400


def test_one_datum_is_pointed_to_its_row():
    with pytest.raises(DataError, match=r"one datum.*X\[None\]"):
        infer(np.ones((5, 2, 3))).check(np.ones((2, 3)))


def test_names_given_beside_an_array_are_compared():
    schema = infer(GOOD, names=NAMES)
    assert schema.check(GOOD, names=list(NAMES)).shape == (20, 3)
    with pytest.raises(DataError, match="same order"):
        schema.check(GOOD, names=NAMES[::-1])
    with pytest.raises(DataError, match="'a' occurs twice"):
        infer(GOOD, names=("a", "b", "a"))


class Checked(TransformerMixin, BaseEstimator):
    """The least estimator over a schema: what scikit-learn asks of data must hold for it."""

    def fit(self, X, y=None):
        self.schema_ = infer(X)
        self.n_features_in_ = self.schema_.width
        if self.schema_.names is not None:
            self.feature_names_in_ = np.array(self.schema_.names, dtype=object)
        return self

    def transform(self, X):
        check_is_fitted(self)
        return self.schema_.check(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


# the suite tells which checks it leaves out by a warning; errors stay errors
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_conformance():
    results = check_estimator(Checked(), on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}
