"""Scoring rehearsed on the untrained model, so that its programs are compiled in time.

Most of what scoring and reporting take, the first time, is compilation; training leaves most of
a second core idle. What is compiled depends on the shapes of a model and not on its weights.
"""

import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from jensen._runtime import rehearse
from jensen.cli._held_out import HeldOut
from jensen.cli._reporting import report_on
from jensen.cli._scores import checked

if TYPE_CHECKING:
    from jensen import VAE

__all__ = ["Rehearsal"]

# Fewer than any batch: nearly all programs take batches of one shape, however few rows are given.
_ROWS = 8


class Rehearsal:
    """A thread that scores and reports on an untrained model, and throws the results away."""

    def __init__(self, held_out: Callable[[], HeldOut], report: bool):
        self._held_out = held_out
        self._report = report
        self._cancelled = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def begin(self, vae: "VAE") -> None:
        """Start, with an untrained estimator."""
        self._thread = rehearse(self._run, vae)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Wait until all is compiled, since to compile it once more would take longer; after a
        failure nobody needs it, and nothing more is begun."""
        self._cancelled = kind is not None
        if self._thread is not None and not self._cancelled:
            self._thread.join()

    def _run(self, vae: "VAE") -> None:
        with np.errstate(all="ignore"):
            few = _few_of(self._held_out())
            if self._cancelled:
                return
            check = checked(vae, few)
            if self._report and not self._cancelled:
                with tempfile.TemporaryDirectory() as folder:
                    report_on(vae, few, check, Path(folder) / "report.html", seconds=0.0)


def _few_of(every: HeldOut) -> HeldOut:
    training = None if every.training is None else _few(every.training)
    # Their numbers first, as images that are not in memory are read when they are taken.
    rows = replace(every, indices=_few(every.indices)).scored
    return replace(every, rows=rows, indices=np.arange(len(rows)), labels=None, training=training)


def _few(rows: Any) -> Any:
    return rows[np.linspace(0, len(rows) - 1, min(_ROWS, len(rows))).round().astype(int)]
