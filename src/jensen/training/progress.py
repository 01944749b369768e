"""What is shown while a model trains: a live line on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["Printer"]

# Seconds between plain lines: a log of an hour's training stays readable.
_SECONDS_BETWEEN_LINES = 2.0
# Columns from which a live line has room for more than its numbers.
_ROOM_FOR_BAR = 110


class Printer:
    """Writes to stderr, so that stdout stays free for results; `quiet` writes nothing."""

    def __init__(self, quiet: bool = False):
        self.console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self._bar: Progress | None = None
        self._task: Any = None
        self._last = float("-inf")

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines as they are."""
        for line in lines:
            self.line(line)

    def line(self, line: str) -> None:
        """Print one line as it is."""
        self.console.print(line, markup=False)

    def epoch(self, record: dict[str, Any], planned: int) -> None:
        """Show how far training is, and what the epoch brought."""
        if self.console.is_terminal:
            self._show(record, planned)
            return
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_LINES or record["epoch"] == planned:
            self._last = now
            left = (planned - record["epoch"]) * record["seconds"] / record["epoch"]
            self.line(
                f"epoch {record['epoch']}/{planned}  {_terms(record)}  {_rate(record)} epochs/s"
                f"  {left:.0f} s left"
            )

    def _show(self, record: dict[str, Any], planned: int) -> None:
        if self._bar is None:
            self._bar = Progress(
                TextColumn("epoch {task.completed}/{task.total}"),
                *([BarColumn(bar_width=24)] if self.console.width >= _ROOM_FOR_BAR else []),
                TextColumn("{task.fields[terms]}"),
                TextColumn("{task.fields[rate]}/s"),
                TimeRemainingColumn(compact=True),
                console=self.console,
                transient=True,
            )
            self._task = self._bar.add_task("", total=planned, terms="", rate="")
            self._bar.start()
        self._bar.update(
            self._task, completed=record["epoch"], terms=_terms(record), rate=_rate(record)
        )
        if record["epoch"] >= planned:
            self.close()

    def close(self) -> None:
        """Take the live line away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> "Printer":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _terms(record: dict[str, Any]) -> str:
    of = "validation" if "validation_elbo" in record else "train"
    # What weights are judged by, where the objective has something of its own for that.
    bound = record.get("validation_objective")
    return ("" if bound is None else f"bound {bound:.2f}, ") + (
        f"ELBO {record[f'{of}_elbo']:.2f} = reconstruction {record[f'{of}_reconstruction']:.2f}"
        f" - KL {record[f'{of}_kl']:.2f}"
    )


def _rate(record: dict[str, Any]) -> str:
    return f"{record['epoch'] / max(record['seconds'], 1e-9):.1f}"
