"""Errors that users meet: each message says what is wrong, where, and what to do.

The command line turns every `JensenError` into one line on stderr; those that the
user can mend (`DataError`, `OptionError`, `FileError`) end with exit code 2.
"""

from typing import Any

__all__ = ["DataError", "FileError", "JensenError", "OptionError", "TrainingError"]


class JensenError(Exception):
    """Base of all errors that jensen raises on purpose."""


class DataError(JensenError, ValueError):
    """Data that cannot be used: names the file, row or column, and the remedy."""


class OptionError(JensenError, ValueError):
    """An option with an unknown or impossible value: names the option and the legal ones."""


class FileError(JensenError, OSError):
    """A model folder or file that is missing, truncated, altered or from a newer version."""


class TrainingError(JensenError, RuntimeError):
    """Training that could not go on; `trained` holds the best model until then."""

    trained: Any = None
