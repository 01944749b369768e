"""A fitted `VAE` as a density: evidence, scores, outliers, and whether the model is any good."""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from jensen import evidence, queries
from jensen._batching import count, taken
from jensen.data import TableSchema, unpaired
from jensen.errors import OptionError
from jensen.estimator.fitted import Fitted, Seed
from jensen.estimator.stored import in_pieces, require_in_memory
from jensen.evidence import Estimate
from jensen.queries import Check, Comparison, Diagnosis

if TYPE_CHECKING:
    from jensen.estimator.vae import VAE

__all__ = ["Density"]


# Methods whose settings are chosen on all rows.
_OF_ALL_ROWS = ("annealed", "certified")


class Density(OutlierMixin, Fitted):
    """log p(x) of rows, and what is built on it."""

    draws: int
    offset_: float

    def elbo(self, X: Any, draws: int = 100, *, condition: Any = None) -> Estimate:
        """The ELBO of each row with its two terms, averaged over `draws`; in nats."""
        return self.log_evidence(X, "elbo", draws, condition=condition)

    def log_evidence(
        self,
        X: Any,
        method: str = "importance",
        draws: int | None = None,
        *,
        condition: Any = None,
        random_state: Seed = None,
        **options: Any,
    ) -> Estimate:
        """log p(x) of each row, as an `Estimate`: value, error, kind, reliability; in nats.

        Args:
            X: rows like those of `fit`. Images that are not in memory are gone through in pieces,
                but for "annealed" and "certified", which are of rows taken together.
            method: "importance", sampling from the encoder; "prior", the naive mixture over the
                prior; "elbo"; "exact", the closed form of linear-Gaussian models; "annealed",
                annealed importance sampling; "certified", annealed until rows simulated from
                the model are known to a tolerance.
            draws: samples of z a row, for the first three; 1,000, or 100 for "elbo".
            condition: of a model that was fitted with one, that of each row, or one for all; the
                evidence is then log p(x | condition).
            random_state: another seed than the model's, or a `RandomState`.
            options: of "annealed": `temperatures` and the fields of `evidence.Annealing`
                (`chains`, `start`, `schedule`, `leapfrogs`, `resample`); of "certified":
                `tolerance`, `max_time`, `folder`, `tell` (see `evidence.certify`), and the
                same fields.

        Raises:
            OptionError: an unknown method, an option that it does not have, or "exact" where
                there is no closed form.
            DataError: rows that do not fit the schema.
        """
        key = self._key(3, random_state)
        if method in _OF_ALL_ROWS:
            require_in_memory(X, f"method={method!r}")

        def of(X: Any) -> Estimate:
            rows = self.checked(X, condition)
            return evidence.by_method(self.model_, rows, key, method, draws=draws, **options)

        return in_pieces(X, of, evidence.joined, condition)

    def probability_of_cells(self, X: Any, random_state: Seed = None) -> Estimate:
        """log P of those observed cells of a table whose terms are probabilities, by row.

        What `log_evidence` has beyond it is the log-density of the other cells given these.

        Raises `OptionError` for a model that is not of a table, or that models the mask, and
        `DataError` for rows that do not fit the schema.
        """
        rows = self.checked(X)
        if not isinstance(self.schema_, TableSchema) or self.model_.missingness is not None:
            raise OptionError(
                "probability_of_cells is of tables, and of models that do not count the mask in."
            )
        return evidence.probability_of_cells(
            self.model_, rows, self._key(15, random_state), self.draws
        )

    def score_samples(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """log p(x) of each row by importance sampling with `draws` draws: (rows,), in nats.

        −∞ where a row lies so far out that single precision holds no density for it. Images that
        are not in memory are gone through in pieces.
        """
        of = lambda X: self._importance(self.checked(X, condition), self.draws).values
        return in_pieces(X, of, condition=condition)

    def score(self, X: Any, y: Any = None, *, condition: Any = None) -> float:
        """The mean of `score_samples`, in nats a row."""
        return float(np.mean(self.score_samples(X, condition=condition)))

    def decision_function(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """`score_samples` less `offset_`: below zero is an outlier; shape (rows,)."""
        return self.score_samples(X, condition=condition) - self.offset_

    def predict(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """+1 for a row like the training rows, −1 for an outlier; shape (rows,)."""
        return np.where(self.decision_function(X, condition=condition) >= 0, 1, -1)

    def fit_predict(
        self, X: Any, y: Any = None, *, condition: Any = None, **options: Any
    ) -> np.ndarray:
        """`fit`, which takes the options, and `predict` of the same rows."""
        fitted: Any = self
        fitted.fit(X, y, condition=condition, **options)
        return self.predict(X, condition=condition)

    def tail_probability(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """How rare it is for a row to be as unlikely as each of these: (rows,), above 0 to 1.

        (1 + k)/(1 + n), of n rows of `reference_rows`, k no more likely (`queries.tails`). NaN of a
        row whose score is unknown. Scores are of observed cells: where a row has more holes than
        those rows, its tail is no measure of how rare its cells are.

        Raises:
            OptionError: a model that has kept no rows.
            DataError: rows that do not fit the schema.
        """
        return self.tails(self.score_samples(X, condition=condition))

    def tails(self, scores: np.ndarray) -> np.ndarray:
        """The same of log evidence that `score_samples` has given already, shape (rows,)."""
        known = self._importance(self.reference_rows(), self.draws).values
        return queries.tails(scores, known)

    def column_scores(
        self, X: Any, draws: int | None = None, *, random_state: Seed = None
    ) -> np.ndarray:
        """log p(cell | the other cells of its row) of a table, in nats: what makes rows unlikely.

        Args:
            X: rows of a table like that of `fit`.
            draws: samples of z for each cell and row; `draws` of the model, if not given.
            random_state: another seed than the model's, or a `RandomState`.

        Returns:
            Shape (rows, columns that the model sees, as `schema_.modelled` has them); NaN where a
            cell is missing.

        Raises:
            OptionError: a model that is not of a table.
            DataError: rows that do not fit the schema.
        """
        rows = self.checked(X)
        if not isinstance(self.schema_, TableSchema):
            raise OptionError("column_scores: is of tables, and this model of numbers of one kind.")
        key = self._key(17, random_state)
        asked = self.draws if draws is None else draws
        return queries.column_scores(self.model_, rows, key, asked)[0]

    def reference_rows(self, most: int | None = None) -> Any:
        """What others are held beside: rows kept of those held out, of training if none were.

        In the numbers that the model sees, in no order, and no more than `most` of them. Raises
        `OptionError` for a model that has kept none.
        """
        check_is_fitted(self)
        known = self.held_out_ if count(self.held_out_) else self._kept_rows("tail_probability")
        return taken(known, slice(most))

    def _importance(self, rows: np.ndarray, draws: int) -> Estimate:
        return evidence.importance(self.model_, rows, self._key(3), draws)

    def check(self, X: Any, training: Any = None, *, condition: Any = None) -> Check:
        """Evidence beside plain baselines, predictive checks with p-values, and a verdict.

        Args:
            X: rows that the model was not trained on.
            training: the rows that it was, to which the baselines are fitted; those kept,
                `keep_rows` of them, if they are not given. Of a conditional model, a
                `data.Conditioned`.
            condition: of each of the rows X, of a model that was fitted with one. Baselines know
                of none.
        """
        rows = self.checked(X, condition)
        known = self._kept_rows("check") if training is None else self.checked(training)
        return queries.check(self.model_, rows, known, self.schema_, self._key(8))

    def diagnose(
        self,
        X: Any,
        training: Any = None,
        *,
        condition: Any = None,
        random_state: Seed = None,
    ) -> Diagnosis:
        """Where evidence is lost, what the latents carry, and what would mend it.

        Args:
            X: rows that the model was not trained on.
            training: rows that it was; those kept, if they are not given and any were.
            condition: of each of the rows X, of a model that was fitted with one.
            random_state: another seed than the model's, or a `RandomState`.

        Raises:
            OptionError: a model of a table, or one whose prior heeds a condition.
            DataError: rows that do not fit the schema.
        """
        rows = self.checked(X, condition)
        if isinstance(self.schema_, TableSchema):
            raise OptionError(
                "diagnose: its gaps and residuals are of numbers of one kind, and this model is of"
                " a table; check and log_evidence take one."
            )
        known = self.rows_ if training is None else self.checked(training)
        key = self._key(11, random_state)
        return queries.diagnose(self.model_, rows, key, known if count(known) else None)

    def compare(
        self,
        other: "VAE",
        X: Any,
        method: str = "importance",
        draws: int | None = None,
        *,
        temperatures: int | None = None,
        condition: Any = None,
        random_state: Seed = None,
    ) -> Comparison:
        """The difference of log evidence, this model's less the other's, with a paired error.

        Args:
            other: a fitted `VAE` of the same columns.
            X: rows that neither was trained on.
            method: importance sampling from each encoder; annealed chains; or the closed form
                of linear-Gaussian models.
            draws: samples of z a row, of "importance"; 1,000 if not given.
            temperatures: steps of the chains, of "annealed"; 100 if not given.
            condition: of each row, which those of both models are given that were fitted with
                one: log p(x | condition) and log p(x) are in the same units.
            random_state: another seed than this model's, or a `RandomState`.

        Raises:
            OptionError: models whose evidence is not in the same units, or an impossible option.
            DataError: rows that do not fit both schemas.
        """
        check_is_fitted(self)
        check_is_fitted(other)
        schemas = (self.schema_, other.schema_)
        queries.require_same_units(self.model_, other.model_, schemas)
        X, condition = unpaired(X, condition)
        if self.condition_ is None and other.condition_ is None:
            self.checked(X, condition)
        rows, theirs = (
            each.checked(X, None if each.condition_ is None else condition)
            for each in (self, other)
        )
        return queries.compare(
            self.model_,
            other.model_,
            rows,
            self._key(12, random_state),
            method,
            draws=draws,
            temperatures=temperatures,
            schemas=schemas,
            X_of_b=None if self.condition_ == other.condition_ else theirs,
        )
