"""`jensen inpaint`: a hidden block of images, filled by what the other pixels say."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jensen.cli._options import Condition, Data, Header, Json, Key, Model, Out, Quiet, Rows, Seed

if TYPE_CHECKING:
    import numpy as np

    from jensen.data import Schema

EXAMPLE = "jensen inpaint runs/digits digits --rows 0:20 --hide 2:6,2:6 --png filled.png"


def inpaint(
    model: Model,
    data: Data,
    hide: Annotated[
        str,
        typer.Option(
            metavar="A:B,C:D",
            show_default=False,
            help="The block: lines A up to, not including, B, and columns C to D; from 0.",
        ),
    ],
    draws: Annotated[
        int, typer.Option(help="Of z for each image: a multiple of 4, and at least 16.")
    ] = 200,
    level: Annotated[
        float,
        typer.Option(help="The share of a pixel's posterior that its interval in JSON holds."),
    ] = 0.9,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Condition = None,
    seed: Seed = None,
    out: Out = None,
    png: Annotated[
        Path | None,
        typer.Option(show_default=False, help="Also draw what is seen beside what was filled in."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Hide a block of each image, and fill it by the posterior mean given the other pixels.

    What stands in the block must fit the model too, but says nothing of what is filled in.
    """
    from jensen._words import counted
    from jensen.cli._images import require_images, write_pairs
    from jensen.cli._inputs import Source, missing_spellings, model_and_rows
    from jensen.cli._output import Answer, require_suffix, say
    from jensen.data import TableSchema
    from jensen.errors import OptionError

    answer = Answer(out, json, quiet)
    require_suffix(png, (".png",), "png")
    source = Source(data, key, header, missing_spellings(model), condition=condition, quiet=quiet)
    vae, X = model_and_rows(model, source, rows)
    schema = vae.schema_
    if isinstance(schema, TableSchema):
        raise OptionError(f"{model}: is of a table; fill its missing cells with jensen impute")
    require_images(schema, "hide")
    block = _block(hide, schema)
    say(quiet, f"filling {counted(block.sum(), 'value')} in each of {counted(len(X), 'image')}")
    found = vae.impute(X, draws, level, missing=block, keep=0, random_state=seed)
    say(quiet, found.warning())
    if png is not None:
        write_pairs(png, _without(X, block, schema), found.table, schema)
        answer.say(f"drew {counted(len(X), 'pair')} to {png}")
        if out is None and not json:
            return
    more: dict[str, Any] = {"hide": hide, "ess": found.ess, "unreliable": found.unreliable}
    more |= {"lower": found.lower, "upper": found.upper}
    more |= {} if png is None else {"png": png}
    answer.show("filled", found.table, schema.names, more)


def _block(text: str, schema: "Schema") -> "np.ndarray":
    """The mask of "A:B,C:D", of the event's shape."""
    import numpy as np

    from jensen.cli._images import image_shape
    from jensen.errors import OptionError

    shape = image_shape(schema) or schema.shape
    whole = re.fullmatch(r"\s*(\d+):(\d+)\s*,\s*(\d+):(\d+)\s*", text)
    if whole is None:
        raise OptionError(f"--hide {text}: give lines and columns, such as 7:21,7:21")
    top, bottom, left, right = map(int, whole.groups())
    if not (top < bottom <= shape[0] and left < right <= shape[1]):
        raise OptionError(
            f"--hide {text}: is no block of images of {shape[0]} x {shape[1]}; lines go from 0 to"
            f" {shape[0]}, columns from 0 to {shape[1]}"
        )
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    if mask.all():
        raise OptionError(f"--hide {text}: hides all there is; leave some pixels to see")
    return mask.reshape(schema.shape)


def _without(X: "np.ndarray", block: "np.ndarray", schema: "Schema") -> "np.ndarray":
    """The images, their block left out."""
    import numpy as np

    from jensen.data import values_of

    return np.where(block, np.nan, np.asarray(values_of(X), float).reshape(len(X), *schema.shape))
