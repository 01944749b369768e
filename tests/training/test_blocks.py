"""Rows that are read while others are trained on: the same numbers as of rows in memory."""

import time
import weakref

import jax
import numpy as np
import pytest

from jensen._ahead import Ahead
from jensen.errors import DataError
from jensen.training import Options, Pace, Readable, blocks, pace_of, train
from jensen.training.pace import Stopwatch

from .weights import leaves

OPTIONS = Options(max_epochs=3, batch_size=16, checkpoint_seconds=0.0)


class Rows:
    """Rows that are read: told apart by what they are, and by how long they take."""

    def __init__(self, array, seconds=0.0, broken=None):
        self.array, self.seconds, self.broken = array, seconds, broken
        self.asked, self.alive, self.most = [], 0, 0

    identity = "these"

    def __len__(self):
        return len(self.array)

    def __getitem__(self, which):
        found = self.array[which].copy()
        if not isinstance(which, slice):
            self.asked.append(which)
            time.sleep(self.seconds)
            if self.broken in which:
                raise DataError(f"{self.broken}.png is truncated or damaged")
            self.alive += 1
            self.most = max(self.most, self.alive)
            weakref.finalize(found, self._gone)
        return found

    def _gone(self):
        self.alive -= 1


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Of two steps: nine steps are five blocks, of which the last is filled up."""
    monkeypatch.setattr(blocks, "_STEPS", 2)


@pytest.fixture(scope="module")
def read(rows, built):
    """A training on rows that are read, and these."""
    read = Rows(rows[:140])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_STEPS", 2)
        return train(*built, read, rows[140:], options=OPTIONS), read


def require_same(one, other, **tolerance):
    for left, right in zip(leaves(one.model), leaves(other.model), strict=True):
        np.testing.assert_allclose(left, right, **tolerance)
    for left, right in zip(one.history, other.history, strict=True):
        for name in set(left) - {"seconds", "rows_per_second", "waiting"}:
            assert left[name] == pytest.approx(right[name], rel=tolerance["rtol"]), name


def test_rows_that_are_read_train_as_rows_in_memory(rows, built, read):
    trained, asked = read
    assert [isinstance(each, Readable) for each in (asked, rows)] == [True, False]
    # The same steps in another program, which may round in another way.
    held = train(*built, rows[:140], rows[140:], options=OPTIONS)
    require_same(held, trained, rtol=1e-4, atol=1e-6)
    # Three epochs, and nothing was read ahead of a fourth.
    assert sum(map(len, asked.asked)) == 3 * 140


@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_resumed_run_of_them_ends_with_the_same_numbers(
    rows, built, read, tmp_path, killed_after
):
    def kill(record, planned):
        if record["epoch"] == killed_after + 1:
            raise KeyboardInterrupt

    arguments = {"options": OPTIONS, "folder": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        train(*built, Rows(rows[:140]), rows[140:], on_epoch=kill, **arguments)
    resumed = train(*built, Rows(rows[:140]), rows[140:], resume=True, **arguments)
    require_same(read[0], resumed, rtol=0.0)


@pytest.mark.parametrize(("count", "batch"), [(1, 4), (9, 4), (50, 4), (64, 16), (33, 64)])
def test_every_row_comes_once_an_epoch_in_an_order_of_its_own(count, batch):
    numbers = np.arange(count, dtype=np.uint8)[:, None]
    parts, held = (blocks.blocks_of(each, batch, 7, until=4) for each in (Rows(numbers), numbers))
    orders = []
    # After a failure the order is another, whatever was read ahead.
    for epoch, failures in ((0, 0), (1, 0), (1, 1)):
        met, shapes = [], set()
        for block in parts.epoch(epoch, failures):
            shapes.add((block.rows.shape, block.index.shape))
            taken = np.asarray(block.rows)[block.index[: block.due], 0]
            met.append(taken[block.weight[: block.due] > 0])
            assert (block.weight[: block.due].sum(axis=1) > 0).all()
        assert len(shapes) == 1
        (whole,) = held.epoch(epoch, failures)
        np.testing.assert_array_equal(
            np.concatenate(met), np.asarray(whole.rows)[whole.index[whole.weight > 0], 0]
        )
        orders.append(np.concatenate(met).tolist())
        assert sorted(orders[-1]) == list(range(count))
    assert count == 1 or len({*map(tuple, orders)}) == 3
    parts.close()


def test_few_blocks_live_at_a_time_however_many_there_are(rows, built):
    """On a CPU the device may hold the very array that was read, or a copy of it."""
    most = []
    for times in (1, 6):
        read = Rows(np.tile(rows, (times, 1)))
        train(*built, read, options=Options(max_epochs=2, batch_size=16))
        most.append(read.most)
    assert max(most) <= blocks.AHEAD + 2


def test_waiting_for_a_slow_reader_is_told(rows, built):
    """A fifth of a second for each block, which is trained on in some milliseconds."""
    options = Options(max_epochs=2, batch_size=16)
    slow = pace_of(train(*built, Rows(rows[:140], 0.2), options=options).history)
    assert slow.waiting > 0.3
    # Of five blocks at least two are not read ahead of the epoch.
    assert slow.rows_per_second < 140 / 0.4
    assert "% of the time waiting for data: reading is slower than training" in slow.words("image")


def test_the_pace_is_that_of_training_alone():
    class Waited:
        waited = 3.0

    watch = Stopwatch(Waited, now=100.0)
    Waited.waited = 3.5
    assert watch.pace(80, now=102.0) == Pace(rows_per_second=40.0, waiting=0.25)
    assert "slower" not in Pace(1000.0, 0.01).words()
    assert pace_of([]) is None


def test_a_row_that_cannot_be_read_ends_training_with_its_name(rows, built):
    with pytest.raises(DataError, match=r"77\.png is truncated or damaged"):
        train(*built, Rows(rows, broken=77), options=OPTIONS)


def test_a_block_is_as_large_as_a_device_can_hold_three_of():
    few = np.zeros((1, 256, 256, 3), np.uint8)
    assert blocks.rows_of_a_block(np.broadcast_to(few, (9_000, 256, 256, 3)), 64) == 128
    large = np.broadcast_to(np.zeros((1, 9000, 9000), np.uint8), (9, 9000, 9000))
    assert blocks.rows_of_a_block(large, 64) == 64


def test_what_is_made_ahead_is_bounded_and_ends():
    begun = []

    def numbers():
        for n in range(10):
            begun.append(n)
            yield n

    ahead = Ahead(numbers(), most=3)
    for n in range(4):
        assert next(ahead) == n
        time.sleep(0.01)
        assert len(begun) <= n + 1 + 3
    ahead.close()
    assert len(begun) <= 8
    # An iterator that is at its end stays there.
    short = Ahead(iter([jax.numpy.int32(1)]), most=2)
    assert [int(each) for each in short] == [1]
    assert list(short) == []
    short.close()
