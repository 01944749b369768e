"""A fitted `VAE` of a table: its missing cells filled, and rows given some of their cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from jensen import queries
from jensen._sampling import generator
from jensen.data import TableSchema
from jensen.errors import OptionError
from jensen.estimator.fitted import Fitted, Seed

__all__ = ["Imputed", "Imputing"]


@dataclass(frozen=True)
class Imputed:
    """A table without holes, in the form of the one that was given.

    Attributes:
        table: missing cells are the posterior mean, or the most frequent category.
        lower: tables whose cells are where the interval of each missing cell begins;
        upper: and ends. Of categories they have no order and mean nothing.
        draws: whole tables, drawn from the posterior of the missing cells given the others.
        mean: of the columns that the model sees, in their own units and not rounded to their
            type, shape (rows, columns); of categories that are no numbers the place of the most
            frequent among them.
        ess: of each row, effective draws.
        unreliable: whether a row's draws fall short by every method that was tried.
    """

    table: Any
    lower: Any
    upper: Any
    draws: list[Any]
    mean: np.ndarray
    ess: np.ndarray
    unreliable: np.ndarray
    caution: str | None

    def warning(self) -> str | None:
        """Which rows are not to be relied on, in words; `None` if all are."""
        return self.caution


class Imputing(Fitted):
    """What follows from some cells of a row."""

    def impute(
        self,
        X: Any,
        draws: int = 200,
        level: float = 0.9,
        *,
        keep: int = 5,
        random_state: Seed = None,
    ) -> Imputed:
        """Fill missing cells by p(missing | observed).

        Args:
            X: rows of a table like that of `fit`.
            draws: of z for each row.
            level: the share of a cell's posterior that its interval holds, or more.
            keep: draws of the whole table to give back (multiple imputation).
            random_state: another seed than the model's, or a `RandomState`.

        Raises:
            OptionError: a model that is not of a table, or an impossible option.
            DataError: rows that do not fit the schema.
        """
        schema, rows = self._table(), self._checked(X)
        key = self._key(13, random_state)
        found = queries.impute(self.model_, rows, key, draws, level, keep, schema.worth())
        rng = generator(key)
        again = lambda x: schema.restore(x, like=X, rng=rng)
        return Imputed(
            again(found.values),
            again(found.lower),
            again(found.upper),
            [again(found.draws[:, number]) for number in range(keep)],
            schema.in_units(found.mean),
            found.ess,
            found.unreliable,
            found.warning(),
        )

    def sample_given(
        self, cells: Mapping[str, Any], n: int = 1, *, random_state: Seed = None
    ) -> Any:
        """`n` rows drawn from p(x | some of its cells), with those cells as they were given.

        Raises:
            OptionError: a model that is not of a table, or an impossible `n`.
            DataError: a column or value that the table does not have.
        """
        schema = self._table()
        row = schema.row(cells)
        key = self._key(14, random_state, afresh=True)
        drawn = queries.sample_given(self.model_, row, key, n)
        return self._restored(drawn, True, key)

    def _table(self) -> TableSchema:
        check_is_fitted(self)
        if not isinstance(self.schema_, TableSchema):
            raise OptionError(
                "this model is of numbers of one kind, without missing cells; fit one of a table:"
                " VAE(kind='table')."
            )
        return self.schema_
