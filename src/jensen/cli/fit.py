"""`jensen fit`: the main job, from data to a model that knows its evidence."""

from pathlib import Path
from typing import Annotated

import typer

from jensen.cli._options import MOST_SEED, Data, Header, Json, Key, Quiet
from jensen.errors import OptionError

EXAMPLE = "jensen fit digits --latent 10 --hidden 200,200 --seed 0 --out runs/digits"

_MODEL, _TRAINING, _RUN = "The model", "Training", "The run"


def fit(
    data: Data,
    latent: Annotated[
        str,
        typer.Option(
            metavar="N",
            help="Dimensions of z; idle ones cost nothing. auto is 10, and 20 of rows of 400"
            " numbers or more.",
            rich_help_panel=_MODEL,
        ),
    ] = "auto",
    network: Annotated[
        str,
        typer.Option(
            help="mlp; of images (see --shape) also conv or resnet. auto is mlp.",
            rich_help_panel=_MODEL,
        ),
    ] = "auto",
    hidden: Annotated[
        str,
        typer.Option(
            help="Widths of the encoder's layers, the decoder's reversed; none is linear. Of conv"
            " and resnet channels. auto is 200,200, and 32,64,... of images.",
            rich_help_panel=_MODEL,
        ),
    ] = "auto",
    activation: Annotated[
        str,
        typer.Option(help="elu, gelu, relu, silu, softplus or tanh.", rich_help_panel=_MODEL),
    ] = "relu",
    likelihood: Annotated[
        str,
        typer.Option(
            help="auto goes by the data. bernoulli, beta-binomial, binomial, categorical,"
            " discretised-logistic, logistic-mixture:K of K components, negative-binomial, normal,"
            " normal-fixed:SIGMA, normal-predicted, normal-shared, poisson or student-t.",
            rich_help_panel=_MODEL,
        ),
    ] = "auto",
    prior: Annotated[
        str,
        typer.Option(
            help="normal, mixture:K or vamp:K of K components; conditional of rows that are given a"
            " condition. auto is normal, mixture of tables.",
            rich_help_panel=_MODEL,
        ),
    ] = "auto",
    posterior: Annotated[
        str, typer.Option(help="diagonal, full (covariance) or flow.", rich_help_panel=_MODEL)
    ] = "diagonal",
    objective: Annotated[
        str,
        typer.Option(
            help="elbo, elbo:DRAWS, iwae:DRAWS or beta:BETA; options may follow, as in"
            " beta:1,free_bits=0.1,warmup=20. auto is elbo, and iwae:5,hides=0.5 of tables.",
            rich_help_panel=_TRAINING,
        ),
    ] = "auto",
    epochs: Annotated[
        str,
        typer.Option(
            metavar="N",
            help="Passes over the rows at most; auto makes some 2,500 steps.",
            rich_help_panel=_TRAINING,
        ),
    ] = "auto",
    batch_size: Annotated[int, typer.Option(help="Rows in a step.", rich_help_panel=_TRAINING)] = (
        128
    ),
    learning_rate: Annotated[
        float, typer.Option(help="The highest one, at most 1.", rich_help_panel=_TRAINING)
    ] = 2e-3,
    max_time: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            show_default=False,
            help="Begin no epoch after this time.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            help="bfloat16 makes training faster on an accelerator; what is scored is exact.",
            rich_help_panel=_TRAINING,
        ),
    ] = "float32",
    validation_fraction: Annotated[
        float,
        typer.Option(help="Share of the rows to stop by.", rich_help_panel=_TRAINING),
    ] = 0.1,
    test_fraction: Annotated[
        float,
        typer.Option(
            help="Share of the rows kept out of all this, for the scores.",
            rich_help_panel=_TRAINING,
        ),
    ] = 0.1,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=MOST_SEED,
            help="With the same one the same numbers come every time.",
            rich_help_panel=_TRAINING,
        ),
    ] = 0,
    kind: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="Override what the data were taken for: binary, bounded, count or real, one kind"
            " for all columns; or table, a kind for each.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    high: Annotated[
        float | None,
        typer.Option(
            show_default=False,
            help="The largest value that bounded data can take.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="Shape of one row where the columns are an image's: 28,28; or 784, where flat"
            " bytes are not to be read as images.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="HEIGHTxWIDTH",
            show_default=False,
            help="Resize the images of a folder to this; needed where their sizes differ: 28x28.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(
            metavar="GB",
            show_default=False,
            help="Images of a folder, and bytes of a .npy or idx file, that take more gigabytes"
            " than this are read anew in each epoch and not kept in memory; 1 without it.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    binarise: Annotated[
        str,
        typer.Option(
            help="How grey values become 0 and 1: none, threshold (half of the largest), fixed"
            " (one draw for each pixel) or fresh (another in each epoch).",
            rich_help_panel=_MODEL,
        ),
    ] = "none",
    dtype: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="NumPy's name of the type in which samples come back: uint8, float32.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    key: Key = None,
    header: Header = None,
    schema: Annotated[
        Path | None,
        typer.Option(
            show_default=False,
            help="What the columns of a table are: a schema.json, as a fit of a table writes it in"
            " its folder, edited by hand.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    missing: Annotated[
        str,
        typer.Option(
            help="Why cells of a table are missing: ignored, random (at a rate of each column),"
            " self (at a rate that depends on the cell's own value), or self:high or self:low,"
            " where it is known that the higher or the lower numbers are missing sooner.",
            rich_help_panel=_MODEL,
        ),
    ] = "ignored",
    na: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            show_default=False,
            help="What else stands in a CSV for a missing cell, beside nothing, NA, NaN, null,"
            " none, ? and -; may be given several times.",
        ),
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            show_default=False,
            help="Fit p(x given this): labels, that come with the data; an array of the .npz; or a"
            " .npy, .csv or .parquet file of one label, or some numbers, for each row.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    test_key: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="Array of an .npz file that holds the test rows, in place of --test-fraction.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            show_default=False,
            help="Where it all goes; by default runs/NAME, or runs/NAME-2 and so on.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is there.", rich_help_panel=_RUN)
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with a run that was cut short, with the options it was started with.",
            rich_help_panel=_RUN,
        ),
    ] = False,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Write no report.html.", rich_help_panel=_RUN)
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit a variational autoencoder to rows, and score it on rows held out.

    Rows are numbers of one kind, or a table, in which each column has a kind of its own and cells
    may be missing.
    Writes the model, a report and the scores to a folder.
    Ctrl-C ends training at the next epoch and keeps the model.
    """
    from jensen.cli._inputs import Source
    from jensen.cli._run import Asked, run

    run(
        Asked(
            source=Source(
                data,
                key,
                header,
                tuple(na or ()),
                size=size,
                memory=memory,
                condition=condition,
            ),
            test_key=test_key,
            test_fraction=test_fraction,
            settings={
                "latent_dim": _number(latent),
                "network": network,
                "hidden": _widths(hidden),
                "activation": activation,
                "likelihood": likelihood,
                "prior": prior,
                "posterior": posterior,
                "objective": objective,
                "max_epochs": _number(epochs),
                "batch_size": batch_size,
                "learning_rate": learning_rate,
                "max_time": max_time,
                "precision": precision,
                "validation_fraction": validation_fraction,
                "kind": kind,
                "high": high,
                "shape": None if shape is None else _whole_numbers("--shape", shape, "28,28"),
                "dtype": dtype,
                "binarise": binarise,
                "missing": missing,
                "random_state": seed,
            },
            schema=schema,
            out=out,
            overwrite=overwrite,
            resume=resume,
            report=not no_report,
            json=json,
            quiet=quiet,
        )
    )


def _number(text: str) -> int | str:
    """A whole number as one; all else, such as "auto", stays what it is."""
    try:
        return int(text)
    except ValueError:
        return text


def _widths(text: str) -> list[int] | str:
    """From "200,200" to [200, 200]; "" and "none" are no layer, and "auto" stays what it is."""
    if text.strip() in ("", "none"):
        return []
    if text.strip() == "auto":
        return "auto"
    return _whole_numbers("--hidden", text, "200,200; or none, for a linear model")


def _whole_numbers(option: str, text: str, example: str) -> list[int]:
    """From "28,28" to [28, 28]."""
    numbers = [int(part) if part.strip().isdecimal() else 0 for part in text.split(",")]
    if min(numbers) < 1:
        raise OptionError(f"{option} {text}: give whole numbers of at least 1, such as {example}")
    return numbers
