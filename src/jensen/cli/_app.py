"""The program: its verbs, and the one place where an error becomes a line and an exit code."""

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from jensen import __version__
from jensen.cli import (
    check,
    compare,
    decode,
    denoise,
    diagnose,
    encode,
    evidence,
    fidelity,
    fit,
    impute,
    info,
    inpaint,
    reconstruct,
    report,
    sample,
    score,
    walk,
)
from jensen.cli._options import as_typed
from jensen.errors import DataError, FileError, JensenError, OptionError

__all__ = ["VERBS", "main"]

# In the order of the help: the main job, its questions, then the model itself.
VERBS = (
    fit,
    evidence,
    sample,
    impute,
    reconstruct,
    denoise,
    inpaint,
    walk,
    encode,
    decode,
    score,
    check,
    diagnose,
    fidelity,
    compare,
    report,
    info,
)
# The last two are those of a program that SIGINT or SIGPIPE has ended.
_DONE, _FAILED, _BAD_INPUT, _INTERRUPTED, _CUT_OFF = 0, 1, 2, 130, 141
# Typer keeps the class of its usage errors in a module that moves between its versions.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"jensen {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and stop."
        ),
    ] = False,
) -> None:
    """Fit a variational autoencoder to your data, and know its evidence.

    Start with: jensen fit digits
    """


def _program() -> Any:
    app = typer.Typer(
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback(epilog="Every verb explains itself: jensen fit --help")(_root)
    for module in VERBS:
        name = module.__name__.rpartition(".")[2]
        app.command(name, epilog=f"Example: {module.EXAMPLE}")(getattr(module, name))
    return typer.main.get_command(app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit code.

    0 is done; 2 a usage error or bad input, 1 any other failure, each with one line on stderr;
    130 is Ctrl-C, and 141 that whoever read stdout left before its end. With JENSEN_DEBUG=1 in
    the environment the traceback comes first.
    """
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    _never_fail_to_encode()
    try:
        with _program().make_context("jensen", arguments) as context:
            context.command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as done:
        return done.exit_code
    except BrokenPipeError:
        _close_stdout()
        return _CUT_OFF
    except KeyboardInterrupt:
        return _end(_INTERRUPTED, "interrupted")
    except _UsageError as error:
        return _end(_BAD_INPUT, _usage(error))
    except OptionError as error:
        return _end(_BAD_INPUT, as_typed(str(error)))
    except (DataError, FileError) as error:
        return _end(_BAD_INPUT, error)
    except JensenError as error:
        return _end(_FAILED, error)
    except Exception as error:
        told = f"internal error: {type(error).__name__}: {error}; please report it"
        return _end(_FAILED, f"{told} (JENSEN_DEBUG=1 shows where)")
    return _DONE


def _usage(error: Any) -> str:
    """The message of a usage error, ended by where the legal ones stand."""
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "jensen"
    if message.startswith("No such command"):
        verbs = ", ".join(module.__name__.rpartition(".")[2] for module in VERBS)
        return f"{message}; choose one of {verbs}"
    return f"{message}; see {path} --help"


def _end(code: int, message: Any) -> int:
    if os.environ.get("JENSEN_DEBUG") == "1":
        traceback.print_exc()
    # Whatever stdout still holds must not follow the error.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        print("error:", " ".join(str(message).split()), file=sys.stderr)
    return code


def _never_fail_to_encode() -> None:
    """Let a terminal without a minus sign or k̂ show a question mark in its place."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _close_stdout() -> None:
    """Whoever read stdout has gone: keep the interpreter's last flush from failing again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
