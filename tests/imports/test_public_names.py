"""Every public name exists and is documented."""

import importlib
import inspect
from pathlib import Path

import pytest

import jensen

ROOT = Path(jensen.__file__).parent


def module_name(path):
    parts = ("jensen", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(part for part in parts if part != "__init__")


# All modules but the one that runs when it is imported.
MODULES = sorted(module_name(path) for path in ROOT.rglob("*.py") if path.stem != "__main__")


def names_of(module):
    return [(name, getattr(module, name)) for name in getattr(module, "__all__", ())]


@pytest.mark.parametrize("name", MODULES)
def test_public_names_exist_and_are_documented(name):
    module = importlib.import_module(name)
    assert inspect.getdoc(module), f"{name} has no docstring"
    for public, value in names_of(module):
        is_own = getattr(value, "__module__", "").startswith("jensen")
        if is_own and (inspect.isclass(value) or inspect.isroutine(value)):
            assert value.__doc__, f"{name}.{public} has no docstring"


@pytest.mark.parametrize("name", MODULES)
def test_public_methods_are_documented(name):
    module = importlib.import_module(name)
    for public, cls in names_of(module):
        if not inspect.isclass(cls) or not cls.__module__.startswith("jensen"):
            continue
        for method, defined in vars(cls).items():
            is_code = inspect.isroutine(defined) or isinstance(
                defined, property | classmethod | staticmethod
            )
            if is_code and not method.startswith("_"):
                assert inspect.getdoc(getattr(cls, method)), f"{name}.{public}.{method}"


def test_the_package_names_what_it_has():
    assert sorted(jensen.__all__) == sorted(dir(jensen))
    for name in jensen.__all__:
        assert getattr(jensen, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = jensen.nothing_like_it


def test_packages_export_what_their_modules_call_public():
    """A name that a package re-exports is the one that its module lists."""
    for name in MODULES:
        package = importlib.import_module(name)
        for public, value in names_of(package):
            home = getattr(value, "__module__", "")
            if isinstance(home, str) and home.startswith("jensen.") and home != name:
                listed = getattr(importlib.import_module(home), "__all__", [public])
                assert public in listed, f"{name} exports {public}, which {home} does not list"
