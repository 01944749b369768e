"""What is compiled, and how: JAX's settings where the user has made none, and how to do without."""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

import equinox as eqx
import jax
import numpy as np
import platformdirs
from jax import Array

__all__ = [
    "briefly",
    "keep_compiled_programs",
    "on_device",
    "quick_jit",
    "quick_random",
    "rehearse",
    "strong",
]

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


_BRIEF = ContextVar("brief", default=False)


@contextlib.contextmanager
def briefly() -> Iterator[None]:
    """Within it, programs are compiled for one short run: a third of the time, half the speed."""
    before = _BRIEF.set(True)
    try:
        yield
    finally:
        _BRIEF.reset(before)


class quick_jit(Generic[P, T]):  # noqa: N801 - stands where a decorator stands
    """`eqx.filter_jit` of a function, for programs that are to start soon, which is all of them.

    On a CPU most of the time is in matrix products, which come from a library; with little
    optimisation of the rest, programs run as fast and are compiled in half the time. Not so where
    a part of a model says that it is `many_loops` to the compiler: what is `long_running` of it
    is worth all of the optimisation, and without XLA's own way of emitting what it fuses the
    whole is compiled sooner. What `XLA_FLAGS` says of either is left as it is.

    These are options of whole programs: on a CPU it cannot be called within another `jit`.

    Args:
        function: as `eqx.filter_jit` takes it.
        long_running: whether it runs for longer than it compiles, most often. Of what is not
            `many_loops` it changes nothing.
    """

    def __init__(self, function: Callable[P, T], *, long_running: bool = False) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._long_running = long_running
        self._programs: dict[tuple[bool, bool], Any] = {}

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = self._program(args, kwargs)(*args, **kwargs)
        return result

    def lower(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Do what Python has to do before these arguments' program is compiled.

        Python does one thing at a time, and compilation leaves it free: with the program that
        takes longest lowered first, others are traced beside its compilation and not before it.
        """
        self._program(args, kwargs).lower(*args, **kwargs)

    def _program(self, *arguments: Any) -> Any:
        is_loops = lambda node: getattr(type(node), "many_loops", False)
        kind = any(map(is_loops, jax.tree.leaves(arguments, is_leaf=is_loops))), _BRIEF.get()
        # Two threads may both make it: of equal functions and options Equinox gives the same.
        if kind not in self._programs:
            # Its types leave out what it hands on to `jax.jit`.
            filter_jit: Any = eqx.filter_jit
            options = _options(*kind, self._long_running)
            self._programs[kind] = filter_jit(self._function, compiler_options=options)
        return self._programs[kind]


_LEVEL = "xla_backend_optimization_level"
_EMITTERS = "xla_cpu_use_fusion_emitters"


def _options(loops: bool, brief: bool, long_running: bool) -> dict[str, Any] | None:
    """The compiler's options, of what `XLA_FLAGS` says nothing."""
    # The backend is known once something runs, and not yet on import.
    if jax.default_backend() != "cpu":
        return None
    options: dict[str, Any] = {}
    if brief or not (loops and long_running):
        options[_LEVEL] = 0 if brief else 1
    if loops and _is_option(_EMITTERS):
        options[_EMITTERS] = False
    flags = os.environ.get("XLA_FLAGS", "")
    return {name: value for name, value in options.items() if name not in flags} or None


@functools.cache
def _is_option(name: str) -> bool:
    """Whether this release of XLA knows a switch, which may be gone with what it switches."""
    try:
        jax.jit(lambda: 0, compiler_options={name: False}).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def on_device(values: Any) -> Array:
    """Numbers as an array of JAX, those of double precision in single.

    `jnp.asarray` compiles a program for each shape that NumPy's arrays have.
    """
    if isinstance(values, jax.Array):
        return values
    numbers = np.asarray(values)
    return jax.device_put(numbers.astype(np.float32) if numbers.dtype == np.float64 else numbers)


def strong(tree: Any) -> Any:
    """`tree` with no array of weak type, which JAX gives to what was made of plain numbers.

    What is compiled for one type is compiled anew for the other, and most operations, and files,
    make the one of the other.
    """
    return jax.tree.map(
        lambda leaf: leaf.astype(leaf.dtype) if getattr(leaf, "weak_type", False) else leaf, tree
    )


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
