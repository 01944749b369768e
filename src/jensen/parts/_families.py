"""A family's members, found by walking its subclasses, so that no list is kept by hand."""

from inspect import isabstract
from typing import Any

from jensen.errors import OptionError

__all__ = ["choose", "members"]


def members(family: type) -> dict[str, Any]:
    """Name → class, of every named final class of `family`, sorted by name."""
    found: dict[str, Any] = {}
    queue = [family]
    while queue:
        each = queue.pop()
        queue.extend(each.__subclasses__())
        if not isabstract(each) and "name" in vars(each):
            found[vars(each)["name"]] = each
    return dict(sorted(found.items()))


def choose(family: type, option: str, name: Any) -> Any:
    """The member of `family` with this name; `OptionError` names the legal ones."""
    found = members(family)
    if not isinstance(name, str) or name not in found:
        raise OptionError(f"{option}={name!r} is unknown: choose one of {', '.join(found)}.")
    return found[name]
