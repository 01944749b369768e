"""`Imputer`: missing cells filled by a `VAE`, as a step of a scikit-learn pipeline."""

import warnings
from typing import Any, Self

from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from jensen.errors import OptionError
from jensen.estimator.fitted import Seed
from jensen.estimator.vae import VAE

__all__ = ["Imputer"]

_STRATEGIES = ("mean", "draw")


class Imputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fill missing cells by p(missing | observed), where scikit-learn has a `SimpleImputer`.

    Args:
        vae: what is fitted, a copy of it, with `kind="table"`; `VAE()` by default.
        strategy: "mean" fills in the posterior mean of numbers and the most frequent category;
            "draw" a draw from the posterior, whose spread is that of the data. For multiple
            imputation take several `random_state`s.
        draws: of z for each row.
        random_state: another seed than the model's, for fitting and filling.

    Attributes:
        vae_: the fitted model; its `impute` gives intervals and several draws.

    Example:
        >>> import numpy as np
        >>> from sklearn.linear_model import LinearRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> import jensen
        >>> X = np.random.default_rng(0).normal(size=(60, 1)) * [1.0, 2.0]
        >>> X[::5, 1] = np.nan
        >>> small = jensen.VAE(1, hidden=(8,), kind="table", max_epochs=2, random_state=0)
        >>> model = make_pipeline(jensen.Imputer(small), LinearRegression()).fit(X, X[:, 0])
        >>> model.predict(X).shape
        (60,)
    """

    def __init__(
        self,
        vae: VAE | None = None,
        *,
        strategy: str = "mean",
        draws: int = 200,
        random_state: Seed = None,
    ):
        self.vae = vae
        self.strategy = strategy
        self.draws = draws
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the model to rows with or without missing cells; `y` is ignored.

        Raises:
            OptionError: an unknown strategy, a model of another kind than "table", or an option
                of the model's that is impossible.
            DataError: data that cannot be used; row and column are named.
            TrainingError: training that failed three times.
        """
        self._require_strategy()
        vae = VAE() if self.vae is None else clone(self.vae)
        # Rows without holes are to be a table too: those that come later may have some.
        if vae.kind is None:
            vae.set_params(kind="table")
        if vae.kind != "table":
            raise OptionError(f"vae: kind={vae.kind!r} has no missing cells; take kind='table'.")
        if self.random_state is not None:
            vae.set_params(random_state=self.random_state)
        self.vae_ = vae.fit(X)
        self.n_features_in_ = vae.n_features_in_
        if hasattr(vae, "feature_names_in_"):
            self.feature_names_in_ = vae.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def transform(self, X: Any) -> Any:
        """The rows with their missing cells filled, in the form of `X`.

        What was observed stays as it was, and so do columns that no model sees: identifiers, and
        those without any value in `fit`.

        Warns of rows whose filling is not to be relied on. Raises `DataError` for rows that do
        not fit the schema, and `OptionError` for a number of draws that is impossible.
        """
        check_is_fitted(self)
        self._require_strategy()
        found = self.vae_.impute(X, self.draws, keep=1, random_state=self.random_state)
        if caution := found.warning():
            warnings.warn(caution, stacklevel=2)
        return found.table if self.strategy == "mean" else found.draws[0]

    def _require_strategy(self) -> None:
        if self.strategy not in _STRATEGIES:
            raise OptionError(
                f"strategy={self.strategy!r} is unknown: choose {' or '.join(_STRATEGIES)}."
            )

    def __sklearn_tags__(self) -> Tags:
        tags: Tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
