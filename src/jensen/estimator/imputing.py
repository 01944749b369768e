"""What follows from some entries of a row: missing ones filled, and rows given some cells."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from jensen import queries
from jensen._batching import count
from jensen._sampling import generator
from jensen._types import Datum, PRNGKey
from jensen.data import Schema, TableSchema, container_of, unpaired
from jensen.errors import DataError, OptionError
from jensen.estimator.fitted import Fitted, Seed

__all__ = ["Imputed", "Imputing"]


@dataclass(frozen=True)
class Imputed:
    """Rows without holes, in the form of those that were given.

    Attributes:
        table: missing entries are the posterior mean, or the most frequent category.
        lower: rows whose entries are where the interval of each missing one begins;
        upper: and ends. Of categories they have no order and mean nothing.
        draws: of all rows, drawn from the posterior of the missing entries given the others.
        mean: of a table's columns that the model sees, or of an array's entries, in their own
            units and not rounded to their type, shape (rows, *event); of categories that are no
            numbers the place of the most frequent among them.
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
    """What follows from some entries of a row."""

    def impute(
        self,
        X: Any,
        draws: int = 200,
        level: float = 0.9,
        *,
        missing: Any = None,
        condition: Any = None,
        keep: int = 5,
        random_state: Seed = None,
    ) -> Imputed:
        """Fill missing entries by p(missing | observed): cells of tables, pixels of images.

        Args:
            X: rows like those of `fit`.
            draws: of z for each row.
            level: the share of an entry's posterior that its interval holds, or more.
            missing: of arrays, true where an entry is missing, whatever stands there: for all
                rows, of the event's shape, or for each, (rows, *event). `None` takes those that
                are NaN. Tables know of their cells which are missing.
            condition: of each row, of a model that was fitted with one.
            keep: draws of all rows to give back (multiple imputation).
            random_state: another seed than the model's, or a `RandomState`.

        Raises:
            OptionError: an impossible option.
            DataError: rows that do not fit the schema, or no entry that is missing.
        """
        check_is_fitted(self)
        key = self._key(13, random_state)
        worth, schema = None, self.schema_
        X, condition = unpaired(X, condition)
        if isinstance(schema, Schema):
            rows = _with_holes(schema, X, missing)
            rows = replace(rows, condition=self._given(condition, count(rows)))
            in_units = lambda x: x.reshape(len(x), *schema.row_shape)
        elif missing is None:
            rows, worth, in_units = self.checked(X, condition), schema.worth(), schema.in_units
        else:
            raise OptionError("missing: is of arrays; empty the cells of a table instead.")
        found = queries.impute(self.model_, rows, key, draws, level, keep, worth)
        again = self._in_its_form(X, key)
        return Imputed(
            again(found.values, False),
            again(found.lower),
            again(found.upper),
            [again(found.draws[:, number]) for number in range(keep)],
            in_units(found.mean),
            found.ess,
            found.unreliable,
            found.warning(),
        )

    def _in_its_form(self, X: Any, key: PRNGKey) -> Callable[..., Any]:
        """What gives rows the form of X; with `exact` false they are means."""
        schema = self.schema_
        if isinstance(schema, Schema):
            return lambda x, exact=True: schema.restore(x, exact=exact)
        rng = generator(key)
        return lambda x, exact=True: schema.restore(x, like=X, rng=rng)

    def sample_given(
        self, cells: Mapping[str, Any], n: int = 1, *, random_state: Seed = None
    ) -> Any:
        """`n` rows drawn from p(x | some of its cells), with those cells as they were given.

        Warns of cells beyond what is known of their column, and of draws that are not to be relied
        on.

        Raises:
            OptionError: a model that is not of a table, or an impossible `n`.
            DataError: a column or value that the table does not have.
        """
        schema = self._table()
        row = schema.row(cells)
        key = self._key(14, random_state, afresh=True)
        drawn, warning = queries.sample_given(self.model_, row, key, n)
        for line in (*schema.far_cells(row, self.rows_), *([warning] if warning else [])):
            warnings.warn(line, stacklevel=2)
        return schema.restore(drawn, rng=generator(key), cells=cells)

    def _table(self) -> TableSchema:
        check_is_fitted(self)
        if not isinstance(self.schema_, TableSchema):
            raise OptionError(
                "this model is of numbers of one kind, without missing cells; fit one of a table:"
                " VAE(kind='table')."
            )
        return self.schema_


def _with_holes(schema: Schema, X: Any, missing: Any) -> Datum:
    """Rows of an array with their mask, (rows, *event); what is missing may be anything."""
    given = _numbers(X)
    if given.shape[1:] not in (schema.shape, (schema.width,)):
        schema.check(X)
    if missing is None:
        holes = np.isnan(given) if given.dtype.kind == "f" else np.zeros(given.shape, bool)
    else:
        holes = np.asarray(missing)
        if holes.dtype != bool:
            raise OptionError(f"missing: holds {holes.dtype} numbers; give truth values.")
    holes = _of_rows(holes, len(given), schema)
    if not holes.any():
        raise DataError("no entry is missing: say which are by missing=, or leave NaN there.")
    # Zero is in the support of every kind, and what stands there is never looked at; but grey
    # rows become zeros and ones by all of their values, of which those that there are stay.
    unknown = holes.reshape(given.shape)
    if schema.binarised is not None:
        unknown = unknown & ~np.isfinite(given)
    filled = np.where(unknown, 0, given).astype(given.dtype)
    return Datum(schema.check(filled, getattr(X, "columns", None)), ~holes)


def _numbers(X: Any) -> np.ndarray:
    """Rows as an array, missing cells of frames as NaN."""
    if container_of(X) == "pandas":
        found: np.ndarray = X.to_numpy(dtype=float, na_value=np.nan)
        return found
    return np.asarray(X)


def _of_rows(holes: np.ndarray, rows: int, schema: Schema) -> np.ndarray:
    """A mask of all rows alike, or of each, flat or not, as one of shape (rows, *event)."""
    each, flat = (rows, *schema.shape), (rows, schema.width)
    if holes.shape in (schema.shape, (schema.width,)):
        return np.broadcast_to(holes.reshape(schema.shape), each)
    if holes.shape in (each, flat):
        return holes.reshape(each)
    raise OptionError(
        f"missing: has shape {holes.shape}; give {schema.shape} for all rows, or {each} for each."
    )
