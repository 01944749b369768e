"""The command line: one file a verb; what they share begins with an underscore."""

from jensen.cli._app import main

__all__ = ["main"]
