"""What training goes through in an epoch: blocks of rows on the device.

Rows in memory are one block, which stays there. Rows that are read are many, of which the next
ones are read, and put on the device, while one is trained on.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from jensen._ahead import Ahead
from jensen._batching import count
from jensen._runtime import on_device
from jensen.training.step import plan

__all__ = ["AHEAD", "Block", "Blocks", "Readable", "blocks_of", "rows_of_a_block"]

AHEAD = 2
"""Blocks that are read, or being read, while one is trained on: one in the making, so that the
readers never pause, and one ready, so that a slow one is made up for by a quick one."""

# A block takes long enough to train on for the millisecond between two of them not to count, and
# is read soon enough for the first one not to be waited for long.
_STEPS = 32
# Three blocks live at a time, of large images too.
_BYTES = 32 * 2**20


@runtime_checkable
class Readable(Protocol):
    """Rows that are read when they are asked for, and not in memory.

    They have a length; whole numbers for the rows asked for give an array of these, in that
    order; and `identity` tells them from others.
    """

    @property
    def identity(self) -> str:
        """By which a run that is resumed knows them again."""

    def __len__(self) -> int: ...

    def __getitem__(self, which: Any) -> Any: ...


@dataclass(frozen=True, eq=False)
class Block:
    """Some steps of an epoch.

    Attributes:
        rows: on the device.
        index: which of them each step takes, shape (steps, batch).
        weight: alike; 0 where a batch is filled up.
        number: which steps of the epoch these are, shape (steps,).
        due: how many of them there are where others fill the block up, or `None`.
    """

    rows: Any
    index: np.ndarray
    weight: np.ndarray
    number: np.ndarray
    due: np.ndarray | None = None


class Blocks(Protocol):
    """The blocks of all epochs.

    Attributes:
        waited: seconds for which there was no block where one was asked for.
    """

    waited: float

    def begin(self, epoch: int, failures: int) -> None:
        """Read ahead for an epoch that will be asked for."""

    def example(self) -> Block:
        """A block of the shapes that all have; its numbers mean nothing."""

    def epoch(self, epoch: int, failures: int) -> Iterator[Block]:
        """Every row once, in an order that follows from seed, epoch and failures."""

    def close(self) -> None:
        """Read no more."""


def blocks_of(rows: Any, batch: int, seed: int, until: int) -> Blocks:
    """The blocks of rows in memory, or of some that are read, for the epochs before `until`."""
    return (
        _Read(rows, batch, seed, until) if isinstance(rows, Readable) else _Held(rows, batch, seed)
    )


def rows_of_a_block(rows: Any, batch: int) -> int:
    """How many rows a block of rows that are read has."""
    return _steps_of_a_block(rows, batch) * batch


def _steps_of_a_block(rows: Any, batch: int) -> int:
    first = rows[:1]
    most = max(1, min(_STEPS, _BYTES // max(1, first.nbytes * batch)))
    steps = -(-len(rows) // batch)
    # As many in each as can be, so that hardly any has to be filled up.
    return -(-steps // -(-steps // most))


class _Held:
    """Rows in memory: one block."""

    waited = 0.0

    def __init__(self, rows: Any, batch: int, seed: int):
        self._rows = jax.tree.map(on_device, rows)
        self._batch, self._seed = batch, seed

    def begin(self, epoch: int, failures: int) -> None:
        """Nothing is to be read."""

    def example(self) -> Block:
        return next(self.epoch(0, 0))

    def epoch(self, epoch: int, failures: int) -> Iterator[Block]:
        rng = np.random.default_rng([self._seed, epoch, failures])
        index, weight = plan(count(self._rows), self._batch, rng)
        yield Block(self._rows, index, weight, np.arange(len(index)))

    def close(self) -> None:
        """Nothing is being read."""


class _Read:
    """Rows that are read in blocks of one shape, over the ends of epochs too."""

    def __init__(self, rows: Readable, batch: int, seed: int, until: int):
        self._rows = rows
        self._batch, self._seed, self._until = batch, seed, until
        self._steps = _steps_of_a_block(rows, batch)
        self._blocks = -(-len(rows) // (self._steps * batch))
        self.waited = 0.0
        self._ahead: Ahead[Block] | None = None
        self._next: tuple[int, int] | None = None

    def begin(self, epoch: int, failures: int) -> None:
        if self._next != (epoch, failures):
            # After a failure other rows come first than those that were read ahead.
            self.close()
            self._ahead = Ahead(self._from(epoch, failures), AHEAD)
            self._next = epoch, failures

    def example(self) -> Block:
        one = self._rows[:1]
        rows = np.zeros((self._steps * self._batch, *one.shape[1:]), one.dtype)
        return self._block(on_device(rows), 0)

    def epoch(self, epoch: int, failures: int) -> Iterator[Block]:
        self.begin(epoch, failures)
        assert self._ahead is not None
        # Until all of it was gone through nothing can follow.
        self._next = None
        for _ in range(self._blocks):
            asked = time.monotonic()
            block = next(self._ahead)
            self.waited += time.monotonic() - asked
            yield block
        self._next = epoch + 1, failures

    def close(self) -> None:
        if self._ahead is not None:
            self._ahead.close()
        self._ahead, self._next = None, None

    def _from(self, epoch: int, failures: int) -> Iterator[Block]:
        each = self._steps * self._batch
        for which in range(epoch, self._until):
            rng = np.random.default_rng([self._seed, which, failures])
            order = plan(len(self._rows), self._batch, rng)[0].ravel()[: len(self._rows)]
            for number in range(self._blocks):
                rows = self._rows[order[number * each : (number + 1) * each]]
                if len(rows) < each:
                    rows = np.concatenate([rows, np.repeat(rows[-1:], each - len(rows), axis=0)])
                yield self._block(on_device(rows), number)

    def _block(self, rows: Any, number: int) -> Block:
        shape = self._steps, self._batch
        each = self._steps * self._batch
        place = np.arange(each, dtype=np.int32)
        weight = (number * each + place < len(self._rows)).astype(np.float32)
        steps = number * self._steps + np.arange(self._steps)
        due = np.int32(min(self._steps, -(-len(self._rows) // self._batch) - steps[0]))
        return Block(rows, place.reshape(shape), weight.reshape(shape), steps, np.asarray(due))
