"""A fitted `VAE` as a transformer: from rows to latents, and back."""

from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from jensen import inference, queries
from jensen.estimator.arguments import checked_latents
from jensen.estimator.fitted import Fitted, Seed
from jensen.inference import PosteriorDraws

__all__ = ["Transformer"]


class Transformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Fitted):
    """z of rows: its posterior's mean or draws; and rows of z."""

    latent_dim: int

    def transform(self, X: Any) -> np.ndarray:
        """E_q[z | x] of each row, shape (rows, latent_dim)."""
        rows = self._checked(X)
        return inference.posterior_means(self.model_, rows)

    def inverse_transform(self, X: Any) -> Any:
        """E[x | z] of each row of latents, shape (rows, latent_dim), as rows of data."""
        check_is_fitted(self)
        Z = checked_latents(X, self.latent_dim)
        return self._restored(queries.decode(self.model_, Z), exact=False)

    def posterior_draws(
        self,
        X: Any,
        method: inference.Method = "encoder",
        draws: int = 1000,
        *,
        random_state: Seed = None,
    ) -> PosteriorDraws:
        """Draws of z given each row, as `PosteriorDraws`, with how far they can be relied on.

        Args:
            X: rows like those of `fit`.
            method: "encoder", draws of q(z | x); "resampled", those weighed and resampled;
                "refined", from the best normal for each row, weighed and resampled; "hmc", four
                chains of Hamiltonian Monte Carlo; or "exact", for linear-Gaussian models.
            draws: for each row; a multiple of 4 for "hmc".
            random_state: another seed than the model's, or a `RandomState`.

        Raises:
            OptionError: an impossible option, or "exact" where there is no closed form.
            DataError: rows that do not fit the schema.
        """
        rows = self._checked(X)
        key = self._key(9, random_state)
        return inference.posterior(self.model_, rows, key, method, draws)

    @property
    def _n_features_out(self) -> int:
        return int(self.latent_dim)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Latents are single-precision whatever the data were.
        tags.transformer_tags.preserves_dtype = []
        return tags
