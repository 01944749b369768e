"""`jensen reconstruct`: what is left of rows after encoding and decoding."""

from typing import Annotated

import typer

from jensen.cli._options import Condition, Data, Header, Json, Key, Model, Out, Quiet, Rows

EXAMPLE = "jensen reconstruct runs/digits digits --rows 0:10 --out again.npy"


def reconstruct(
    model: Model,
    data: Data,
    method: Annotated[
        str,
        typer.Option(
            help="mean: of x at the encoder's mean of z. The others average x over draws of z:"
            " encoder, resampled, refined, hmc, or exact (linear-Gaussian models)."
        ),
    ] = "mean",
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Condition = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Encode rows and decode them again: the mean of x given z, over z from the posterior."""
    from jensen.cli._inputs import Source, missing_spellings, model_and_rows
    from jensen.cli._output import Answer
    from jensen.data import TableSchema

    answer = Answer(out, json, quiet)
    vae, X = model_and_rows(
        model,
        Source(data, key, header, missing_spellings(model), condition=condition, quiet=quiet),
        rows,
    )
    answer.require(table=isinstance(vae.schema_, TableSchema))
    answer.show_rows("reconstruction", vae.reconstruct(X, method), vae.schema_)
