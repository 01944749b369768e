"""`jensen impute`: the missing cells of a table, filled."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jensen.cli._options import Data, Header, Json, Model, Quiet, Seed

if TYPE_CHECKING:
    import polars as pl

    from jensen.data.tables import Unseen

EXAMPLE = "jensen impute runs/adult adult.csv --out filled.csv"

# Draws of z for each row, and rows at a time, which keep a piece to some tens of megabytes.
_DRAWS, _PIECE = 200, 10_000
_NUMBER = "draw"


def impute(
    model: Model,
    data: Data,
    out: Annotated[
        Path | None,
        typer.Option(
            show_default=False,
            help="Write to this .csv, .tsv, .parquet or .arrow file, not CSV to stdout.",
        ),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(
            show_default=False,
            help="In place of means, so many draws of the whole table, one below the other, told"
            " apart by a column called draw (multiple imputation).",
        ),
    ] = None,
    intervals: Annotated[
        Path | None,
        typer.Option(
            show_default=False,
            help="Write an interval for each missing number to this .csv, .tsv, .parquet or .arrow"
            " file.",
        ),
    ] = None,
    level: Annotated[
        float, typer.Option(help="The share of a cell's posterior that its interval holds.")
    ] = 0.9,
    seed: Seed = None,
    header: Header = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fill the missing cells of a table by what the model says of them given the others.

    Numbers are posterior means, categories the most frequent ones; cells that are there stay as
    they are. Files are read, filled and written a piece at a time.
    """
    from jensen._words import counted
    from jensen.cli._frames import csv_of, require_table_suffix, write_frame, write_pieces
    from jensen.cli._inputs import Source, load_model, missing_spellings
    from jensen.cli._output import print_json, say
    from jensen.data import TableSchema
    from jensen.data.tables import Unseen
    from jensen.errors import OptionError

    require_table_suffix(out)
    require_table_suffix(intervals, "intervals")
    if draws is not None and draws < 1:
        raise OptionError(f"--draws={draws}: must be a whole number of at least 1")
    if out is None and json:
        raise OptionError("--json: name a file for the rows with --out")
    if out is not None and intervals is not None and out.resolve() == intervals.resolve():
        raise OptionError(f"--intervals {intervals}: is also where --out goes; give another file")
    if intervals is not None and intervals.resolve() == Path(data).resolve():
        raise OptionError(f"--intervals {intervals}: is the file that is read; give another file")
    vae = load_model(model)
    if not isinstance(vae.schema_, TableSchema):
        raise OptionError(
            f"{model}: is of numbers of one kind, without missing cells; fit one of a table: jensen"
            " fit DATA --kind table"
        )
    if draws is not None and _NUMBER in vae.schema_.names:
        raise OptionError(
            f"--draws: a column called {_NUMBER!r} is to number the draws, and the table has one"
        )
    told: dict[str, Any] = {"rows": 0, "filled": 0, "unreliable": 0}
    ends: list[Any] = []
    source = Source(data, None, header, missing_spellings(model))
    unseen = Unseen(vae.schema_.columns)
    found = _pieces(vae, source, draws, level, seed, told, ends if intervals else None, unseen)
    if out is None:
        for number, piece in enumerate(found):
            print(csv_of(piece, vae.schema_, header=not number), end="")
    else:
        write_pieces(out, found, vae.schema_)
    say(quiet, f"filled {counted(told['filled'], 'cell')} of {counted(told['rows'], 'row')}")
    for line in unseen.lines():
        say(quiet, f"caution: {line}")
    if told["unreliable"]:
        rows = counted(told["unreliable"], "row")
        say(quiet, f"caution: the draws of {rows} are unreliable, far from what the model knows")
    if intervals is not None:
        import polars as pl

        write_frame(intervals, pl.concat(ends), vae.schema_)
    if json:
        more = {} if intervals is None else {"intervals": intervals}
        print_json({"out": out} | told | more)


def _pieces(
    vae: Any,
    source: Any,
    draws: int | None,
    level: float,
    seed: int | None,
    told: dict[str, Any],
    ends: list[Any] | None,
    unseen: "Unseen",
) -> Iterator["pl.DataFrame"]:
    """Filled rows, a piece at a time; counts go to `told`, intervals to `ends`, cells of values
    that no training row had to `unseen`."""
    import numpy as np
    import polars as pl

    from jensen.cli._inputs import fitting_pieces
    from jensen.data.tables.types import polars_type

    schema, keep = vae.schema_, draws or 0
    enough = max(_DRAWS, -(-keep // 4) * 4)
    for first, piece in fitting_pieces(vae, source, _PIECE):
        unseen.add(piece, first)
        # Columns that no model sees need not be there, nor have a cell.
        empty = [
            pl.lit(None, dtype=polars_type(column.storage, column.categories)).alias(column.name)
            for column in schema.columns
            if not column.modelled and piece.schema.get(column.name, pl.Null()) == pl.Null
        ]
        whole = piece.with_columns(empty)
        mask = np.asarray(schema.check(whole).mask)
        # Or equal rows of several pieces would be filled with the same draws.
        own = np.random.RandomState([seed or 0, first]) if first else seed
        found = vae.impute(whole, enough, level, keep=keep, random_state=own)
        tables = found.draws if draws else [found.table]
        tables = [table.select(piece.columns) for table in tables]
        if ends is not None:
            ends.append(_ends(schema, found, mask, first))
        told["rows"] += len(piece)
        told["filled"] += int((~mask).sum())
        told["unreliable"] += int(found.unreliable.sum())
        if draws:
            number = pl.Series(_NUMBER, range(draws))
            numbers = np.repeat(number.to_numpy(), len(piece))
            yield pl.concat(tables).insert_column(0, pl.Series(_NUMBER, numbers))
        else:
            yield tables[0]


def _ends(schema: Any, found: Any, mask: Any, before: int) -> "pl.DataFrame":
    """A line for each missing number: its row in the file, its column, value, lower and upper."""
    import numpy as np
    import polars as pl

    parts = []
    for j, column in enumerate(schema.modelled):
        rows = np.flatnonzero(~mask[:, j])
        # Of categories only such as are numbers in their order have ends of an interval.
        if column.law.of_levels and (column.kind != "ordinal" or column.worth() is None):
            continue
        cells = {
            name: table[column.name][rows].cast(pl.String)
            for name, table in (
                ("value", found.table),
                ("lower", found.lower),
                ("upper", found.upper),
            )
        }
        places = pl.Series("row", rows + before, dtype=pl.Int64)
        names = pl.Series("column", [column.name] * len(rows), dtype=pl.String)
        parts.append(pl.DataFrame([places, names, *(s.alias(n) for n, s in cells.items())]))
    empty = {"row": pl.Int64} | dict.fromkeys(("column", "value", "lower", "upper"), pl.String)
    return pl.concat([pl.DataFrame(schema=empty), *parts]).sort("row", maintain_order=True)
