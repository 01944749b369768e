"""What a saved model is, in plain values and in lines."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jensen
from jensen import store
from jensen._files import tree_arrays
from jensen.data import ConditionSchema, Schema, TableSchema

__all__ = ["describe", "lines"]

_LIBRARIES = ("jax", "equinox", "numpyro", "numpy")


def describe(path: Path) -> dict[str, Any]:
    """The parts of a saved model that a person may want to know."""
    saved = store.load(path)
    details = saved.details
    last = saved.history[-1] if saved.history else {}
    return {
        "model": path,
        "schema": saved.schema,
        "assembly": saved.assembly | {"weights": _count(saved.model)},
        "training": {
            "rows": {"train": details["training_rows"], "validation": details["validation_rows"]},
            "seed": details["seed"],
            "epochs": len(saved.history),
            "best_epoch": details["best_epoch"],
            "stopped": details["stopped"],
            "seconds": details["seconds"],
            "last_epoch": last,
            "parameters": details["parameters"],
            "condition": details.get("condition"),
        },
        "versions": {
            "jensen": jensen.__version__,
            "written by jensen": saved.version,
            "format": store.FORMAT,
            "python": platform.python_version(),
        }
        | {name: version(name) for name in _LIBRARIES},
    }


def lines(told: dict[str, Any]) -> list[str]:
    """The same for reading."""
    training, rows = told["training"], told["training"]["rows"]
    facts = {
        "rows": f"{rows['train']:,} to train on, {rows['validation']:,} to stop by",
        "epochs": f"{training['epochs']}, the best one {training['best_epoch']}",
        "stopped": training["stopped"],
        "seconds": f"{training['seconds']:.1f}",
        "seed": training["seed"],
    }
    schema = TableSchema if "columns" in told["schema"] else Schema
    sections = {
        "schema": schema.from_json(told["schema"]).describe(),
        "condition": _condition(told["training"]["condition"]),
        "assembly": [f"{name}: {_shown(value)}" for name, value in told["assembly"].items()],
        "training": [f"{name}: {value}" for name, value in facts.items()],
        "versions": [", ".join(f"{name} {value}" for name, value in told["versions"].items())],
    }
    return [
        f"model: {told['model']}",
        *(
            line
            for name, section in sections.items()
            for line in (f"{name}", *(f"  {each}" for each in section))
        ),
    ]


def _condition(condition: dict[str, Any] | None) -> list[str]:
    return (
        ["none"]
        if condition is None
        else [ConditionSchema.from_json(condition).describe().removeprefix("condition: ")]
    )


def _count(model: Any) -> int:
    return sum(int(array.size) for array in tree_arrays(model).values())


def _shown(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"{len(value)}, each with the law that the schema says"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none (linear)"
    return "default" if value is None else str(value)
