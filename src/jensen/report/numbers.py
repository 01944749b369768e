"""Numbers as a reader meets them: a true minus sign, thousands apart, a dash for none."""

from math import floor, isfinite, isnan, log10
from typing import Any

__all__ = ["count", "fixed", "general", "known", "p_value", "with_error"]

NONE = "–"


def fixed(value: Any, places: int = 2) -> str:
    """Number with a fixed count of decimals.

    >>> fixed(-1234.567), fixed(None), fixed(float("nan")), fixed(float("-inf"))
    ('−1,234.57', '–', '–', '−∞')
    """
    return _shown(value, f",.{places}f")


def general(value: Any) -> str:
    """Number with four significant digits, whatever its size.

    >>> general(0.000012345), general(16.0), general(-1234567)
    ('1.234e−05', '16', '−1.235e+06')
    """
    return _shown(value, ".4g")


def count(value: Any) -> str:
    """Whole number.

    >>> count(12000.0)
    '12,000'
    """
    return _shown(value, ",.0f")


def with_error(value: Any, error: Any) -> str:
    """Number ± its standard error, with as many decimals as show the error's first digits.

    >>> with_error(-84.3117, 0.0213), with_error(-84.3, 3.2), with_error(-84.3, None)
    ('−84.312 ± 0.021', '−84.30 ± 3.20', '−84.30')
    """
    if not known(error) or not error > 0 or not isfinite(error):
        return fixed(value)
    places = min(max(2, 1 - floor(log10(error))), 6)
    return f"{fixed(value, places)} ± {fixed(error, places)}"


def p_value(value: Any) -> str:
    """Probability with three decimals.

    >>> p_value(0.03211), p_value(0.0001)
    ('0.032', '< 0.001')
    """
    return "< 0.001" if known(value) and value < 0.001 else fixed(value, 3)


def known(value: Any) -> bool:
    """Whether there is a number at all.

    >>> known(0), known(None), known(float("nan"))
    (True, False, False)
    """
    return value is not None and not isnan(value)


def _shown(value: Any, form: str) -> str:
    if not known(value):
        return NONE
    if not isfinite(value):
        return "∞" if value > 0 else "−∞"
    text = format(float(value), form)
    zero = not any(digit in text.partition("e")[0] for digit in "123456789")
    return text.lstrip("-") if zero else text.replace("-", "−")
