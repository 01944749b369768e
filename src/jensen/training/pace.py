"""Rows a second, and the share of the time that was spent waiting for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jensen.training.blocks import Blocks

__all__ = ["Pace", "Stopwatch", "pace_of"]

# From here on, training is held up by reading: with a quarter more of the time it is worth knowing.
_SLOW = 0.2


@dataclass(frozen=True)
class Pace:
    """How fast a training went.

    Attributes:
        rows_per_second: trained on, validation and checkpoints left out.
        waiting: the share of that time in which there was no row to train on.
    """

    rows_per_second: float
    waiting: float

    def to_json(self) -> dict[str, float]:
        """Plain values."""
        return {
            "rows_per_second": round(self.rows_per_second, 1),
            "waiting": round(self.waiting, 4),
        }

    def words(self, noun: str = "row") -> str:
        """For a person, and what to do where reading is what takes the time.

        >>> Pace(12345.6, 0.031).words("image")
        'throughput: 12,346 images per second; 3 % of the time waiting for data'
        """
        told = (
            f"throughput: {self.rows_per_second:,.0f} {noun}s per second;"
            f" {100 * self.waiting:.0f} % of the time waiting for data"
        )
        if self.waiting < _SLOW:
            return told
        return (
            f"{told}: reading is slower than training; decode the images once, into one .npy file"
            " (docs/images.md), or let more of them be kept in memory"
        )


class Stopwatch:
    """Of an epoch: its seconds, and for how many of them blocks were waited for."""

    def __init__(self, blocks: Blocks, now: float):
        self._blocks, self._began, self._waited = blocks, now, blocks.waited

    def pace(self, rows: int, now: float) -> Pace:
        """What so many rows until now amount to."""
        seconds = max(now - self._began, 1e-9)
        return Pace(rows / seconds, (self._blocks.waited - self._waited) / seconds)


def pace_of(history: Sequence[dict[str, Any]]) -> Pace | None:
    """The pace of all epochs but the first, which compiles; `None` of what was not trained.

    Where there is no other it is that of the first.

    >>> record = {"rows_per_second": 100.0, "waiting": 0.5}
    >>> pace_of([record, record | {"rows_per_second": 300.0, "waiting": 0.1}])
    Pace(rows_per_second=300.0, waiting=0.1)
    """
    known = [each for each in history if each.get("rows_per_second")]
    if not known:
        return None
    # All epochs have as many rows, so that their seconds are in the ratio of one over the pace.
    seconds = [1 / each["rows_per_second"] for each in known[1:] or known]
    waited = [each["waiting"] for each in known[1:] or known]
    total = sum(seconds)
    share = sum(s * w for s, w in zip(seconds, waited, strict=True)) / total
    return Pace(len(seconds) / total, share)
