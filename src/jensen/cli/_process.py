"""The process that runs one command line and ends."""

import gc

from jensen.cli._app import main

__all__ = ["run"]

# Objects between two collections, in place of some hundreds: of what imports and compilation make
# nearly all stays, and to look through it again and again takes a tenth of a short verb's time.
_OBJECTS = 200_000


def run() -> int:
    """The exit code of `sys.argv`'s command line."""
    gc.set_threshold(_OBJECTS)
    code = main()
    # The interpreter's last collection has nothing to find that is worth the search.
    gc.freeze()
    return code
