"""A fitted `VAE` as a transformer: from rows to latents, and back."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from jensen import inference, queries
from jensen._batching import count
from jensen.data import Conditioned, Schema, unpaired
from jensen.errors import DataError, OptionError
from jensen.estimator.arguments import checked_latents
from jensen.estimator.fitted import Fitted, Seed
from jensen.estimator.stored import in_pieces
from jensen.inference import PosteriorDraws
from jensen.queries import Traversals

__all__ = ["Transformer"]


class Transformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Fitted):
    """z of rows: its posterior's mean or draws; and rows of z."""

    latent_dim_: int

    def transform(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """E_q[z | x] of each row, (rows, latent_dim_); images not in memory piece by piece."""
        of = lambda X: inference.posterior_means(self.model_, self.checked(X, condition))
        return in_pieces(X, of, condition=condition)

    def fit_transform(
        self, X: Any, y: Any = None, *, condition: Any = None, **options: Any
    ) -> np.ndarray:
        """`fit`, which takes the options, and `transform` of the same rows."""
        fitted: Any = self
        fitted.fit(X, y, condition=condition, **options)
        return self.transform(X, condition=condition)

    def inverse_transform(self, X: Any, *, condition: Any = None) -> Any:
        """E[x | z] of each row of latents, shape (rows, latent_dim_), as rows of data."""
        check_is_fitted(self)
        Z = checked_latents(X, self.latent_dim_)
        given = self._given(condition, len(Z))
        return self._restored(queries.decode(self.model_, Z, given), exact=False)

    def posterior_draws(
        self,
        X: Any,
        method: inference.Method = "encoder",
        draws: int = 1000,
        *,
        condition: Any = None,
        random_state: Seed = None,
    ) -> PosteriorDraws:
        """Draws of z given each row, as `PosteriorDraws`, with how far they can be relied on.

        Args:
            X: rows like those of `fit`.
            method: "encoder", draws of q(z | x); "resampled", those weighed and resampled;
                "refined", from the best normal for each row, weighed and resampled; "hmc", four
                chains of Hamiltonian Monte Carlo; or "exact", for linear-Gaussian models.
            draws: for each row; a multiple of 4 for "hmc".
            condition: of each row, of a model that was fitted with one.
            random_state: another seed than the model's, or a `RandomState`.

        Raises:
            OptionError: an impossible option, or "exact" where there is no closed form.
            DataError: rows that do not fit the schema.
        """
        rows = self.checked(X, condition)
        key = self._key(9, random_state)
        return inference.posterior(self.model_, rows, key, method, draws)

    def interpolate(
        self,
        X: Any,
        Y: Any,
        steps: int = 10,
        *,
        condition: Any = None,
        condition_of_Y: Any = None,
    ) -> np.ndarray:
        """What lies between rows: E[x | z] on the way from one's posterior mean to the other's.

        Args:
            X: rows like those of `fit`, where the ways begin.
            Y: as many, where they end.
            steps: of each way, both ends counted in.
            condition: of each row of X, of a model that was fitted with one.
            condition_of_Y: of each row of Y; that of X, if not given.

        Returns:
            shape (rows, steps, *event), in the data's units.

        Raises:
            OptionError: a model of a table, whose categories have no means; fewer than two steps,
                or rows that are not as many.
            DataError: rows that do not fit the schema.
        """
        self._require_array("interpolate")
        if condition_of_Y is None and not isinstance(Y, Conditioned):
            condition_of_Y = unpaired(X, condition)[1]
        starts, ends = self.checked(X, condition), self.checked(Y, condition_of_Y)
        found = queries.interpolate(self.model_, starts, ends, steps)
        return self._means(found)

    def traverse(self, X: Any = None, steps: int = 10, *, condition: Any = None) -> Traversals:
        """What each active latent does: E[x | z] as it goes through its values, alone.

        Args:
            X: one row, which the other latents stay at; without it at the training rows' mean.
            steps: values of each latent, over those that 98 in 100 of the training rows have.
            condition: of that row, of a model that was fitted with one; without a row it is the
                one that is commonest among the training rows.

        Raises:
            OptionError: a model of a table, whose categories have no means; fewer than two steps,
                no training rows kept, or no latent is active.
            DataError: a row that does not fit the schema, or several.
        """
        self._require_array("traverse")
        row = None if X is None else self.checked(X, condition)
        if row is not None and count(row) != 1:
            raise DataError(f"traverse: takes one row, and got {count(row)}; give X[:1].")
        found = queries.traverse(self.model_, self._kept_rows("traverse"), row, steps)
        return replace(found, rows=self._means(found.rows))

    def _require_array(self, what: str) -> None:
        check_is_fitted(self)
        if not isinstance(self.schema_, Schema):
            raise OptionError(f"{what}: is of numbers of one kind, and this model is of a table.")

    def _means(self, rows: np.ndarray) -> np.ndarray:
        """Means of rows of data, (several, steps, *event), in the data's units."""
        flat = rows.reshape(-1, *self.schema_.shape)
        found = self.schema_.restore(flat, exact=False, container="numpy")
        return np.asarray(found).reshape(*rows.shape[:2], *self.schema_.row_shape)

    @property
    def _n_features_out(self) -> int:
        return int(self.latent_dim_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Latents are single-precision whatever the data were.
        tags.transformer_tags.preserves_dtype = []
        return tags
