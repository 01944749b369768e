"""Of images that are not in memory: rows to look at, to learn from, and to answer in pieces."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from jensen._batching import taken
from jensen.data import AnySchema, Schema
from jensen.data.images import StoredImages
from jensen.errors import OptionError
from jensen.training.blocks import AHEAD, rows_of_a_block

__all__ = [
    "checked",
    "describe_storage",
    "few_of",
    "held_in_memory",
    "in_pieces",
    "is_stored",
    "learned",
    "require_in_memory",
    "share",
]


def is_stored(X: Any) -> bool:
    """Whether these are images that are not in memory."""
    return isinstance(X, StoredImages) and X.kept is None


def held_in_memory(X: Any) -> Any:
    """The rows themselves, of images that are in memory; anything else as it is."""
    return np.asarray(X) if isinstance(X, StoredImages) and X.kept is not None else X


def checked(schema: AnySchema, X: Any) -> Any:
    """`schema.check` of rows; of images that are not in memory, of any that are asked for."""
    return _through(schema, X, schema.check, "checked") if is_stored(X) else schema.check(X)


def learned(schema: AnySchema, X: Any, rows: Any, which: np.ndarray) -> Any:
    """What training goes through: some of `rows`, in as few bytes as hold them.

    Of rows that are binarised afresh in each epoch these are the probabilities that they are drawn
    with. `rows` are what `checked` made of `X`, and `which` are their numbers.
    """
    if not isinstance(schema, Schema):
        return taken(rows, which)
    fresh = schema.binarised == "fresh"
    if is_stored(X):
        change = schema.probabilities if fresh else lambda x: schema.in_bytes(schema.check(x))
        return _through(schema, X.part(which), change, "learned")
    return taken(schema.probabilities(X), which) if fresh else schema.in_bytes(taken(rows, which))


def few_of(X: Any, which: np.ndarray) -> np.ndarray:
    """Which of these rows are looked at: all that are in memory, else some that may be."""
    return X.some(which) if is_stored(X) else which


def share(X: Any, asked: Any) -> Any:
    """A share of the rows to hold out, or a number of them where the share would not be held in
    memory; what is impossible is left to be refused."""
    if not (is_stored(X) and 0 < asked < 1):
        return asked
    return min(max(1, round(asked * len(X))), X.few)


def describe_storage(X: Any, batch: int) -> list[str]:
    """Lines on where images are kept, and what is done about those that are not in memory."""
    if not isinstance(X, StoredImages):
        return []
    if X.kept is not None:
        return [X.describe()]
    told = [f"{X.describe()}, {AHEAD} blocks of up to {rows_of_a_block(X, batch):,} ahead"]
    if X.few < len(X):
        told.append(
            f"{X.few:,} of them, drawn once, stand for all where the schema is inferred and scales"
            " are measured; no more are held out"
        )
    return told


def in_pieces(
    X: Any,
    function: Callable[[Any], Any],
    join: Any = np.concatenate,
    condition: Any = None,
) -> Any:
    """What a function of rows says of all; of images that are not in memory, piece by piece.

    Raises `OptionError` for those where each has a `condition` of its own.
    """
    if np.ndim(condition):
        require_in_memory(X, "condition, one for each row,")
    return join([function(piece) for piece in X.pieces()]) if is_stored(X) else function(X)


def require_in_memory(X: Any, what: str) -> None:
    """Raise `OptionError` where rows are not in memory, and cannot be gone through in pieces."""
    if is_stored(X):
        raise OptionError(
            f"{what}: takes rows that are in memory, and {X.name} is read piece by piece; give some"
            " of its rows, as X[:1000]"
        )


def _through(schema: AnySchema, X: StoredImages, change: Callable[[Any], Any], what: str) -> Any:
    return X.through(change, f"{what} {json.dumps(schema.to_json(), sort_keys=True)}")
