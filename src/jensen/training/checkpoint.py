"""Checkpoints: all that an interrupted run needs to go on as if nothing had happened."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jensen._files import (
    dump_arrays,
    parse_arrays,
    read_bytes,
    tree_arrays,
    tree_with,
    write_atomic,
)
from jensen.errors import FileError
from jensen.training.step import State

__all__ = ["Progress", "load_checkpoint", "save_checkpoint"]

CHECKPOINT = "checkpoint.safetensors"
HISTORY = "history.jsonl"


@dataclass
class Progress:
    """Where a run stands, beside its arrays.

    Attributes:
        epoch: epochs done.
        best: what the best weights are judged by: the validation ELBO, or the value of the
            objective's judge; nats per datum.
        best_epoch: the epoch after which they were taken, 0 for the first weights.
        rate_scale: what failures have left of the learning rate.
        failures: epochs that ended in a value that is not finite.
        seconds: time spent so far, over all parts of an interrupted run.
        history: one record an epoch.
    """

    epoch: int = 0
    best: float = float("-inf")
    best_epoch: int = 0
    rate_scale: float = 1.0
    failures: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


def save_checkpoint(
    folder: Path, state: State, best: Any, progress: Progress, run: dict[str, Any]
) -> None:
    """Write the state, the best weights and the progress; `run` says which run they are of."""
    note = {"progress": asdict(progress), "run": run}
    arrays = tree_arrays({"state": state, "best": best})
    write_atomic(folder / CHECKPOINT, dump_arrays(arrays, note))
    lines = "".join(json.dumps(record) + "\n" for record in progress.history)
    write_atomic(folder / HISTORY, lines)


def load_checkpoint(
    folder: Path, state: State, best: Any, run: dict[str, Any]
) -> tuple[State, Any, Progress] | None:
    """What `save_checkpoint` wrote, or `None` where it wrote nothing.

    Raises `FileError` where the checkpoint is damaged, or is of a run with other data, options
    or seed than `run`.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    arrays, note = parse_arrays(read_bytes(path), str(path))
    for name, value in run.items():
        if note.get("run", {}).get(name) != value:
            raise FileError(
                f"{path}: is of a run with another {name}. Resume with what that run was"
                " started with, or start anew in another folder."
            )
    tree = tree_with({"state": state, "best": best}, arrays, str(path))
    return tree["state"], tree["best"], Progress(**note["progress"])
