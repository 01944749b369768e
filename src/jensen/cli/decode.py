"""`jensen decode`: latents to rows."""

from typing import Annotated

import typer

from jensen.cli._options import Json, Key, Model, Out, Quiet, Rows

EXAMPLE = "jensen decode runs/digits latents.csv --out rows.npy"


def decode(
    model: Model,
    latents: Annotated[
        str,
        typer.Argument(
            metavar="LATENTS",
            show_default=False,
            help="One z a row: a .npy, .npz, .csv or .tsv file, as of encode.",
        ),
    ],
    rows: Rows = None,
    key: Key = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give the mean of x given z for each row of latents."""
    from jensen.cli._inputs import load_model, read_rows
    from jensen.cli._output import require_suffix, show_array
    from jensen.errors import OptionError

    require_suffix(out)
    vae = load_model(model)
    Z = read_rows(latents, key, rows).X
    try:
        decoded = vae.inverse_transform(Z)
    except OptionError as error:
        raise OptionError(f"{latents}: {error}") from None
    show_array("rows", decoded, out=out, as_json=json, quiet=quiet, header=vae.schema_.names)
