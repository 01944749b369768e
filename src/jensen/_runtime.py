"""Settings of JAX that jensen asks for, where the user has made none."""

import os
from pathlib import Path

import jax
import platformdirs

__all__ = ["keep_compiled_programs"]


def keep_compiled_programs() -> None:
    """Turn on JAX's persistent compilation cache, in the user's cache folder.

    Does nothing where the user has chosen a folder, or none can be written to.
    """
    if jax.config.jax_compilation_cache_dir is not None:
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
