"""`jensen denoise`: what rows were before a noise of known kind was added."""

from pathlib import Path
from typing import Annotated

import typer

from jensen.cli._options import Data, Json, Key, Model, Out, Quiet, Rows

EXAMPLE = "jensen denoise runs/digits noisy.npy --noise gaussian:4 --out clean.npy"


def denoise(
    model: Model,
    data: Data,
    noise: Annotated[
        str,
        typer.Option(
            show_default=False,
            help="gaussian:SIGMA in the data's units; flip:RATE of bits; salt-and-pepper:RATE of"
            " entries at the ends of the data's range.",
        ),
    ],
    std_out: Annotated[
        Path | None,
        typer.Option(show_default=False, help="Write the standard deviations to this file."),
    ] = None,
    rows: Rows = None,
    key: Key = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give the posterior mean of each row before the noise, and its standard deviation."""
    from jensen.cli._inputs import load_model, read_rows
    from jensen.cli._output import require_suffix, say, show_array, write_array
    from jensen.errors import DataError, OptionError

    require_suffix(out)
    require_suffix(std_out, option="std-out")
    if out is not None and std_out is not None and out.resolve() == std_out.resolve():
        raise OptionError(f"--std-out {std_out}: is also where --out goes; give another file")
    vae = load_model(model)
    noisy = read_rows(data, key, rows).X
    try:
        clean = vae.denoise(noisy, noise=noise)
    except DataError as error:
        raise DataError(f"{data}: {error}") from None
    header = vae.schema_.names
    if std_out is not None:
        write_array(std_out, clean.std, header)
        say(quiet, f"wrote standard deviations to {std_out}")
    more = {"std": clean.std} if out is None and std_out is None else {}
    show_array(
        "mean",
        clean.mean,
        out=out,
        as_json=json,
        quiet=quiet,
        header=header,
        more=more | {"ess": clean.ess} | ({} if std_out is None else {"std_out": std_out}),
    )
