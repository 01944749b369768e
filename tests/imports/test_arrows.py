"""Imports point one way: the sources are read, and held to the arrows of the architecture."""

import ast
from pathlib import Path

import pytest

import jensen

ROOT = Path(jensen.__file__).parent

# Private modules that hold no mathematics of models and serve every room.
HELPERS = ("_ahead", "_batching", "_files", "_lenient", "_runtime", "_sampling", "_words")

# What each room may import, beside itself; what that may import, it may too.
ARROWS: dict[str, tuple[str, ...]] = {
    "errors": (),
    "_types": (),
    **dict.fromkeys(HELPERS, ("_types", "errors", "_runtime")),
    "_runtime": ("_types", "errors"),
    "_sampling": ("_batching",),
    "parts": HELPERS,
    "model": ("parts",),
    "linear_gaussian": ("model",),
    "objectives": ("model",),
    "inference": ("linear_gaussian",),
    "evidence": ("objectives", "inference"),
    "data": ("_types", "_words", "errors"),
    "queries": ("evidence", "data"),
    "training": ("objectives", "inference"),
    "recipes": ("objectives",),
    "store": ("recipes", "data"),
    "estimator": ("queries", "training", "store"),
    "report": ("errors", "_files", "_words"),
    # The command line is a user like any other, of the public names too.
    "cli": ("estimator", "report", "jensen"),
    "jensen": (),
    "__main__": ("cli",),
}


def reachable(room):
    found, queue = {room}, list(ARROWS[room])
    while queue:
        each = queue.pop()
        if each not in found:
            found.add(each)
            queue.extend(ARROWS[each])
    return found


def sources():
    return sorted(ROOT.rglob("*.py"))


def room_of(path):
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def package_of(path):
    return ("jensen", *path.relative_to(ROOT).parent.parts)


ROOMS = {room_of(path) for path in sources()} - {"__init__"}


def imported(source, package):
    """Every room that the source of a module in `package` imports, as (room, line)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            head, *rest = name.split(".")
            # What stands in jensen/__init__.py itself, such as the version, is no room.
            if head == "jensen" and rest and rest[0] in ROOMS:
                yield rest[0], node.lineno
            elif head == "jensen" and rest and rest[0] in jensen._HOME:
                yield jensen._HOME[rest[0]].split(".")[1], node.lineno
            elif head == "jensen" and not rest:
                yield "jensen", node.lineno


def test_every_room_has_its_arrows():
    assert set(ARROWS) - {"jensen"} == ROOMS


def test_the_arrows_have_no_circle():
    for room in ARROWS:
        assert all(room not in reachable(other) for other in ARROWS[room]), room


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_imports_follow_the_arrows(room):
    allowed = reachable(room)
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {room} may not import {other}"
        for path in sources()
        if room_of(path) == room
        for other, line in imported(path.read_text(), package_of(path))
        if other not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_imports_the_command_line():
    assert [r for r in ARROWS if "cli" in reachable(r)] == ["cli", "__main__"]


def test_imports_are_found_wherever_they_stand_and_however_they_are_written():
    source = """
def f():
    from jensen import VAE, __version__, cli
    import jensen.store as s
    from ..model import Model
    from . import priors
"""
    rooms = [room for room, _ in imported(source, ("jensen", "parts"))]
    assert sorted(rooms) == ["cli", "estimator", "model", "parts", "store"]
