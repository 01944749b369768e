"""Columns as plain JSON, and back: dates as ISO strings, values of categories with their type."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from math import isfinite
from typing import Any

from jensen.data.frames import CONTAINERS
from jensen.data.tables.columns import Column
from jensen.data.tables.laws import KINDS, LEFT_OUT, NUMBERS, OF_LEVELS, likelihood_of
from jensen.data.tables.types import polars_type
from jensen.errors import FileError, OptionError

_LISTS = ("levels", "rare", "rare_rows", "categories", "cautions")
_VALUES = ("origin", "low", "high", "atom")
_WORDS = ("name", "kind", "dtype", "storage")
_REQUIRED = (*_WORDS, "likelihood")


def column_to_json(column: Column) -> dict[str, Any]:
    """Fields of a column; those that have their default are left away."""
    result = {}
    for field in fields(Column):
        value = getattr(column, field.name)
        if field.name in _REQUIRED or value != field.default:
            result[field.name] = _plain(value)
    return result


def table_from_json(given: Any) -> tuple[tuple[Column, ...], str]:
    """Columns and container from what a schema's `to_json` wrote, or a person edited.

    Raises:
        FileError: what is not as it should be, by column and field.
    """
    if not isinstance(given, Mapping) or not isinstance(given.get("columns"), list):
        raise FileError("schema: no list of columns; the file was altered")
    unknown = set(given) - {"kind", "container", "columns"}
    if unknown:
        raise FileError(f"schema: unknown field {sorted(map(str, unknown))[0]!r}")
    container = given.get("container")
    if container not in CONTAINERS:
        raise FileError(f"schema: container={container!r}; legal are {', '.join(CONTAINERS)}")
    columns = tuple(_column(index, each) for index, each in enumerate(given["columns"]))
    names = [column.name for column in columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FileError(f"schema: column {twice!r} occurs twice; rename one")
    if not any(column.modelled for column in columns):
        raise FileError("schema: no column that a model sees; the file was altered")
    return columns, str(container)


def _column(index: int, given: Any) -> Column:
    name = given.get("name") if isinstance(given, Mapping) else None
    who = f"schema: column {name!r}" if isinstance(name, str) else f"schema: column {index}"
    if not isinstance(given, Mapping):
        raise FileError(f"{who}: {given!r} has no fields; the file was altered")
    known = [field.name for field in fields(Column)]
    for field in given:
        if field not in known:
            raise FileError(f"{who}: unknown field {field!r}; legal are {', '.join(known)}")
    for field in _REQUIRED:
        if field not in given:
            raise FileError(f"{who}: the field {field!r} is missing")
    values = {}
    for field, value in given.items():
        try:
            values[field] = _read(field, value)
        except (ValueError, TypeError, OptionError) as error:
            raise FileError(f"{who}: {field}={value!r}: {error}") from None
    column = Column(**values)
    _require_sound(who, column)
    return column


def _read(field: str, value: Any) -> Any:
    """A field's value; `ValueError` says what is legal."""
    if field in _WORDS or field == "reason":
        if not isinstance(value, str):
            raise ValueError("legal is text")
        if field == "kind" and value not in KINDS:
            raise ValueError(f"legal are {', '.join(KINDS)}")
        return value
    if field in _LISTS:
        if value is None and field == "categories":
            return None
        if not isinstance(value, list):
            raise ValueError("legal is a list")
        result = tuple(map(_typed, value))
        if field == "rare_rows" and not all(type(n) is int and n > 0 for n in result):
            raise ValueError("legal are whole numbers from 1 up")
        if field == "cautions" and not all(isinstance(each, str) for each in result):
            raise ValueError("legal is a list of sentences")
        if field in ("levels", "rare") and len(set(result)) != len(result):
            raise ValueError("a value occurs twice")
        return result
    if field in _VALUES:
        return None if value is None else _bound(_typed(value))
    if field == "likelihood":
        if value is not None:
            likelihood_of(value)
        return value
    if field == "format":
        if value is not None and not isinstance(value, str):
            raise ValueError("legal is text, as %Y-%m-%d")
        return value
    if value is None and field == "step":
        return None
    number = _bound(value)
    if isinstance(number, date):
        raise ValueError("legal is a number")
    if field == "step" and not number > 0:
        raise ValueError("legal are numbers above 0, and null")
    if field == "missing" and not 0 <= number <= 1:
        raise ValueError("legal are shares from 0 to 1")
    return number


def _bound(value: Any) -> Any:
    if isinstance(value, date):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise ValueError("legal are finite numbers, and dates")
    return float(value)


def _require_sound(who: str, column: Column) -> None:
    """Raise `FileError` where the fields of a column contradict each other."""
    try:
        polars_type(column.storage, column.categories)
    except ValueError as error:
        raise FileError(f"{who}: storage: {error}") from None
    if column.kind in LEFT_OUT:
        if column.likelihood is not None:
            raise FileError(f"{who}: likelihood={column.likelihood!r}; {column.kind} has none")
        return
    if column.likelihood is None:
        raise FileError(f"{who}: likelihood=None; a column of kind {column.kind} needs one")
    law = column.law
    if law.of_levels != (column.kind in OF_LEVELS):
        raise FileError(f"{who}: likelihood={column.likelihood!r} is not for kind={column.kind!r}")
    if law.of_levels and column.level_count < 2:
        raise FileError(f"{who}: levels={list(column.levels)!r}; two or more are needed")
    if column.rare_rows and len(column.rare_rows) != len(column.rare):
        raise FileError(f"{who}: rare_rows={list(column.rare_rows)!r}; one for each of rare")
    if set(column.rare) & set(column.levels):
        raise FileError(f"{who}: rare={list(column.rare)!r}; a value is in levels too")
    if law.of_levels:
        return
    if (column.step is None) == law.stepped:
        wanted = "a step" if law.stepped else "no step"
        raise FileError(f"{who}: step={column.step!r}; {column.likelihood} needs {wanted}")
    if (column.atom is None) == bool(law.over):
        wanted = "an atom" if law.over else "none"
        raise FileError(f"{who}: atom={column.atom!r}; {column.likelihood} needs {wanted}")
    due = (int, float) if column.kind in NUMBERS else date
    for field in _VALUES:
        value = getattr(column, field)
        if not isinstance(value, due) and not (value is None and field != "origin"):
            wanted = "a number" if column.kind in NUMBERS else "a date, as {'date': '2024-12-31'}"
            raise FileError(f"{who}: {field}={value!r}; legal is {wanted}")
    if column.low is not None and column.high is not None and not column.low < column.high:
        raise FileError(f"{who}: low={column.low} is not below high={column.high}")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    return value


def _typed(value: Any) -> Any:
    if isinstance(value, Mapping) and len(value) == 1:
        word, text = next(iter(value.items()))
        if word in ("date", "datetime") and isinstance(text, str):
            return date.fromisoformat(text) if word == "date" else datetime.fromisoformat(text)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise ValueError("legal are text, numbers, truth values and dates")
