"""Frames of pandas and polars, read without importing either and built by the one asked for."""

from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from jensen.errors import DataError, OptionError

CONTAINERS = ("numpy", "pandas", "polars")


class DataTypeError(DataError, TypeError):
    """Data of a type that cannot be used; a `TypeError` too, as scikit-learn's rules ask."""


class Frame(NamedTuple):
    """A frame taken apart: one array a column, with what is needed to build it again."""

    columns: list[np.ndarray]
    names: tuple[str, ...] | None
    dtypes: tuple[str, ...]
    container: str


def container_of(X: Any) -> str:
    """Which of `CONTAINERS` holds the data; what is no frame counts as "numpy".

    >>> container_of([[1, 2], [3, 4]])
    'numpy'
    """
    for base in type(X).__mro__:
        library = base.__module__.partition(".")[0]
        if library in CONTAINERS[1:] and base.__name__ == "DataFrame":
            return library
        if library == "polars" and base.__name__ == "LazyFrame":
            raise DataTypeError("X is a polars LazyFrame; pass X.collect()")
    return "numpy"


def numpy_dtype(native: str) -> np.dtype | None:
    """Numpy's dtype for a column type as pandas or polars writes it; None where none fits.

    >>> numpy_dtype("UInt8"), numpy_dtype("boolean"), numpy_dtype("category")
    (dtype('uint8'), dtype('bool'), None)
    """
    base = native.partition("[")[0].lower()
    base = {"boolean": "bool", "double": "float64", "float": "float32"}.get(base, base)
    try:
        dtype = np.dtype(base)
    except (TypeError, ValueError, SyntaxError):
        return None
    return dtype if dtype.kind in "biuf" else None


def take_apart(X: Any, container: str) -> Frame:
    """Columns, names and column types of a frame.

    Raises:
        DataError: a name occurs twice, names mix text and other types, a column is categorical.

    """
    series = [column for _, column in X.items()] if container == "pandas" else X.get_columns()
    for index, (name, column) in enumerate(zip(X.columns, series, strict=True)):
        if str(column.dtype) == "category":
            raise DataError(
                f"column {name!r} (index {index}) is categorical; encode it as numbers first"
            )
    columns = [np.asarray(column.to_numpy()) for column in series]
    natives = [str(column.dtype) for column in series]
    dtypes = tuple(map(_restorable, natives, columns))
    return Frame(columns, _text_names(list(X.columns)), dtypes, container)


def build(
    container: str,
    columns: list[np.ndarray],
    names: tuple[str, ...] | None,
    dtypes: list[str | None],
) -> Any:
    """Build a frame of the named library; a dtype of None keeps the array's own.

    Raises:
        OptionError: the library is not installed.

    """
    try:
        library = import_module(container)
    except ImportError:
        raise OptionError(
            f"the model was fitted on a {container} frame and {container} is not installed: "
            f"pip install {container}, or ask for container='numpy'"
        ) from None
    if container == "pandas":
        series = [library.Series(c, dtype=d) for c, d in zip(columns, dtypes, strict=True)]
        frame = library.DataFrame(dict(enumerate(series)))
        if names is not None:
            frame.columns = list(names)
        return frame
    names = names or tuple(f"column_{index}" for index in range(len(columns)))
    return library.DataFrame(
        [
            # the dtype may also be one of numpy's names, where polars' own had no numpy twin
            library.Series(n, c, dtype=getattr(library, d, None) if d else None)
            for n, c, d in zip(names, columns, dtypes, strict=True)
        ]
    )


def _restorable(native: str, values: np.ndarray) -> str:
    """The library's own type name where it has a twin in NumPy, else NumPy's for the values."""
    if numpy_dtype(native) is not None and numpy_dtype(native) == values.dtype:
        return native
    return values.dtype.name if values.dtype.kind in "biuf" else "float64"


def _text_names(names: list) -> tuple[str, ...] | None:
    text = [isinstance(name, str) for name in names]
    if not any(text):
        return None
    if not all(text):
        types = sorted({type(name).__name__ for name in names})
        raise DataTypeError(
            "Feature names are only supported if all input features have string names, but your "
            f"input has {types} as feature name / column name types; "
            "use X.columns = X.columns.astype(str)"
        )
    require_distinct(names)
    return tuple(str(name) for name in names)


def require_distinct(names: list[str] | tuple[str, ...]) -> None:
    """Raise `DataError` if a column name occurs twice."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise DataError(
                f"column name {name!r} occurs twice (again at index {index}); rename one"
            )
        seen.add(name)


def require_same_names(names: tuple[str, ...], fitted: tuple[str, ...]) -> None:
    """Raise `DataError` for other or reordered columns; scikit-learn's words and line breaks."""
    if tuple(names) == fitted:
        return
    message = "The feature names should match those that were passed during fit.\n"
    unseen, missing = sorted({*names} - {*fitted}), sorted({*fitted} - {*names})
    for title, found in (
        ("Feature names unseen at fit time", unseen),
        ("Feature names seen at fit time, yet now missing", missing),
    ):
        if found:
            lines = [f"- {name}\n" for name in found[:5]] + ["- ...\n"] * (len(found) > 5)
            message += f"{title}:\n" + "".join(lines)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    raise DataError(message)
