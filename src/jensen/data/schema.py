"""The schema: what was assumed of the data, checked on every later row and obeyed by samples."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import isfinite, prod
from typing import Any, Self

import numpy as np

from jensen._words import counted
from jensen.data.frames import CONTAINERS, numpy_dtype, require_same_names
from jensen.data.images.binarising import (
    BINARISATIONS,
    binarise,
    probabilities,
    require_grey,
    words,
)
from jensen.data.kinds import KINDS, require_support
from jensen.data.restoring import restore
from jensen.data.rows import read_rows, to_float32
from jensen.errors import DataError, FileError, OptionError

# Fields that came later: files of before lack them, and where they say nothing they are not
# written, so that such files stay as they were.
_LATER: dict[str, Any] = {"flat": False, "binarised": None, "binarised_from": None}


@dataclass(frozen=True)
class Schema:
    """What the data are: made by `infer`, stored with the model, changed by `dataclasses.replace`.

    Attributes:
        kind: "binary" | "bounded" (whole numbers 0..high) | "count" | "real".
        dtype: NumPy's name for the type given, in which samples come back.
        shape: event shape of one datum, (64,) or (28, 28).
        low: least value: 0 for binary and bounded, else as observed.
        high: greatest value: the bound for binary and bounded, else as observed.
        names: column names, or None.
        container: "numpy" | "pandas" | "polars", what samples come back in.
        dtypes: the frame's own type for each column, or None for arrays.
        reason: why this kind.
        cautions: what the user should know before trusting densities.
        flat: whether rows came without the `shape` that was inferred of them, and come back so.
        binarised: how rows of grey values are made 0 and 1: "threshold", "fixed" or "fresh" (see
            `images.binarise`); `None` where they are not.
        binarised_from: the largest grey value, of which half is the threshold, and by which values
            are divided to be probabilities; `None` with `binarised`.

    Raises:
        OptionError: fields that contradict each other.

    >>> from jensen.data import infer
    >>> schema = infer(np.array([[0, 3], [16, 16], [5, 2], [16, 16]], dtype="uint8"))
    >>> schema.kind, schema.high, schema.dtype
    ('bounded', 16.0, 'uint8')
    >>> schema.check([[1, 17]])
    Traceback (most recent call last):
    jensen.errors.DataError: row 0 (counting from 0), column 1: 17 is above 16; bounded data hold
    whole numbers 0..16. Mend the value, or fit with another kind or likelihood

    """

    kind: str
    dtype: str
    shape: tuple[int, ...]
    low: float
    high: float
    names: tuple[str, ...] | None = None
    container: str = "numpy"
    dtypes: tuple[str, ...] | None = None
    reason: str = ""
    cautions: tuple[str, ...] = ()
    flat: bool = False
    binarised: str | None = None
    binarised_from: float | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise OptionError(f"kind={self.kind!r}; legal are {', '.join(KINDS)}")
        if self.container not in CONTAINERS:
            raise OptionError(f"container={self.container!r}; legal are {', '.join(CONTAINERS)}")
        if not self.shape or not all(isinstance(n, int) and n > 0 for n in self.shape):
            raise OptionError(f"shape={self.shape!r}; legal is a tuple of whole numbers from 1 up")
        if not (isfinite(self.low) and isfinite(self.high) and self.low <= self.high):
            raise OptionError(f"low={self.low!r}, high={self.high!r}; both finite and low <= high")
        whole = self.low == 0 < self.high == int(self.high)
        bounds_fit = {"binary": (self.low, self.high) == (0, 1), "bounded": whole}
        if not bounds_fit.get(self.kind, True):
            raise OptionError(f"low={self.low!r}, high={self.high!r} cannot be for {self.kind}")
        for field, values in (("names", self.names), ("dtypes", self.dtypes)):
            if values is None:
                continue
            if not all(isinstance(value, str) for value in values):
                raise OptionError(f"{field}={values!r}; legal are strings")
            if len(values) != self.width:
                given = counted(len(values), field.removesuffix("s"))
                raise OptionError(f"{given} for {counted(self.width, 'column')}; give as many")
        # lower case only: "Int64" is a type of pandas and none of NumPy's
        if numpy_dtype(str(self.dtype)) is None or self.dtype != str(self.dtype).lower():
            raise OptionError(f"dtype={self.dtype!r}; legal are NumPy's names of number types")
        if not isinstance(self.flat, bool):
            raise OptionError(f"flat={self.flat!r}; legal are True and False")
        if self.binarised not in (None, *BINARISATIONS[1:]):
            legal = f"None, {', '.join(BINARISATIONS[1:])}"
            raise OptionError(f"binarised={self.binarised!r}; legal are {legal}")
        if (self.binarised is None) != (self.binarised_from is None):
            raise OptionError("binarised and binarised_from go together; give both or neither")
        if self.binarised_from is not None and not (
            self.kind == "binary" and isfinite(self.binarised_from) and self.binarised_from >= 1
        ):
            raise OptionError(
                f"binarised_from={self.binarised_from!r}; legal are numbers from 1 up, of binary"
                " data only"
            )

    @property
    def width(self) -> int:
        """Numbers in one datum: the product of `shape`."""
        return prod(self.shape)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape in which rows come back: `shape`, or that of a row without an order."""
        return (self.width,) if self.flat else self.shape

    @property
    def discrete(self) -> bool:
        """Whether rows have a probability; real rows have a density."""
        return self.kind != "real"

    def describe(self) -> list[str]:
        """Lines to print before training: what was assumed, why, and what to beware of.

        >>> from jensen.data import infer
        >>> print("\\n".join(infer([[0, 1], [1, 1]]).describe()))
        columns: 2, as numpy int64
        kind: binary 0 or 1 (all values are 0 or 1)
        scores: probabilities, in nats per row
        """
        observed = f"{self.low:g}..{self.high:g}"
        kind = {
            "binary": "binary 0 or 1",
            "bounded": f"bounded integers {observed}",
            "count": f"counts, {observed} in these rows",
            "real": f"real numbers, {observed} in these rows",
        }[self.kind]
        shape = f" of shape {self.shape}" if len(self.shape) > 1 else ""
        return [
            f"columns: {self.width}{shape}, as {self.container} {self.dtype}",
            *self._pictures(),
            f"kind: {kind}" + (f" ({self.reason})" if self.reason else ""),
            *self._binarisation(),
            f"scores: {'probabilities' if self.discrete else 'densities'}, in nats per row",
            *(f"caution: {sentence}" for sentence in self.cautions),
        ]

    def check(self, X: Any, names: Sequence[str] | None = None) -> np.ndarray:
        """Rows as new float32 in C order, shape (rows, *shape), if they fit the schema.

        `X` is an array or nested sequence, flat (rows, width) or shaped (rows, *shape), or a
        frame; `names` are its column names where it is not a frame.

        Of a schema that binarises rows may be grey, and come back as zeros and ones; a row
        without another value than 0 and 1 is taken for binarised already, as those that the model
        draws are.

        Raises:
            DataError: a `ValueError`; names row and column of the first misfit and the remedy.

        >>> from jensen.data import infer
        >>> infer([[0, 1], [1, 1]]).check([[1, 0]])
        array([[1., 0.]], dtype=float32)
        """
        flat = self._read(X, names)
        result = to_float32(flat, self.names, self.shape)
        if self.binarised is None or self.binarised_from is None:
            require_support(flat, self.kind, self.high, self.names, self.shape)
        else:
            require_grey(flat, self.binarised_from, self.names, self.shape)
            result = binarise(flat, self.binarised, self.binarised_from)
        return result.reshape(len(result), *self.shape)

    def in_bytes(self, rows: np.ndarray) -> np.ndarray:
        """Rows of `check` in as few bytes as hold them: whole numbers up to 255 as uint8.

        To a model they are the same numbers (`as_real`), and a quarter of the memory.

        >>> from jensen.data import infer
        >>> schema = infer([[0, 1], [1, 1]])
        >>> schema.in_bytes(schema.check([[1, 0]]))
        array([[1, 0]], dtype=uint8)
        """
        small = self.kind in ("binary", "bounded") and self.high <= np.iinfo(np.uint8).max
        return rows.astype(np.uint8) if small else rows

    def probabilities(self, X: Any, names: Sequence[str] | None = None) -> np.ndarray:
        """What training draws zeros and ones from, float32, shape (rows, *shape).

        Where the schema binarises "fresh" these are grey values over the largest; otherwise the
        rows of `check`, zeros and ones, of which each draw is the same.

        Raises `DataError` as `check` does, and `OptionError` where rows are not binary.

        >>> from jensen.data import infer
        >>> X = np.array([[0, 255], [102, 51]], dtype="uint8")
        >>> infer(X, high=255, binarise="fresh").probabilities(X)
        array([[0. , 1. ],
               [0.4, 0.2]], dtype=float32)
        """
        if self.kind != "binary":
            raise OptionError(f"kind={self.kind!r}: only binary rows have probabilities")
        if self.binarised != "fresh" or self.binarised_from is None:
            return self.check(X, names)
        flat = self._read(X, names)
        to_float32(flat, self.names, self.shape)
        require_grey(flat, self.binarised_from, self.names, self.shape)
        return probabilities(flat, self.binarised_from).reshape(len(flat), *self.shape)

    def restore(self, x: Any, exact: bool = True, container: str | None = None) -> Any:
        """Give numbers from a model, shape (rows, *shape), the form of the user's data.

        Rows that were read as images though they came flat are flat again (`row_shape`). Rows of a
        schema that binarises come as zeros and ones, in the type of the grey ones.

        With `exact` (draws) whole kinds are rounded into their support and every column has the
        type it came in; without (means) integers and booleans come back as float64, floats as
        they were, half precision as float32. A frame comes back as a frame unless
        `container="numpy"`. For checked rows this is the inverse of `check` up to float32.

        Raises:
            DataError: a shape that is not the schema's, or NaN where an integer is due.
            OptionError: the frame's library is not installed, or an unknown container.

        >>> from jensen.data import infer
        >>> infer(np.array([[0, 1], [1, 1]], dtype=bool)).restore([[0.2, 0.9]])
        array([[False,  True]])
        """
        flat = self._flatten(np.asarray(x, dtype=np.float64))
        if exact and self.discrete:
            flat = np.clip(np.rint(flat), 0, np.inf if self.kind == "count" else self.high)
        container = container or self.container
        if container not in CONTAINERS:
            raise OptionError(f"container={container!r}; legal are {', '.join(CONTAINERS)}")
        result = restore(flat, container, self.dtype, self.dtypes, self.names, exact)
        return result.reshape(len(flat), *self.row_shape) if container == "numpy" else result

    def to_json(self) -> dict[str, Any]:
        """Fields as plain JSON types; `from_json` reads them back."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if not (name in _LATER and value == _LATER[name])
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Schema from `to_json`'s dict.

        Raises:
            FileError: a field is unknown, missing or has an impossible value.

        >>> from jensen.data import infer
        >>> schema = infer([[0.5, 1.5]])
        >>> Schema.from_json(schema.to_json()) == schema
        True
        """
        known = {field.name for field in fields(cls)}
        given = set(stored) if isinstance(stored, Mapping) else set()
        if not known - set(_LATER) <= given <= known:
            raise FileError(
                f"schema: missing fields {sorted(known - given - set(_LATER))}, unknown fields "
                f"{sorted(map(str, given - known))}; the file was altered or is of another version"
            )
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()
        }
        try:
            return cls(**values)
        except (OptionError, TypeError) as error:
            raise FileError(f"schema: {error}; the file was altered") from None

    def _pictures(self) -> list[str]:
        """A line where rows are pixels of images."""
        grey_high = self.binarised_from or self.high
        if self.dtype != "uint8" or grey_high != 255 or len(self.shape) not in (2, 3):
            return []
        if self.shape[2:] not in ((), (1,), (3,)):
            return []
        height, width = self.shape[:2]
        told = f"{height} × {width}, {'colour' if self.shape[2:] == (3,) else 'grey'}"
        if self.flat:
            told += f"; flat rows read as images, --shape {self.width} for rows without an order"
        return [f"images: {told}"]

    def _binarisation(self) -> list[str]:
        if self.binarised is None or self.binarised_from is None:
            return []
        return [
            f"binarised: {words(self.binarised, self.binarised_from)}; the way moves the evidence,"
            " of MNIST by some nats a row, so compare figures of one way only"
        ]

    def _read(self, X: Any, names: Sequence[str] | None) -> np.ndarray:
        """Rows as they were given, shape (rows, width), under the names that are due."""
        rows = read_rows(X)
        given = rows.names if names is None else tuple(names)
        if given is not None and self.names is not None:
            require_same_names(given, self.names)
        return self._flatten(rows.values)

    def _flatten(self, values: np.ndarray) -> np.ndarray:
        """Values as (rows, width); a datum may come flat or in the event's shape."""
        if values.shape[1:] == self.shape or values.shape[1:] == (self.width,):
            return values.reshape(len(values), self.width)
        if values.shape == self.shape:
            raise DataError(f"X is one datum of shape {self.shape}; give rows of them: X[None]")
        n = prod(values.shape[1:])
        wanted = f"(rows, {', '.join(map(str, self.shape))})"
        raise DataError(
            f"X has {n} features, but VAE is expecting {self.width} features as input: "
            f"its shape is {values.shape}, and {wanted} is needed"
        )
