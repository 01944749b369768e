"""`jensen score`: log evidence of each row, and which rows are outliers."""

from typing import Annotated, Any

import typer

from jensen.cli._options import Condition, Data, Header, Json, Key, Model, Out, Quiet, Rows

EXAMPLE = "jensen score runs/digits digits --out scores.csv"

# Rows of a table read at a time.
_PIECE = 20_000


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
    condition: Condition = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give each row's log evidence in nats, and 1 where it is an outlier, else 0.

    An outlier is less likely than 95 % of the rows that the model was fitted to. Of tables also
    its tail: the share of rows held out to stop training by that are less likely. Files of
    tables are read a piece at a time.
    """
    import numpy as np

    from jensen._words import counted
    from jensen.cli._inputs import Source, chosen_pieces, load_model, missing_spellings
    from jensen.cli._output import Answer, print_json
    from jensen.cli._scores import outliers
    from jensen.cli._suspects import Suspects, least_likely, print_suspects, suspects, tails
    from jensen.data import TableSchema
    from jensen.data.tables import Unseen
    from jensen.errors import OptionError

    answer = Answer(out, json, quiet)
    if top is not None and top < 1:
        raise OptionError(f"--top={top}: must be a whole number of at least 1")
    vae = load_model(model)
    table = isinstance(vae.schema_, TableSchema)
    if top is not None and not table:
        raise OptionError("--top: is of tables, and this model of numbers of one kind")
    source = Source(data, key, header, missing_spellings(model), condition=condition, quiet=quiet)
    places, found, least = [], [], None
    unseen = Unseen(vae.schema_.columns if table else ())
    for numbers, X in chosen_pieces(vae, source, rows, _PIECE):
        places.append(numbers)
        found.append(vae.score_samples(X))
        unseen.add(X, int(numbers[0]))
        if top is not None:
            least = least_likely(top, Suspects(numbers, X, found[-1]), least)
    for line in unseen.lines():
        answer.say(f"caution: {line}")
    values = np.concatenate(found)
    outlier = outliers(vae, values)
    answer.say(f"outliers: {int(outlier.sum())} of {counted(len(outlier), 'row')}")
    told = {"log_evidence": values, "outlier": outlier}
    # Of arrays two columns have always been all.
    if table or json:
        told["tail"] = tails(vae, values)
    worst: list[dict[str, Any]] = []
    if least is not None:
        where = np.searchsorted(np.concatenate(places), least.numbers)
        worst = suspects(vae, least, told["tail"][where])
    if json and out is None:
        print_json(told | ({"least_likely": worst} if top is not None else {}))
        return
    if top is not None and not json:
        print_suspects(worst, vae)
        if out is None:
            return
    columns = told if table else {name: told[name] for name in ("log_evidence", "outlier")}
    more = {"least_likely": worst} if top is not None else {}
    answer.show_columns("scores", columns, more)
