"""Settings of JAX that jensen asks for, where the user has made none."""

import contextlib
import os
from pathlib import Path

import jax
import platformdirs

__all__ = ["keep_compiled_programs", "quick_random"]


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
    # Small programs are many here, and reading one back takes hundredths of a second.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def quick_random() -> contextlib.AbstractContextManager[None]:
    """Within it, JAX's generator is the one whose program is small.

    The other one, made to be split over devices, takes two seconds of compilation in each
    program that draws at random, and three times as long to draw. Both are the same generator
    with its counters laid out in another way.
    """
    choice = getattr(jax, "threefry_partitionable", None)
    return contextlib.nullcontext() if choice is None else choice(False)
