"""Whether a run that is resumed asks for what it was started with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jensen.cli._folder import read_run
from jensen.cli._options import option
from jensen.data.sources import place
from jensen.errors import OptionError

__all__ = ["require_same"]

# What a resumed run may have otherwise than the run it goes on with.
_FREE = ("max_time",)
# What decides how the data are read; "digest", which all of it changes, comes last but one.
_READ = ("header", "na", "schema", "size", "memory", "condition", "digest", "test_key")
# What runs of earlier versions do not say.
_BEFORE = {"missing": "ignored", "binarise": "none", "network": "auto", "precision": "float32"}


def require_same(note: dict[str, Any], data: str, path: Path) -> None:
    """Raise `OptionError` where the run in `path` was started with something else than `note`."""
    before = read_run(path)
    if before is None:
        return
    now, then = _settings(note), _settings(before)
    for name, value in now.items():
        if name in _FREE or then.get(name) == value:
            continue
        if name == "digest":
            given, started = place(data), "other rows"
        elif name in _WORDS:
            given, started = (_WORDS[name](each) for each in (value, then.get(name)))
        else:
            given, started = f"{option(name)} {_shown(value)}", _shown(then.get(name))
        raise OptionError(
            f"{given}: the run in {path} was started with {started}; resume with that, or start"
            " anew in another folder"
        )


def _settings(note: dict[str, Any]) -> dict[str, Any]:
    """What decides a run's numbers, the reading of the file first."""
    read = {name: note.get(name) for name in _READ}
    return _BEFORE | read | {"na": read["na"] or []} | note["settings"]


def _header(value: bool | None) -> str:
    names = {None: "neither --header nor --no-header", True: "--header", False: "--no-header"}
    return names[value]


def _na(spellings: list[str]) -> str:
    return " ".join(f"--na {each}" for each in spellings) or "no --na"


def _size(size: str | None) -> str:
    return "no --size" if size is None else f"--size {size}"


def _memory(memory: float | None) -> str:
    return "no --memory" if memory is None else f"--memory {memory:g}"


def _condition(condition: str | None) -> str:
    return "no --condition" if condition is None else f"--condition {condition}"


def _schema(digest: str | None) -> str:
    return "no --schema" if digest is None else "another --schema"


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


# Options whose value does not follow their name.
_WORDS: dict[str, Callable[[Any], str]] = {
    "condition": _condition,
    "header": _header,
    "memory": _memory,
    "na": _na,
    "schema": _schema,
    "size": _size,
}
