"""Types of cells: polars' by name, and what family of values they hold."""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from jensen.errors import DataError

if TYPE_CHECKING:
    import polars as pl

_PLAIN = (
    "Int8", "Int16", "Int32", "Int64", "Int128", "UInt8", "UInt16", "UInt32", "UInt64", "Float32",
    "Float64", "Boolean", "String", "Date", "Categorical", "Null",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)

SECOND = 1_000_000
"""Microseconds in a second."""

UNITS = {
    "day": 86400.0, "hour": 3600.0, "minute": 60.0, "second": 1.0, "millisecond": 1e-3,
    "microsecond": 1e-6,
}  # fmt: skip
"""Steps of time, in seconds."""


def type_name(dtype: Any) -> str:
    """A type of polars in a word that `polars_type` reads.

    >>> import polars as pl
    >>> type_name(pl.Int16()), type_name(pl.Datetime("ms", "UTC"))
    ('Int16', 'Datetime[ms, UTC]')
    """
    import polars as pl

    if isinstance(dtype, pl.Datetime):
        zone = f", {dtype.time_zone}" if dtype.time_zone else ""
        return f"Datetime[{dtype.time_unit}{zone}]"
    if isinstance(dtype, pl.Decimal):
        return f"Decimal[{dtype.precision}, {dtype.scale}]"
    return type(dtype).__name__


def polars_type(name: str, categories: tuple | None = None) -> "pl.DataType":
    """The type of a name that `type_name` wrote.

    Raises:
        ValueError: no such type, or none that a table may have.
    """
    import polars as pl

    base, _, rest = name.rstrip("]").partition("[")
    details = [each.strip() for each in rest.split(",")] if rest else []
    if base == "Datetime" and details and details[0] in ("ms", "us", "ns"):
        unit: Any = details[0]
        return pl.Datetime(unit, details[1] if len(details) > 1 else None)
    if base == "Decimal" and len(details) == 2:
        return pl.Decimal(int(details[0]), int(details[1]))
    if base == "Enum":
        return pl.Enum([str(each) for each in categories or ()])
    if base in _PLAIN and not details:
        return getattr(pl, base)()
    raise ValueError(f"{name!r} is no type of cells that a table may have")


def family(dtype: Any) -> str:
    """Return what a column of this type holds: number, truth, text, time, nothing or other."""
    import polars as pl

    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, pl.Boolean):
        return "truth"
    if isinstance(dtype, (pl.String, pl.Categorical, pl.Enum)):
        return "text"
    if isinstance(dtype, (pl.Date, pl.Datetime)):
        return "time"
    return "nothing" if isinstance(dtype, pl.Null) else "other"


def require_usable(frame: "pl.DataFrame") -> None:
    """Raise `DataError` for a column of lists, durations, bytes or other types without a law."""
    for index, (name, dtype) in enumerate(frame.schema.items()):
        if family(dtype) == "other":
            raise DataError(
                f"column {name!r} (index {index}) holds {dtype}; a table has numbers, truth "
                "values, text, categories and dates: convert it, or leave it out"
            )


def ticks_of(value: date) -> int:
    """Microseconds since 1970, of a date or a datetime.

    >>> ticks_of(date(1970, 1, 2))
    86400000000
    """
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return (value - _EPOCH) // _MICROSECOND


def time_of(ticks: int) -> datetime:
    """The datetime of microseconds since 1970."""
    return _EPOCH + _MICROSECOND * int(ticks)
