"""What users ask of columns in place of what was inferred, checked."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from numbers import Real
from typing import Any

from jensen.data.tables.laws import KINDS, LEFT_OUT, NUMBERS, OF_LEVELS, likelihood_of
from jensen.data.tables.types import UNITS
from jensen.errors import OptionError

FIELDS = ("kind", "likelihood", "step", "origin", "atom", "low", "high", "levels")
_OF_NUMBERS = ("step", "origin", "atom", "low", "high")
_OF_TIMES = ("step", "origin", "low", "high")


def checked_overrides(
    overrides: Mapping[str, Mapping[str, Any]] | None, families: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """`overrides` by column, values in the types that columns have.

    `families` says what each column holds: "number", "truth", "text", "time" or "nothing".

    Raises:
        OptionError: an unknown column, field or value, or one that is not for such a column.
    """
    checked = {}
    for name, fields in (overrides or {}).items():
        if name not in families:
            raise OptionError(f"overrides: no column {name!r}; there are {_listed(families)}")
        if not isinstance(fields, Mapping):
            raise OptionError(
                f"overrides: column {name!r} has {fields!r}; legal is a mapping of fields: "
                f"{', '.join(FIELDS)}"
            )
        checked[name] = {
            field: _value(name, field, value, families[name]) for field, value in fields.items()
        }
        _require_together(name, checked[name])
    return checked


def group_of(asked: Mapping[str, Any]) -> str | None:
    """Kind of column that is asked for, if any is: by itself, by its law, or by its fields.

    "numbers" stands for real, positive or count, whichever fits.
    """
    kind, law = asked.get("kind"), asked.get("likelihood")
    if kind is not None:
        return str(kind)
    if law is not None:
        return likelihood_of(law).kind if likelihood_of(law).of_levels else "numbers"
    if "levels" in asked:
        return "levels"
    return "numbers" if any(field in asked for field in _OF_NUMBERS) else None


def _value(name: str, field: Any, value: Any, family: str) -> Any:
    who = f"overrides: column {name!r}, {field}={value!r}"
    if field not in FIELDS:
        raise OptionError(f"overrides: column {name!r} has no field {field!r}; {_legal(FIELDS)}")
    if field == "kind":
        legal = _kinds(family)
        if value not in legal:
            why = f"the column holds {_HOLDS[family]}; " if value in KINDS else ""
            raise OptionError(f"{who}; {why}{_legal(legal)}")
        return value
    if field == "likelihood":
        try:
            law = likelihood_of(value)
        except OptionError as error:
            raise OptionError(f"overrides: column {name!r}, {error}") from None
        if family == "time" and value != "rounded" and not law.of_levels:
            raise OptionError(f"{who}; the column holds dates; legal are rounded, categorical")
        if family in ("text", "truth", "nothing") and not law.of_levels:
            raise OptionError(
                f"{who}; the column holds {_HOLDS[family]}; legal are categorical and"
                " ordered-logistic"
            )
        return value
    if field == "levels":
        plain = isinstance(value, Sequence) and not isinstance(value, str)
        if not plain or len(set(value)) != len(value) or len(value) < 2:
            raise OptionError(f"{who}; legal is a list of two or more distinct values")
        return tuple(value)
    if family not in ("number", "time"):
        raise OptionError(f"{who}; the column holds {_HOLDS[family]}; legal are kind, levels")
    if field == "step":
        return _step(who, value, family)
    if value is None and field != "origin":
        return None
    if family == "time":
        if field not in _OF_TIMES:
            raise OptionError(f"{who}; a column of dates has {', '.join(_OF_TIMES)}")
        return _time(who, value)
    if isinstance(value, bool) or not isinstance(value, Real) or not abs(float(value)) < 1e300:
        raise OptionError(f"{who}; legal are finite numbers")
    return float(value)


def _step(who: str, value: Any, family: str) -> float | None:
    if family == "time":
        seconds = UNITS.get(value, value) if isinstance(value, str) else value
        if isinstance(seconds, Real) and not isinstance(seconds, bool) and float(seconds) >= 1e-6:
            return float(seconds)
        raise OptionError(f"{who}; legal are {', '.join(UNITS)}, or seconds")
    if value is None:
        return None
    if isinstance(value, Real) and not isinstance(value, bool) and 0 < float(value) < 1e300:
        return float(value)
    raise OptionError(f"{who}; legal are numbers above 0, and None for a density")


def _time(who: str, value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise OptionError(f"{who}; legal are dates, as 2024-12-31") from None


_HOLDS = {
    "number": "numbers", "truth": "truth values", "text": "text", "time": "dates",
    "nothing": "no value",
}  # fmt: skip


def _kinds(family: str) -> tuple[str, ...]:
    return {
        "number": (*NUMBERS, *OF_LEVELS, "identifier"),
        "truth": ("binary", "categorical", "identifier"),
        "text": (*OF_LEVELS, "identifier"),
        "time": ("datetime", *OF_LEVELS, "identifier"),
        "nothing": LEFT_OUT,
    }[family]


def _require_together(name: str, asked: Mapping[str, Any]) -> None:
    """Raise `OptionError` where a kind and a likelihood, or other fields, contradict each other."""
    kind, law = asked.get("kind"), asked.get("likelihood")
    who = f"overrides: column {name!r}"
    if kind is not None and law is not None:
        of_levels = likelihood_of(law).of_levels
        if kind in LEFT_OUT or of_levels != (kind in OF_LEVELS):
            raise OptionError(f"{who}: likelihood={law!r} does not go with kind={kind!r}")
    group = group_of(asked)
    if group in (*OF_LEVELS, "levels"):
        wrong = [field for field in _OF_NUMBERS if field in asked]
    elif group in LEFT_OUT:
        wrong = [field for field in asked if field != "kind"]
    else:
        wrong = ["levels"] if "levels" in asked else []
    if wrong:
        raise OptionError(f"{who}: {wrong[0]} does not go with kind={kind or group!r}; drop one")
    low, high = asked.get("low"), asked.get("high")
    if low is not None and high is not None and not low < high:
        raise OptionError(f"{who}: low={low} is not below high={high}")


def _legal(values: Sequence[str]) -> str:
    return f"legal are {', '.join(values)}"


def _listed(names: Mapping[str, Any]) -> str:
    some = ", ".join(repr(name) for name in list(names)[:8])
    return some + (", ..." if len(names) > 8 else "")
