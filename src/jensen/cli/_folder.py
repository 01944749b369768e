"""The folder of a run: which one it is, whose it is, and what a killed run left in it."""

import contextlib
import json
import re
from itertools import count
from pathlib import Path
from typing import Any

from jensen.errors import FileError, OptionError

__all__ = ["REPORT", "RUNS", "SUMMARY", "Folder", "choose_folder", "read_run"]

RUNS = Path("runs")
RUN, SUMMARY, REPORT = "run.json", "summary.json", "report.html"
_MODEL, _CHECKPOINT = "config.json", "checkpoint.safetensors"


def choose_folder(out: Path | None, name: str, *, resume: bool, overwrite: bool) -> Path:
    """Where a run goes: `out`, or the first free of runs/NAME, runs/NAME-2, ...

    With `resume` and no `out` it is the last of these that was begun and not finished.

    Raises `OptionError` where that would overwrite a model, or there is nothing to go on with.
    """
    if resume and overwrite:
        raise OptionError("--resume and --overwrite: one goes on, the other starts anew; give one")
    if out is None and resume:
        return _unfinished(name)
    if out is None:
        return RUNS / name if overwrite else _free(name)
    if out.suffix == ".jensen" or (out.exists() and not out.is_dir()):
        raise OptionError(f"--out {out}: must be a folder; a run keeps several files")
    if resume and not _begun(out):
        raise OptionError(f"--resume: {out} holds no run; leave --resume out to start one")
    if (_begun(out) or _has_model(out)) and not (resume or overwrite):
        what = "a model" if _has_model(out) else "an unfinished run"
        raise OptionError(
            f"--out {out}: holds {what}; --resume goes on with it, --overwrite replaces it, another"
            " --out leaves it alone"
        )
    return out


class Folder:
    """A run's folder, from the claim to the end.

    What was there before is touched only once the first epoch is done, when the options have
    proved possible.

    Attributes:
        path: the folder.
        begun: whether an epoch was done since.
    """

    def __init__(self, path: Path, note: dict[str, Any], resume: bool):
        self.path = path
        self._note = note
        self._resume = resume
        self.begun = False
        self._claimed = False

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to go on from."""
        return (self.path / _CHECKPOINT).exists()

    def claim(self) -> None:
        """Note whose folder this is, unless something stands there."""
        if not (self._resume or _begun(self.path) or _has_model(self.path)):
            self._write_note()
            self._claimed = True

    def begin(self) -> None:
        """Called after each epoch: the first one makes the old files void."""
        if self.begun:
            return
        from jensen._files import sweep

        self.begun = True
        sweep(self.path)
        # Without config.json no one takes an old model for the new one.
        void = [_MODEL, SUMMARY, REPORT] + ([] if self._resume else [_CHECKPOINT])
        for name in void:
            (self.path / name).unlink(missing_ok=True)
        if not self._resume:
            self._write_note()

    def release(self) -> None:
        """Leave no trace of a run that never began."""
        if self._claimed and not self.begun:
            (self.path / RUN).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self.path.rmdir()
                if self.path.parent == RUNS:
                    RUNS.rmdir()

    def _write_note(self) -> None:
        from jensen._files import write_atomic

        write_atomic(self.path / RUN, json.dumps(self._note) + "\n")


def read_run(folder: Path) -> dict[str, Any] | None:
    """What `jensen fit` noted when it began: data, settings, test rows; `None` if it did not."""
    path = folder / RUN
    try:
        note = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read ({error}); restore it from a copy") from None
    if not isinstance(note, dict) or not {"data", "settings", "test"} <= set(note):
        raise FileError(f"{path}: is not what jensen fit wrote; restore it from a copy")
    return note


def _has_model(folder: Path) -> bool:
    return (folder / _MODEL).exists()


def _begun(folder: Path) -> bool:
    return (folder / RUN).exists() or (folder / _CHECKPOINT).exists()


def _finished(folder: Path) -> bool:
    """Whether the summary, which comes last, is there, and Ctrl-C did not cut the run short."""
    if not (folder / SUMMARY).exists():
        return False
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        config = json.loads((folder / _MODEL).read_bytes())
        return config["details"]["stopped"] != "interrupted"
    return False


def _free(name: str) -> Path:
    paths = (RUNS / (name if number == 1 else f"{name}-{number}") for number in count(1))
    return next(path for path in paths if not (_begun(path) or _has_model(path)))


def _unfinished(name: str) -> Path:
    numbered = {
        int(found[1] or 1): path
        for path in (RUNS.iterdir() if RUNS.is_dir() else ())
        if (found := re.fullmatch(re.escape(name) + r"(?:-(\d+))?", path.name))
    }
    for _, path in sorted(numbered.items(), reverse=True):
        if _begun(path) and not _finished(path):
            return path
    raise OptionError(
        f"--resume: no run of {name} in {RUNS} was left unfinished; leave --resume out to start"
        " one, or name its folder with --out"
    )
