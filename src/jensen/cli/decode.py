"""`jensen decode`: latents to rows."""

from typing import Annotated

import typer

from jensen.cli._options import Header, Json, Key, Model, Out, Quiet, Rows

EXAMPLE = "jensen decode runs/digits latents.csv --out rows.npy"


def decode(
    model: Model,
    latents: Annotated[
        str,
        typer.Argument(
            metavar="LATENTS",
            show_default=False,
            help="One z a row, as of encode: a .csv, .tsv, .parquet, .arrow, .npy or .npz file; -"
            " for CSV on stdin.",
        ),
    ],
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            show_default=False,
            help="Of a model that was fitted with a condition: the label of all rows, or its"
            " numbers between commas.",
        ),
    ] = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give the mean of x given z for each row of latents."""
    from jensen.cli._conditions import parsed
    from jensen.cli._inputs import Source, load_model, naming, read_rows
    from jensen.cli._output import Answer
    from jensen.data import TableSchema
    from jensen.errors import OptionError

    answer = Answer(out, json, quiet)
    vae = load_model(model)
    answer.require(table=isinstance(vae.schema_, TableSchema))
    Z = read_rows(Source(latents, key, header, quiet=quiet), rows).X
    with naming(latents, OptionError):
        decoded = vae.inverse_transform(Z, condition=parsed(vae, condition))
    answer.show_rows("rows", decoded, vae.schema_)
