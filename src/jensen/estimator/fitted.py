"""What every answer of a fitted `VAE` needs: its rows checked, and a key of its own."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from jensen._batching import count
from jensen._sampling import fold, generator
from jensen._types import PRNGKey, as_datum
from jensen.data import ConditionSchema, Schema, unpaired
from jensen.errors import OptionError
from jensen.estimator.stored import require_in_memory
from jensen.model import Model

__all__ = ["Fitted", "Seed", "drawn_seed"]

_FIRST_PURPOSE = 2**31

Seed = int | np.integer | np.random.RandomState | None


class Fitted(BaseEstimator):
    """What fitting leaves behind, and what the questions asked of it share."""

    random_state: Any

    model_: Model
    schema_: Any
    rows_: Any
    held_out_: Any
    _seed: int

    condition_: ConditionSchema | None

    def checked(self, X: Any, condition: Any = None) -> Any:
        """Rows as `model_` sees them: an array, or a `Datum` with mask or condition.

        Raises `DataError` for rows that do not fit the schema, and `OptionError` for a condition
        that is missing, or that the model is not given.
        """
        check_is_fitted(self)
        X, condition = unpaired(X, condition)
        if condition is not None:
            require_in_memory(X, "condition")
        rows = self.schema_.check(X)
        given = self._given(condition, count(rows))
        return rows if given is None else replace(as_datum(rows), condition=given)

    def _given(self, condition: Any, rows: int) -> np.ndarray | None:
        """Conditions of so many rows as numbers; `None` of a model that is given none."""
        if self.condition_ is None:
            if condition is None:
                return None
            raise OptionError(
                "condition: this model was fitted without one; leave it out, or fit with"
                " fit(X, condition=...)."
            )
        if condition is None:
            raise OptionError(
                "condition: this model is of rows that something is given of;"
                f" {self.condition_.words}: condition=..."
            )
        return self.condition_.check(condition, rows)

    def _restored(self, rows: np.ndarray, exact: bool, key: PRNGKey | None = None) -> Any:
        """Rows in the form of the user's; `key` is for what stands for several values."""
        if isinstance(self.schema_, Schema):
            return self.schema_.restore(rows, exact=exact)
        return self.schema_.restore(rows, rng=None if key is None else generator(key))

    def _kept_rows(self, purpose: str) -> Any:
        if not count(self.rows_):
            raise OptionError(f"{purpose} needs training rows, and keep_rows=0 has kept none.")
        return self.rows_

    def _key(self, purpose: int, random_state: Seed = None, *, afresh: bool = False) -> PRNGKey:
        """A key for one purpose; `afresh`, another at each call where no seed was ever given."""
        if random_state is not None:
            seed = drawn_seed(random_state)
        elif afresh and not _is_seed(self.random_state):
            seed = drawn_seed(self.random_state)
        else:
            seed = self._seed
        # Training has the keys from 0 on; those asked for here lie far behind them.
        return fold(jax.random.key(seed), _FIRST_PURPOSE + purpose)


def _is_seed(random_state: Any) -> bool:
    return isinstance(random_state, (int, np.integer))


def drawn_seed(random_state: Any) -> int:
    """A whole number itself, or one drawn as scikit-learn draws: of a `RandomState`, or anew."""
    if _is_seed(random_state):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
