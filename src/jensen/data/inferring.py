"""From rows to a schema: what is assumed of the data, each assumption open to an override."""

from collections.abc import Sequence
from math import prod
from typing import Any

from jensen._words import counted
from jensen.data.cautions import cautions
from jensen.data.frames import require_distinct
from jensen.data.kinds import choose, require_support
from jensen.data.rows import read_rows, to_float32
from jensen.data.schema import Schema
from jensen.errors import OptionError


def infer(
    X: Any,
    kind: str | None = None,
    high: int | None = None,
    shape: tuple[int, ...] | None = None,
    names: Sequence[str] | None = None,
) -> Schema:
    """Schema of the rows `X`, by the rules at the head of `jensen.data.kinds`.

    Fields without an argument here are overridden with `dataclasses.replace`.

    Args:
        X: array or nested sequence, shape (rows, *event), or a frame.
        kind: one of `KINDS` in place of the inferred one.
        high: the greatest value of bounded integers; implies `kind="bounded"`.
        shape: event shape, where rows are given flat but are images: (8, 8).
        names: column names for rows that are no frame.

    Raises:
        DataError: rows that `Schema.check` would refuse under the schema, repeated names, or
            real columns that 32-bit floats would blur.
        OptionError: an unknown kind, impossible `high`, `shape` or number of names.

    >>> print(infer([[0.5, 1.0], [2.5, 1.0]]).describe()[-1])
    caution: column 1 is constant in these rows: the density there has no upper limit and lifts
    the evidence without meaning; leave constant columns out

    """
    rows = read_rows(X)
    shape = rows.values.shape[1:] if shape is None else tuple(int(n) for n in shape)
    flat = rows.values.reshape(len(rows.values), -1)
    if prod(shape) != flat.shape[1]:
        raise OptionError(f"shape={shape} does not hold {counted(flat.shape[1], 'column')}")
    labels = rows.names if names is None else tuple(names)
    if labels is not None:
        require_distinct(labels)
        if len(labels) != flat.shape[1]:
            given = counted(len(labels), "name")
            raise OptionError(f"{given} for {counted(flat.shape[1], 'column')}; give as many")
    to_float32(flat, labels, shape)
    choice = choose(flat, shape, kind, high)
    require_support(flat, choice.kind, choice.high, labels, shape)
    return Schema(
        kind=choice.kind,
        dtype=flat.dtype.newbyteorder("=").name,
        shape=shape,
        low=choice.low,
        high=choice.high,
        names=labels,
        container=rows.container,
        dtypes=rows.dtypes,
        reason=choice.reason,
        cautions=cautions(flat, choice.kind, labels, shape),
    )
