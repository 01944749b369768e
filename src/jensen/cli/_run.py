"""The course of `jensen fit`: data, folder, training, scores, report."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import jensen
from jensen._words import counted
from jensen.cli._conditions import conditioned
from jensen.cli._folder import REPORT, SUMMARY, Folder, choose_folder
from jensen.cli._held_out import HeldOut, digest, held_out_of, limited
from jensen.cli._inputs import Source, full_name, naming
from jensen.cli._output import plain, print_json, say
from jensen.cli._reading import overrides_of, read_to_fit, schema_digest
from jensen.cli._resuming import require_same
from jensen.data import (
    AnySchema,
    Conditioned,
    Dataset,
    TableSchema,
    infer_condition,
    values_of,
)
from jensen.data.images import StoredImages
from jensen.errors import DataError, OptionError, TrainingError

if TYPE_CHECKING:
    from jensen import VAE

__all__ = ["Asked", "run"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks for; `settings` are the parameters of `jensen.VAE`."""

    source: Source
    test_key: str | None
    test_fraction: float
    settings: dict[str, Any]
    schema: Path | None = None
    out: Path | None
    overwrite: bool
    resume: bool
    report: bool
    json: bool
    quiet: bool


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows to fit and rows to score, under one schema."""

    dataset: Dataset
    schema: AnySchema
    fitted: Any
    test: np.ndarray | None
    held_out: Callable[[], HeldOut]


def run(asked: Asked) -> None:
    """Fit, save, score, report; each step leaves its files before the next one begins."""
    began = time.monotonic()
    _require_possible(asked.settings)
    rows = _read(asked)
    if asked.settings["objective"] == "auto" and not isinstance(rows.schema, TableSchema):
        asked = replace(asked, settings=asked.settings | {"objective": "elbo"})
    path = choose_folder(
        asked.out,
        rows.dataset.name.removesuffix(".jensen"),
        resume=asked.resume,
        overwrite=asked.overwrite,
    )
    told = rows.dataset
    from jensen.estimator.stored import describe_storage

    storage = describe_storage(told.stored, asked.settings["batch_size"])
    given = told.X.condition if isinstance(told.X, Conditioned) else None
    condition = [] if given is None else [infer_condition(given, len(given)).describe()]
    for line in [*told.notes, *storage, *rows.schema.describe(), *condition, *told.cautions]:
        say(asked.quiet, line)
    vae = _train(asked, rows, path)
    say(asked.quiet, _how_it_ended(vae, path))
    say(asked.quiet, _pace(vae, rows))
    try:
        _finish(asked, vae, rows, path, began)
    except KeyboardInterrupt:
        say(asked.quiet, _saved(path))
        raise


def _require_possible(settings: dict[str, Any]) -> None:
    """Raise `OptionError`, before data are read, for what is impossible whatever they are."""
    from jensen.estimator.arguments import require_parameters

    try:
        require_parameters(jensen.VAE(**settings))
    except OptionError as error:
        # An objective complains of its number, which is typed behind its name.
        if str(error).startswith(("draws=", "beta=")):
            raise OptionError(f"objective={settings['objective']}: {error}") from error
        raise


def _read(asked: Asked) -> _Rows:
    settings = asked.settings
    if not 0 < asked.test_fraction < 1:
        raise OptionError(f"test={asked.test_fraction}: must be a share above 0 and below 1")
    found = read_to_fit(asked.source, settings, asked.schema)
    dataset, schema = found.dataset, found.schema
    if asked.source.condition is not None:
        _require_conditionable(asked, found.table)
        dataset = conditioned(asked.source, dataset)
    if found.table and asked.test_key is not None:
        raise OptionError(
            f"--test-key {asked.test_key}: only .npz files have keys, and these are a table"
        )
    test = None if asked.test_key is None else replace(asked.source, key=asked.test_key).load()
    with naming(asked.source.data):
        if test is None:
            return _split(asked, dataset, schema)
        schema.check(test.X)
    given = lambda: HeldOut(
        test.name,
        schema.check(test.X),
        np.arange(len(test.X)),
        test.labels,
        schema.check(dataset.X),
    )
    return _Rows(dataset, schema, dataset.X, None, given)


def _split(asked: Asked, dataset: Dataset, schema: AnySchema) -> _Rows:
    from jensen.estimator.stored import share

    X = dataset.X
    parts = jensen.data.split(
        len(X),
        validation=0.0,
        test=share(X, asked.test_fraction),
        seed=asked.settings["random_state"],
    )
    if not len(parts.test):
        raise DataError(
            f"holds {len(dataset.X)} row; at least 2 are needed, to train on and to score"
        )
    # A table's rows stay a frame, which was checked when it was read.
    table = isinstance(schema, TableSchema)
    checked = lambda: dataset if table else replace(dataset, X=_checked(schema, X))
    held_out = lambda: held_out_of(checked(), parts.test)
    return _Rows(
        dataset,
        schema,
        X.part(parts.train) if isinstance(X, StoredImages) else X[parts.train],
        parts.test,
        # Of images that are not in memory some are read for it, and need not be twice.
        cache(held_out) if isinstance(X, StoredImages) else held_out,
    )


def _require_conditionable(asked: Asked, table: bool) -> None:
    if table:
        raise OptionError(
            f"--condition {asked.source.condition}: a table's model is of all its columns together;"
            " leave the condition among them, and draw the others by jensen sample --given"
        )
    if asked.test_key is not None:
        raise OptionError(
            f"--test-key {asked.test_key}: its rows have no condition; leave it out, and test rows"
            " are held out of the others (--test-fraction)"
        )


def _checked(schema: AnySchema, X: Any) -> Any:
    """Rows in the numbers of models; images that are not in memory are held to it when read."""
    if isinstance(X, Conditioned):
        return Conditioned(schema.check(X.X), X.condition)
    return X if isinstance(X, StoredImages) else schema.check(X)


def _note(asked: Asked, rows: _Rows) -> dict[str, Any]:
    """What tells a run from others, and where its held-out rows are."""
    return {
        "jensen": jensen.__version__,
        "data": full_name(asked.source.data),
        "key": asked.source.key,
        "header": asked.source.header,
        "na": list(asked.source.na),
        "size": asked.source.size,
        "memory": asked.source.memory,
        "condition": asked.source.condition,
        "schema": schema_digest(asked.schema),
        "test_key": asked.test_key,
        "settings": asked.settings | {"test": asked.test_fraction},
        "digest": digest(_checked(rows.schema, rows.dataset.X)),
        "test": None if rows.test is None else rows.test.tolist(),
    }


def _train(asked: Asked, rows: _Rows, path: Path) -> "VAE":
    note = _note(asked, rows)
    if asked.resume:
        require_same(note, asked.source.data, path)
    folder = Folder(path, note, asked.resume)
    folder.claim()
    try:
        return _fit(asked, rows, folder)
    except BaseException:
        folder.release()
        raise


def _fit(asked: Asked, rows: _Rows, folder: Folder) -> "VAE":
    from jensen.cli._rehearsal import Rehearsal
    from jensen.estimator.arguments import describe_likelihood
    from jensen.training.progress import Printer

    if asked.resume and not folder.has_checkpoint:
        say(asked.quiet, f"{folder.path} has no checkpoint yet: starting at the beginning")
    # JSON, in which settings are noted, has lists where the estimator has tuples.
    settings: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in asked.settings.items()
    }
    vae = jensen.VAE(**(settings | _support(settings, rows)))
    say(asked.quiet, describe_likelihood(vae.likelihood, rows.schema))
    with Rehearsal(rows.held_out, asked.report) as rehearsal, Printer(asked.quiet) as printer:

        def on_epoch(record: dict[str, Any], planned: int) -> None:
            folder.begin()
            printer.epoch(record, planned)

        try:
            vae.fit(
                rows.fitted,
                folder=folder.path,
                resume=asked.resume,
                on_start=rehearsal.begin,
                on_epoch=on_epoch,
                on_failure=printer.line,
            )
        except TrainingError as error:
            # Before the end of the first epoch the weights are those it began with.
            if not vae.n_iter_:
                raise
            _save(vae, rows, folder.path)
            raise TrainingError(f"{error} It is in {folder.path}.") from error
        except KeyboardInterrupt:
            # A second Ctrl-C, after training, does not cost what was trained.
            if hasattr(vae, "stopped_"):
                _save(vae, rows, folder.path)
                say(asked.quiet, _saved(folder.path))
            raise
        _save(vae, rows, folder.path)
    if asked.resume and not folder.begun:
        say(asked.quiet, "nothing was left of what was asked for: no epoch was added")
    return vae


def _support(settings: dict[str, Any], rows: _Rows) -> dict[str, Any]:
    """Overrides where the rows to fit would by themselves be taken for another kind."""
    if isinstance(rows.schema, TableSchema):
        return {"schema": rows.schema}
    whole = rows.schema
    if whole.binarised_from is not None:
        # Of real numbers it is 1, which needs no saying.
        return {"high": whole.binarised_from} if whole.binarised_from > 1 else {}
    alone = jensen.data.infer(values_of(rows.fitted), **overrides_of(settings))
    bounded = whole.kind == "bounded"
    if alone.kind == whole.kind and not (bounded and alone.high != whole.high):
        return {}
    return {"kind": whole.kind} | ({"high": whole.high} if bounded else {})


def _save(vae: "VAE", rows: _Rows, path: Path) -> None:
    if isinstance(rows.schema, TableSchema):
        vae.save(path)
        return
    # The estimator learns names from frames only, and these rows came as an array.
    vae.schema_ = replace(vae.schema_, names=rows.schema.names, reason=rows.schema.reason)
    vae.save(path)


def _how_it_ended(vae: "VAE", path: Path) -> str:
    ended = f"{vae.stopped_} after epoch {vae.n_iter_}; weights are those of {vae.best_epoch_}"
    if vae.stopped_ == "interrupted":
        return f"{ended}. {_saved(path)}; --resume --out {path} goes on"
    return ended


def _saved(path: Path) -> str:
    return f"The model is saved in {path}"


def _pace(vae: "VAE", rows: _Rows) -> str | None:
    """Of images, how fast training went."""
    from jensen.training import pace_of

    pace = pace_of(vae.history_)
    return None if pace is None or rows.dataset.stored is None else pace.words("image")


def _finish(asked: Asked, vae: "VAE", rows: _Rows, path: Path, began: float) -> None:
    from jensen._files import write_atomic
    from jensen.cli._reporting import report_on
    from jensen.cli._scores import checked, summary
    from jensen.cli._tables import print_summary

    every = rows.held_out()
    held_out = limited(every)
    total = counted(len(every.indices), "held-out row")
    say(asked.quiet, f"scoring {len(held_out.indices)} of {total}")
    check = checked(vae, held_out)
    page = None
    if asked.report:
        page = path / REPORT
        report_on(vae, held_out, check, page, seconds=time.monotonic() - began)
    seconds = time.monotonic() - began
    told = {"model": path, "report": page} | summary(vae, check, seconds)
    write_atomic(path / SUMMARY, json.dumps(plain(told), indent=2, allow_nan=False) + "\n")
    if asked.json:
        print_json(told)
    if not (asked.json and asked.quiet):
        print_summary(told, check, to_stderr=asked.json)
