"""What an iterator gives, made in another thread before it is asked for."""

import queue
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")


class _End:
    """Stands behind the last one, with what went wrong, if anything did."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


class Ahead(Generic[T]):
    """An iterator that is gone through in a thread of its own, at most so many steps ahead.

    A step is begun only when there is room for what it gives, so that no more than `most` of them
    are ready or in the making. What goes wrong is raised where it is asked for. To be closed, so
    that the thread ends.

    Example:
        >>> numbers = Ahead(iter([1, 2, 3]), most=2)
        >>> list(numbers)
        [1, 2, 3]
        >>> numbers.close()
    """

    def __init__(self, items: Iterator[T], most: int):
        self._items = items
        self._made: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
        self._room = threading.Semaphore(most)
        self._closed = False
        # A daemon, since whoever is killed by a signal does not come to close it.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while True:
                self._room.acquire()
                if self._closed:
                    return
                self._made.put(next(self._items))
        except StopIteration:
            self._made.put(_End())
        except BaseException as error:
            self._made.put(_End(error))

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        found = self._made.get()
        if isinstance(found, _End):
            # Whoever asks again is told again.
            self._made.put(found)
            raise StopIteration if found.error is None else found.error
        self._room.release()
        return found

    def close(self) -> None:
        """Make no more, and wait for what is in the making."""
        self._closed = True
        self._room.release()
        self._thread.join()
