"""Arguments and options that verbs share, so that one name means one thing everywhere."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Data",
    "Draws",
    "Json",
    "Key",
    "Model",
    "Out",
    "Quiet",
    "Rows",
    "Seed",
]

# What NumPy, scikit-learn and JAX all take as a seed.
MOST_SEED = 2**32 - 1

Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", show_default=False, help="Folder or .jensen file of a model, as jensen fit makes it."
    ),
]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA", show_default=False, help="Rows of numbers: a .npy, .npz, .csv or .tsv file, or: digits."
    ),
]
Key = Annotated[
    str | None,
    typer.Option(show_default=False, help="Which array of an .npz file; needed if it has several."),
]
Rows = Annotated[
    str | None,
    typer.Option(
        metavar="A:B", show_default=False, help="Take rows A up to, not including, B; from 0."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(show_default=False, help="Write to this .npy or .csv file, not CSV to stdout."),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0, max=MOST_SEED, show_default=False, help="Another seed than that of the model."
    ),
]
Draws = Annotated[int, typer.Option(help="Samples of z for each row.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and no more, to stdout.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors to stderr.")]
