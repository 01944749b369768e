"""Words that depend on numbers."""

__all__ = ["counted"]


def counted(number: float, noun: str) -> str:
    """A whole number of things, thousands apart.

    >>> counted(1, "row"), counted(0, "row"), counted(1200, "held-out row")
    ('1 row', '0 rows', '1,200 held-out rows')
    """
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"
