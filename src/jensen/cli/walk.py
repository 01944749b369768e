"""`jensen walk`: what each latent does, and what lies between rows."""

from pathlib import Path
from typing import Annotated

import typer

from jensen.cli._options import Condition, Header, Json, Key, Model, Out, Quiet, Rows

EXAMPLE = "jensen walk runs/digits --png latents.png"


def walk(
    model: Model,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            show_default=False,
            help="Rows to walk between: the first to the second, the third to the fourth, and so"
            " on. Without them each active latent is moved alone.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps of each walk, both ends counted in.")] = 10,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Condition = None,
    out: Out = None,
    png: Annotated[
        Path | None,
        typer.Option(show_default=False, help="Also draw them, a walk a line, of images."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Walk through the latent space, and give the mean of x given z at each step.

    Without DATA one latent after the other, the one that varies most first, goes through the
    values that 98 in 100 training rows have.
    """
    from jensen._words import counted
    from jensen.cli._images import require_images, write_grid
    from jensen.cli._inputs import Source, load_model, missing_spellings, read_fitting_rows
    from jensen.cli._output import Answer, require_suffix
    from jensen.data import TableSchema
    from jensen.errors import OptionError

    answer = Answer(out, json, quiet)
    require_suffix(png, (".png",), "png")
    for name, value in (("rows", rows), ("key", key), ("header", header)):
        if data is None and value is not None:
            raise OptionError(
                f"--{name} is of DATA, and none were given; name them, or leave it out"
            )
    vae = load_model(model)
    schema = vae.schema_
    if isinstance(schema, TableSchema):
        raise OptionError(f"{model}: is of a table, whose categories have no means to walk through")
    if png is not None:
        require_images(schema)
    if data is None:
        found = vae.traverse(steps=steps)
        walks, more = found.rows, {"latents": found.latents, "values": found.values}
    else:
        source = Source(
            data, key, header, missing_spellings(model), condition=condition, quiet=quiet
        )
        X = read_fitting_rows(vae, source, rows).X
        if len(X) % 2:
            raise OptionError(
                f"{data}: {counted(len(X), 'row')}, of which the last has none to be led to; give"
                " an even number, such as --rows 0:2"
            )
        walks, more = vae.interpolate(X[::2], X[1::2], steps), {}
    if png is not None:
        write_grid(png, walks.reshape(-1, *schema.shape), schema, columns=steps)
        answer.say(f"drew {counted(len(walks), 'walk')} to {png}")
        if out is None and not json:
            return
    names = None
    if out is not None and out.suffix.lower() != ".npy":
        # A file of lines has one for each step of each walk.
        walks, names = walks.reshape(-1, *walks.shape[2:]), schema.names
    answer.show("walks", walks, names, more | ({} if png is None else {"png": png}))
