"""`jensen sample`: new rows from the model."""

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
    from jensen.cli._images import require_images, write_grid
    from jensen.cli._inputs import load_model
    from jensen.cli._output import Answer, require_suffix

    answer = Answer(out, json, quiet)
    require_suffix(png, (".png",), "png")
    vae = load_model(model)
    if png is not None:
        require_images(vae.schema_)
    drawn = vae.sample(n, cast(Any, source), mean=mean, random_state=seed)
    if png is not None:
        write_grid(png, drawn, vae.schema_)
        answer.say(f"drew {counted(n, 'row')} to {png}")
        if out is None and not json:
            return
    more = {"source": source, "mean": mean} | ({} if png is None else {"png": png})
    answer.show("samples", drawn, vae.schema_.names, more)
