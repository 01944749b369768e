"""A fitted `VAE` as a generator: new rows, variations of rows, and rows without their noise."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from sklearn.utils.validation import check_is_fitted

from jensen import inference, queries
from jensen._batching import as_many, count, taken
from jensen._sampling import generator
from jensen._types import Data, Datum, PRNGKey, as_datum, condition_of
from jensen.data import Schema, TableSchema, unpaired, values_of
from jensen.errors import OptionError
from jensen.estimator.fitted import Fitted, Seed
from jensen.queries import ArrayFidelity, Closest, Denoised, Features, Fidelity

__all__ = ["Generator"]


class Generator(Fitted):
    """Rows of data that come out of the decoder."""

    def sample(
        self,
        n_samples: int = 1,
        source: Literal["prior", "posterior"] = "prior",
        *,
        condition: Any = None,
        mean: bool = False,
        random_state: Seed = None,
    ) -> Any:
        """New rows that obey the schema; others at each call unless a seed was given.

        Args:
            n_samples: how many.
            source: z from the prior; or the posterior becomes the new prior: z ~ q(z | x_i) for
                training rows x_i drawn at random from those kept.
            condition: of a model that was fitted with one, that of each new row, or one for all;
                without it, those of kept rows drawn at random. With source="posterior" the x_i
                are rows of that very condition.
            mean: E[x | z] in place of a draw from p(x | z).
            random_state: another seed than the model's, or a `RandomState`.

        Raises:
            OptionError: an unknown source, or no rows kept for "posterior", or none of a condition.
            DataError: a condition that is none.
        """
        check_is_fitted(self)
        key = self._key(5, random_state, afresh=True)
        queries.require_number(n_samples)
        given = None if condition is None else self._given(condition, n_samples)
        rows = self._drawn(key, n_samples, source, mean, given)
        return self._restored(rows, not mean, key)

    def _drawn(
        self,
        key: PRNGKey,
        n: int,
        source: str,
        mean: bool = False,
        given: np.ndarray | None = None,
    ) -> np.ndarray:
        """New rows, in the numbers that models see; `given` are the conditions of each."""
        if source not in ("prior", "posterior"):
            raise OptionError(f"source={source!r} is unknown: choose prior or posterior.")
        if self.condition_ is not None:
            return self._drawn_given(key, n, source, mean, given)
        latents = None
        if source == "posterior":
            kept = self._kept_rows('source="posterior"')
            latents = inference.aggregate_posterior(self.model_, kept)
        return queries.sample(self.model_, key, n, latents=latents, mean=mean)

    def _drawn_given(
        self, key: PRNGKey, n: int, source: str, mean: bool, given: np.ndarray | None
    ) -> np.ndarray:
        """The same of a conditional model; without `given` under conditions of kept rows."""
        if source == "prior" and given is not None:
            return queries.sample(self.model_, key, n, mean=mean, conditions=given)
        kept, rng = (
            self._kept_rows("sample without a condition, or from posteriors,"),
            generator(key),
        )
        if given is None:
            chosen = rng.integers(count(kept), size=n)
        else:
            chosen = np.array([_row_given(kept.condition, each, rng) for each in given])
        if source == "prior":
            conditions = kept.condition[chosen]
            return queries.sample(self.model_, key, n, mean=mean, conditions=conditions)
        return queries.vary(self.model_, taken(kept, chosen), key, 1, mean=mean)[:, 0]

    def vary(
        self,
        X: Any,
        n: int = 8,
        *,
        condition: Any = None,
        mean: bool = False,
        random_state: Seed = None,
    ) -> Any:
        """`n` variations of each row: z ~ q(z | x), then x' ~ p(x' | z); (rows, n, *event).

        Of a table they come as one table, the first row's before the second's. Others at each call
        unless a seed was given, here or as the model's `random_state`. `condition` is that of each
        row, of a model that was fitted with one.
        """
        checked = self.checked(X, condition)
        key = self._key(6, random_state, afresh=True)
        rows = queries.vary(self.model_, checked, key, n, mean=mean)
        flat = rows.reshape(-1, *self.schema_.shape)
        if not isinstance(self.schema_, Schema):
            return self._restored(flat, not mean, key)
        restored = self.schema_.restore(flat, exact=not mean, container="numpy")
        return np.asarray(restored).reshape(count(checked), n, *self.schema_.row_shape)

    def closest(self, X: Any) -> Closest:
        """The closest training row of each row, by Euclidean distance: remembered, or new?

        It is looked for among the training rows that are kept, `keep_rows` of them.

        Args:
            X: rows like those of `fit`: such as `sample` gives.

        Returns:
            `Closest`: those rows, in the data's form, how far they are, and the share of held-out
            rows that are as near to a training row.

        Raises:
            OptionError: a model of a table, whose rows `fidelity` compares; or no rows were kept.
            DataError: rows that do not fit the schema.
        """
        check_is_fitted(self)
        if not isinstance(self.schema_, Schema):
            raise OptionError("closest: is of numbers of one kind; of a table take fidelity.")
        rows = self.schema_.check(values_of(X))
        kept = _values(self._kept_rows("closest"))
        found = queries.closest(rows, kept, _values(self.held_out_))
        return replace(found, rows=self.schema_.restore(found.rows))

    def fidelity(
        self,
        X: Any,
        n: int | None = None,
        *,
        target: str | None = None,
        training: Any = None,
        source: Literal["prior", "posterior"] = "prior",
        features: Features | None = None,
        condition: Any = None,
        random_state: Seed = None,
    ) -> Fidelity | ArrayFidelity:
        """How good rows drawn from the model are, and whether they are copies.

        Args:
            X: rows that the model was not trained on.
            n: rows to draw; as many as X has, if not given.
            target: of a table, the column that boosting predicts; the last of categories, or else
                the last.
            training: the rows that the model was trained on; those kept, `keep_rows` of them, if
                they are not given.
            source: where z of the drawn rows comes from, as in `sample`.
            features: of arrays, what rows are seen through, (rows, *event) -> (rows, k), such as
                a layer of a classifier; principal components of the training rows by default.
            condition: of each row of X, of a model that was fitted with one; what is drawn is
                drawn given these. Of `training` it is not needed.
            random_state: another seed than the model's, or a `RandomState`.

        Returns:
            Of a table a `Fidelity`: shares of columns and pairs of them, boosting trained on
            synthetic rows, distances to the closest training row, and impossible rows. Of arrays
            an `ArrayFidelity`: Fréchet distance, precision and recall of samples, and distances.

        Raises:
            OptionError: an option that goes with another kind of model, a target that a table does
                not have, `n` below 1, an unknown source, no training rows kept, or too few rows.
            DataError: rows that do not fit the schema.
        """
        rows = self.checked(X, condition)
        table = isinstance(self.schema_, TableSchema)
        for name, value in (("features", features),) if table else (("target", target),):
            if value is not None:
                kinds = ("arrays", "a table") if table else ("tables", "numbers of one kind")
                raise OptionError(
                    f"{name}={value!r}: is of {kinds[0]}, and this model is of {kinds[1]}; leave it"
                    " out."
                )
        if training is None:
            known, fitted_to = self._kept_rows("fidelity"), self.training_rows_
        else:
            known, fitted_to = self.schema_.check(values_of(training)), None
        n = count(rows) if n is None else n
        queries.require_number(n)
        given = condition_of(rows)
        if given is not None:
            given = as_many(given, n)
        drawn = self._drawn(self._key(16, random_state), n, source, given=given)
        if table:
            return queries.fidelity(Datum(drawn), known, rows, self.schema_, target, fitted_to)
        # As they are given away: rounded and within their bounds.
        rounded = self.schema_.check(self.schema_.restore(drawn))
        return queries.array_fidelity(rounded, _values(known), _values(rows), features, fitted_to)

    def reconstruct(self, X: Any, method: str = "mean", *, condition: Any = None) -> Any:
        """E[x | z] at each row's posterior mean: what is left after encoding and decoding.

        With another `method` than "mean", E[x | z] is averaged over 200 draws of the row's
        posterior, as `posterior_draws` has them: "encoder", "resampled", "refined", "hmc", "exact".
        How good such draws are, `posterior_draws(X, method).warning()` tells. `condition` is that
        of each row, of a model that was fitted with one.
        """
        checked = self.checked(X, condition)
        rows = queries.reconstruct(self.model_, checked, self._key(10), method)
        return self._restored(rows, exact=False)

    def denoise(
        self, X: Any, noise: Any = None, method: str = "refined", *, condition: Any = None
    ) -> Denoised:
        """What rows were before a noise of known kind was added.

        Args:
            X: noisy rows; with Gaussian noise they need not lie in the schema's support.
            noise: "gaussian:SIGMA" or a number, which is σ in the data's units; "flip:RATE" of
                bits; "salt-and-pepper:RATE" of entries at the ends of the data's range. Without
                it, Gaussian noise of the σ by which these rows vary more than those kept.
            method: where draws of z given a noisy row come from: "refined", the best normal for
                the row, weighted; "encoder", which takes the row for clean; "resampled", those
                weighted; "hmc"; or "exact", for linear-Gaussian models under Gaussian noise.

        Returns:
            A `Denoised`: posterior mean, standard deviation, and effective draws.

        Raises:
            OptionError: an unknown noise or method, or one that these data or this model
                cannot have.
            DataError: rows that do not fit the schema, or not finite.
        """
        check_is_fitted(self)
        X, condition = unpaired(X, condition)
        schema = self.schema_
        if not isinstance(schema, Schema):
            raise OptionError(
                "denoise: knows noise of numbers of one kind, and this model is of a table; cells"
                " that are known to be wrong can be left empty and filled by impute."
            )
        # Noise takes whole numbers off their grid and out of their bounds, and of zeros and ones
        # with noise none may be taken for grey.
        real = replace(schema, kind="real", dtype="float64", binarised=None, binarised_from=None)
        if noise is None:
            kept = _values(self._kept_rows("denoise"))
            noise = queries.gaussian_noise_of(real.check(X), kept)
        kind = queries.parse_noise(noise, schema.low, schema.high, schema.discrete)
        if schema.kind not in kind.kinds:
            raise OptionError(
                f"noise={noise!r} is for {' or '.join(kind.kinds)} data, and these are"
                f" {schema.kind}: give gaussian:SIGMA or salt-and-pepper:RATE."
            )
        seen = real if kind.name == "gaussian" else schema
        noisy = seen.check(X)
        given = self._given(condition, len(noisy))
        rows = noisy if given is None else Datum(noisy, None, given)
        clean = queries.denoise(self.model_, rows, kind, self._key(7), method)
        return replace(
            clean,
            mean=self._restored(clean.mean, exact=False),
            std=self._restored(clean.std, exact=False),
        )


def _row_given(conditions: np.ndarray, given: np.ndarray, rng: np.random.Generator) -> int:
    """One of the rows that have this very condition, at random."""
    same = np.flatnonzero((conditions == given).all(axis=1))
    if not len(same):
        raise OptionError(
            'source="posterior": none of the rows kept has this condition; take source="prior".'
        )
    return int(rng.choice(same))


def _values(rows: Data) -> np.ndarray:
    """Rows without what is given with them."""
    return np.asarray(as_datum(rows).x)
