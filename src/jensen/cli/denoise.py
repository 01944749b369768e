"""`jensen denoise`: what rows were before a noise of known kind was added."""

from pathlib import Path
from typing import Annotated

import typer

from jensen.cli._options import (
    Condition,
    Data,
    Header,
    Json,
    Key,
    Model,
    Out,
    Quiet,
    Rows,
    remedy_as_typed,
)

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
    method: Annotated[
        str,
        typer.Option(
            help="Where draws of z come from: refined (the best normal for each row, weighted),"
            " encoder, resampled, hmc, or exact (linear-Gaussian models, Gaussian noise)."
        ),
    ] = "refined",
    std_out: Annotated[
        Path | None,
        typer.Option(
            show_default=False, help="Also write the standard deviations, to such a file as --out."
        ),
    ] = None,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Condition = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give the posterior mean of each row before the noise, and its standard deviation."""
    from jensen.cli._inputs import Source, load_model, missing_spellings, naming, read_rows
    from jensen.cli._output import Answer, require_suffix, say, write_array
    from jensen.data import TableSchema
    from jensen.errors import OptionError

    answer = Answer(out, json, quiet)
    require_suffix(std_out, option="std-out")
    if out is not None and std_out is not None and out.resolve() == std_out.resolve():
        raise OptionError(f"--std-out {std_out}: is also where --out goes; give another file")
    vae = load_model(model)
    if isinstance(vae.schema_, TableSchema):
        raise OptionError(
            f"{model}: is of a table, and noise is of numbers of one kind; empty the cells that are"
            " wrong and fill them with jensen impute"
        )
    noisy = read_rows(
        Source(data, key, header, missing_spellings(model), condition=condition, quiet=quiet),
        rows,
        vae.schema_.names,
        vae.schema_.shape,
        vae,
    ).X
    with naming(data):
        clean = vae.denoise(noisy, noise=noise, method=method)
    say(quiet, remedy_as_typed(clean.warning()))
    names = vae.schema_.names
    if std_out is not None:
        write_array(std_out, clean.std, names)
        answer.say(f"wrote standard deviations to {std_out}")
    more = {"std": clean.std} if out is None and std_out is None else {}
    more |= {"ess": clean.ess} | ({} if std_out is None else {"std_out": std_out})
    answer.show("mean", clean.mean, names, more)
