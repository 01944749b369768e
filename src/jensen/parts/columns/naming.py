"""Names of the laws of columns: "LAW", or "hurdle:LAW" and "inflated:LAW" with an atom over it."""

from collections.abc import Callable

from jensen.errors import OptionError
from jensen.parts._families import members
from jensen.parts.columns._base import Law

__all__ = ["OVERS", "law_of"]

OVERS: dict[str, Callable[[type[Law]], bool]] = {
    "hurdle": lambda base: not base.categories,
    # A density has no mass at the atom to add to: a hurdle says all.
    "inflated": lambda base: base.discrete and not base.categories,
}
"""What may stand over a law, and over which."""


def law_of(name: str) -> tuple[str | None, type[Law]]:
    """What stands over a law in "hurdle:LAW" or "inflated:LAW", or `None`; and the law.

    Raises `OptionError` for an unknown one, and for a law that nothing of the kind can stand over.
    """
    bases: dict[str, type[Law]] = members(Law)
    over, colon, base = name.rpartition(":")
    if base in bases and not colon:
        return None, bases[base]
    if base in bases and over in OVERS:
        if OVERS[over](bases[base]):
            return over, bases[base]
        taken = [each for each, law in bases.items() if OVERS[over](law)]
        raise OptionError(
            f"likelihood={name!r} of a column: {over} cannot stand over {base}; choose"
            f" {over}:LAW with one of {', '.join(taken)}."
        )
    raise OptionError(
        f"likelihood={name!r} of a column is unknown: choose one of {', '.join(bases)}, or"
        f" {' or '.join(f'{each}:LAW' for each in OVERS)} with one of these."
    )
