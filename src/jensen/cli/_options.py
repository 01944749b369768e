"""Arguments and options that verbs share, so that one name means one thing everywhere."""

import re
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Condition",
    "Data",
    "Draws",
    "Header",
    "Json",
    "Key",
    "Model",
    "Out",
    "Quiet",
    "Rows",
    "Seed",
    "as_typed",
    "option",
    "remedy_as_typed",
]

# What Python calls a parameter, where the command line has another word.
_TYPED = {
    "latent_dim": "--latent",
    "max_epochs": "--epochs",
    "n": "-n",
    "random_state": "--seed",
    "test": "--test-fraction",
    "validation": "--validation-fraction",
}

# What advice gives a value to, or to one of several; and what it speaks of by the name alone, which
# is no word of English.
_QUOTE = "'"
_VALUED = (
    r"\b(objective|posterior|prior|likelihood|method|latent_dim)"
    r"=('[^']*'(?:(?:, or |, | or )'[^']*')*|\d+)"
)
_BARE = r"\b(weight_decay|latent_dim)\b"

# What NumPy, scikit-learn and JAX all take as a seed.
MOST_SEED = 2**32 - 1

Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        show_default=False,
        help="Folder or .jensen file of a model, as jensen fit makes it.",
    ),
]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        show_default=False,
        help="Rows: a .csv, .tsv, .parquet, .arrow, .npy or .npz file, one in MNIST's idx format,"
        " or a folder of images; - for CSV on stdin; or: digits.",
    ),
]
Condition = Annotated[
    str | None,
    typer.Option(
        metavar="WHAT",
        show_default=False,
        help="What a model of p(x given a condition) is given: labels, that come with the data; an"
        " array of the .npz; a file of one for each row; or one for all rows.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(show_default=False, help="Which array of an .npz file; needed if it has several."),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        show_default=False,
        help="Whether a CSV's first line names the columns; else found out.",
    ),
]
Rows = Annotated[
    str | None,
    typer.Option(
        metavar="A:B", show_default=False, help="Take rows A up to, not including, B; from 0."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        show_default=False,
        help="Write to this .csv, .tsv, .parquet, .arrow or, where it is all numbers, .npy file;"
        " not CSV to stdout.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0, max=MOST_SEED, show_default=False, help="Another seed than that of the model."
    ),
]
Draws = Annotated[
    int | None,
    typer.Option(show_default=False, help="Samples of z for each row; else 1000, for elbo 100."),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and no more, to stdout.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors to stderr.")]


def option(parameter: str) -> str:
    """The option that a parameter is called by.

    >>> option("latent_dim"), option("batch_size")
    ('--latent', '--batch-size')
    """
    return _TYPED.get(parameter, "--" + parameter.replace("_", "-"))


def as_typed(message: str) -> str:
    """A complaint about a parameter, in the words of the command line.

    >>> as_typed("latent_dim=0: must be at least 1.")
    '--latent=0: must be at least 1.'
    >>> as_typed("header=False: only .csv files have a first line.")
    '--no-header: only .csv files have a first line.'
    """
    typed = re.sub(r"^(\w+)=", lambda found: f"{option(found[1])}=", message)
    return re.sub(r"^--(\w+)=(True|False)\b", _switch, typed)


def remedy_as_typed(advice: str | None) -> str:
    """Advice on parameters, if there is any, in the words of the command line.

    >>> remedy_as_typed("No normal fits: use method='hmc'.")
    'No normal fits: use --method hmc.'
    >>> remedy_as_typed("use method='resampled', or 'refined'.")
    'use --method resampled, or refined.'
    >>> remedy_as_typed("Try prior='mixture' or 'vamp', a smaller weight_decay, or latent_dim=3.")
    'Try --prior mixture or vamp, a smaller --weight-decay, or --latent 3.'
    """
    values = lambda found: f"{option(found[1])} {found[2].replace(_QUOTE, '')}"
    return re.sub(_BARE, lambda found: option(found[0]), re.sub(_VALUED, values, advice or ""))


def _switch(found: re.Match[str]) -> str:
    return f"--{found[1]}" if found[2] == "True" else f"--no-{found[1]}"
