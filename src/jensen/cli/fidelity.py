"""`jensen fidelity`: are rows drawn from the model good, and are they copies?"""

from typing import Annotated, Any, cast

import typer

from jensen.cli._options import Condition, Data, Header, Json, Key, Model, Quiet, Rows, Seed

EXAMPLE = "jensen fidelity runs/people people.csv --target income"


def fidelity(
    model: Model,
    data: Data,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            show_default=False,
            help="Of a table, what boosting learns to predict; else the last column of"
            " categories, or the last.",
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--number",
            show_default=False,
            help="How many rows to draw; else as many as are held out.",
        ),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            help="Where z of drawn rows comes from: prior; or posterior, that of training rows."
        ),
    ] = "prior",
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Condition = None,
    seed: Seed = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Hold rows drawn from the model against rows it was not fitted to.

    Give rows that the model was not fitted to; of the data that it was fitted to, those that
    jensen fit held out are taken.
    """
    from jensen.cli._held_out import held_out_where_known
    from jensen.cli._output import print_json, say

    vae, held_out = held_out_where_known(
        model, data, key, header, rows, condition=condition, quiet=quiet
    )
    say(quiet, f"comparing with {held_out.words}")
    found = vae.fidelity(
        held_out.scored,
        n,
        target=target,
        training=held_out.training,
        source=cast(Any, source),
        random_state=seed,
    )
    if json:
        print_json(found.to_json() | {"held_out": held_out.indices})
    else:
        print(found)
