"""Settings of JAX that jensen asks for, where the user has made none."""

import contextlib
import functools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

import equinox as eqx
import jax
import platformdirs

__all__ = ["keep_compiled_programs", "quick_jit", "quick_random", "rehearse"]

_OPTIMISATION = "xla_backend_optimization_level"

P = ParamSpec("P")
T = TypeVar("T")


def keep_compiled_programs() -> None:
    """Turn on JAX's persistent compilation cache, in the user's cache folder.

    Does nothing where the user has chosen a folder, or none can be written to.
    """
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    folder = Path(platformdirs.user_cache_dir("jensen")) / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if not os.access(folder, os.W_OK):
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # Small programs are many here, and reading one back takes a thousandth of a second.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def quick_random() -> contextlib.AbstractContextManager[None]:
    """Within it, JAX's generator is the one whose program is small.

    The other one, made to be split over devices, takes two seconds of compilation in each
    program that draws at random, and three times as long to draw. Both are the same generator
    with its counters laid out in another way.
    """
    choice = getattr(jax, "threefry_partitionable", None)
    return contextlib.nullcontext() if choice is None else choice(False)


class quick_jit(Generic[P, T]):  # noqa: N801 - stands where a decorator stands
    """`eqx.filter_jit` of a function, for programs that are to start soon, which is all of them.

    On a CPU most of the time is in matrix products, which come from a library; with little
    optimisation of the rest, programs run as fast and are compiled in half the time. Another
    level in `XLA_FLAGS` is left as it is.
    """

    def __init__(self, function: Callable[P, T]) -> None:
        functools.update_wrapper(self, function)
        self._function = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = self._program(*args, **kwargs)
        return result

    def lower(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Do what Python has to do before these arguments' program is compiled.

        Python does one thing at a time, and compilation leaves it free: with the program that
        takes longest lowered first, others are traced beside its compilation and not before it.
        """
        self._program.lower(*args, **kwargs)

    @functools.cached_property
    def _program(self) -> Any:
        # The backend is known once something runs, and not yet on import.
        on_cpu = jax.default_backend() == "cpu"
        chosen = _OPTIMISATION in os.environ.get("XLA_FLAGS", "")
        options = {_OPTIMISATION: 1} if on_cpu and not chosen else None
        # Its types leave out what it hands on to `jax.jit`.
        filter_jit: Any = eqx.filter_jit
        return filter_jit(self._function, compiler_options=options)


def rehearse(function: Callable[..., Any], *args: Any) -> threading.Thread:
    """Call a function in another thread for the sake of what it compiles.

    Compilation depends on shapes and not on numbers, and leaves the rest of the program to go
    on beside it. Whatever goes wrong here goes wrong again where it counts, and is told there.
    """

    def run() -> None:
        with contextlib.suppress(Exception):
            function(*args)

    thread = threading.Thread(target=run)
    thread.start()
    return thread
