"""`jensen sample`: new rows from the model."""

import warnings
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from jensen.cli._options import Json, Model, Out, Quiet, Seed

EXAMPLE = "jensen sample runs/digits -n 64 --source posterior --png new.png"


def sample(
    model: Model,
    n: Annotated[int, typer.Option("-n", "--number", help="How many rows.")] = 1,
    source: Annotated[
        str,
        typer.Option(
            help="Where z comes from: prior; or posterior, that of training rows drawn at random."
        ),
    ] = "prior",
    mean: Annotated[
        bool, typer.Option("--mean", help="The mean of x given z, not a draw.")
    ] = False,
    given: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN=VALUE,...",
            show_default=False,
            help="Of a table: rows with these cells, the others drawn given them.",
        ),
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            show_default=False,
            help="Of a model that was fitted with a condition: its label, or its numbers between"
            " commas. Without it those of training rows drawn at random.",
        ),
    ] = None,
    seed: Seed = None,
    out: Out = None,
    png: Annotated[
        Path | None,
        typer.Option(show_default=False, help="Also draw them, where rows are images."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw new rows that obey the schema: z from the prior or the posterior, then x given z."""
    from jensen._words import counted
    from jensen.cli._conditions import parsed
    from jensen.cli._images import require_images, write_grid
    from jensen.cli._inputs import load_model
    from jensen.cli._output import Answer, require_suffix
    from jensen.data import TableSchema
    from jensen.errors import DataError, OptionError

    answer = Answer(out, json, quiet)
    require_suffix(png, (".png",), "png")
    vae = load_model(model)
    table = isinstance(vae.schema_, TableSchema)
    answer.require(table=table)
    if table and png is not None:
        raise OptionError(f"--png {png}: rows of a table are no images; write them with --out")
    if given is not None:
        if not table:
            raise OptionError("--given: is of tables, and this model of numbers of one kind")
        if mean or source != "prior" or condition is not None:
            other = "--mean" if mean else "--source" if source != "prior" else "--condition"
            raise OptionError(f"--given: {other} is of rows of which nothing is known")
        cells = _cells(given)
        try:
            with warnings.catch_warnings(record=True) as cautions:
                warnings.simplefilter("always", UserWarning)
                drawn = vae.sample_given(cells, n, random_state=seed)
        except DataError as error:
            raise OptionError(f"--given: {error}") from None
        for caution in cautions:
            answer.say(f"caution: {caution.message}")
        answer.show_rows("samples", drawn, vae.schema_, {"given": cells})
        return
    if png is not None:
        require_images(vae.schema_)
    asked = parsed(vae, condition)
    drawn = vae.sample(n, cast(Any, source), condition=asked, mean=mean, random_state=seed)
    if png is not None:
        write_grid(png, drawn, vae.schema_)
        answer.say(f"drew {counted(n, 'row')} to {png}")
        if out is None and not json:
            return
    more = {"source": source, "mean": mean} | ({} if png is None else {"png": png})
    more |= {} if condition is None else {"condition": condition}
    answer.show_rows("samples", drawn, vae.schema_, more)


def _cells(text: str) -> dict[str, str]:
    """From "sex=Female,age=39" to cells by column; quotes hold commas together."""
    import csv

    from jensen.errors import OptionError

    cells: dict[str, str] = {}
    for part in next(csv.reader([text], skipinitialspace=True), []):
        name, sign, value = part.partition("=")
        if not sign or not name.strip():
            raise OptionError(f"--given {text}: give COLUMN=VALUE,..., such as sex=Female,age=39")
        if name.strip() in cells:
            raise OptionError(f"--given {text}: column {name.strip()!r} comes twice")
        cells[name.strip()] = value.strip()
    if not cells:
        raise OptionError("--given: give COLUMN=VALUE,..., such as sex=Female,age=39")
    return cells
