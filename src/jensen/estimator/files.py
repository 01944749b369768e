"""A fitted `VAE` as what `store` writes, and back."""

from typing import TYPE_CHECKING, Any

import numpy as np

from jensen import store
from jensen.data import ConditionSchema, Schema, TableSchema
from jensen.objectives import Objective
from jensen.parts._families import choose
from jensen.training import Trained

if TYPE_CHECKING:
    from jensen.estimator.vae import VAE

__all__ = ["parameters_of", "restore", "to_saved"]


def to_saved(vae: "VAE") -> store.Saved:
    """What is written of a fitted `vae`; of its parameters, those that JSON can hold."""
    parameters: dict[str, Any] = {
        name: _plain(value) for name, value in vae.get_params().items() if _is_plain(value)
    }
    if isinstance(vae.objective, Objective):
        options = dict(vars(vae.objective))
        parameters["objective"] = {"name": vae.objective.name, "options": options}
    if isinstance(vae.schema, TableSchema):
        # Not that of the file: parameters may have been set after the fit.
        parameters["schema"] = vae.schema.to_json()
    details = {
        "parameters": parameters,
        "seed": vae._seed,
        "training_rows": vae.training_rows_,
        "validation_rows": vae.validation_rows_,
        "best_epoch": vae.best_epoch_,
        "stopped": vae.stopped_,
        "seconds": vae.seconds_,
        "offset": getattr(vae, "offset_", None),
    }
    if vae.condition_ is not None:
        details["condition"] = vae.condition_.to_json()
    return store.Saved(
        vae.model_,
        vae._assembled,
        vae.schema_.to_json(),
        vae.history_,
        vae.rows_,
        details,
        vae.held_out_,
    )


def parameters_of(saved: store.Saved) -> dict[str, Any]:
    """The parameters that a saved `VAE` was made with, but for those JSON cannot hold."""
    parameters = dict(saved.details["parameters"])
    for name in ("hidden", "shape"):
        if isinstance(parameters.get(name), list):
            parameters[name] = tuple(parameters[name])
    if isinstance(parameters.get("objective"), dict):
        named = parameters["objective"]
        parameters["objective"] = choose(Objective, "objective", named["name"])(**named["options"])
    schema = parameters.get("schema")
    # What is asked of a column called "columns" is a mapping, and never a list.
    if isinstance(schema, dict) and isinstance(schema.get("columns"), list):
        parameters["schema"] = TableSchema.from_json(schema)
    return parameters


def restore(vae: "VAE", saved: store.Saved) -> None:
    """Give `vae` what fitting gave to the one that was saved."""
    details = saved.details
    condition = details.get("condition")
    vae._keep(
        (TableSchema if "columns" in saved.schema else Schema).from_json(saved.schema),
        None if condition is None else ConditionSchema.from_json(condition),
        saved.assembly,
        details["seed"],
        (details["training_rows"], details["validation_rows"]),
        *(
            np.zeros((0, 0), np.float32) if each is None else each
            for each in (saved.rows, saved.held_out)
        ),
    )
    vae._take(
        Trained(
            saved.model,
            saved.history,
            details["best_epoch"],
            details["stopped"],
            details["seconds"],
        )
    )
    if details["offset"] is not None:
        vae.offset_ = details["offset"]


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold `value` once `_plain` has made it into Python's own."""
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_plain(each) for name, each in value.items())
    if isinstance(value, (list, tuple, np.ndarray)):
        return all(_is_plain(each) for each in value)
    finite = not isinstance(value, (float, np.floating)) or bool(np.isfinite(value))
    return finite and isinstance(value, (str, int, float, bool, type(None), np.generic))


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's own."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
