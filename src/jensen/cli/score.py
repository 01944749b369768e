"""`jensen score`: log evidence of each row, and which rows are outliers."""

from typing import Annotated, Any

import typer

from jensen.cli._options import Data, Header, Json, Key, Model, Out, Quiet, Rows

EXAMPLE = "jensen score runs/digits digits --out scores.csv"


def score(
    model: Model,
    data: Data,
    top: Annotated[
        int | None,
        typer.Option(
            show_default=False,
            help="Of a table: print so many of the least likely rows, and what makes them so.",
        ),
    ] = None,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give each row's log evidence in nats, and 1 where it is an outlier, else 0.

    An outlier is less likely than 95 % of the rows that the model was fitted to. Of tables also
    its tail: the share of training rows that are less likely.
    """
    import numpy as np

    from jensen._words import counted
    from jensen.cli._inputs import (
        Source,
        chosen_rows,
        load_model,
        missing_spellings,
        read_fitting_rows,
    )
    from jensen.cli._output import Answer, print_json
    from jensen.cli._scores import outliers
    from jensen.cli._suspects import print_suspects, suspects, tails
    from jensen.data import TableSchema
    from jensen.errors import OptionError

    answer = Answer(out, json, quiet)
    answer.require(table=False)
    if top is not None and top < 1:
        raise OptionError(f"--top={top}: must be a whole number of at least 1")
    vae = load_model(model)
    table = isinstance(vae.schema_, TableSchema)
    if top is not None and not table:
        raise OptionError("--top: is of tables, and this model of numbers of one kind")
    every = read_fitting_rows(vae, Source(data, key, header, missing_spellings(model))).X
    indices = chosen_rows(len(every), rows, data)
    X = every[indices]
    values = vae.score_samples(X)
    outlier = outliers(vae, values)
    answer.say(f"outliers: {int(outlier.sum())} of {counted(len(outlier), 'row')}")
    told = {"log_evidence": values, "outlier": outlier}
    # Of arrays two columns have always been all.
    if table or json:
        told["tail"] = tails(vae, values)
    worst: list[dict[str, Any]] = []
    if top is not None:
        worst = suspects(vae, X, values, told["tail"], top)
        worst = [each | {"row": int(indices[each["row"]])} for each in worst]
    if json and out is None:
        print_json(told | ({"least_likely": worst} if top is not None else {}))
        return
    if top is not None and not json:
        print_suspects(worst)
        if out is None:
            return
    columns = told if table else {name: told[name] for name in ("log_evidence", "outlier")}
    more = {"least_likely": worst} if top is not None else {}
    answer.show("scores", np.column_stack(list(columns.values())), tuple(columns), more)
