"""`jensen score`: log evidence of each row, and which rows are outliers."""

from jensen.cli._options import Data, Header, Json, Key, Model, Out, Quiet, Rows

EXAMPLE = "jensen score runs/digits digits --out scores.csv"


def score(
    model: Model,
    data: Data,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give each row's log evidence in nats, and 1 where it is an outlier, else 0.

    An outlier is less likely than 95 % of the rows that the model was fitted to.
    """
    import numpy as np

    from jensen._words import counted
    from jensen.cli._inputs import Source, model_and_rows
    from jensen.cli._output import Answer, print_json
    from jensen.cli._scores import outliers

    answer = Answer(out, json, quiet)
    vae, X = model_and_rows(model, Source(data, key, header), rows)
    values = vae.score_samples(X)
    outlier = outliers(vae, values)
    answer.say(f"outliers: {int(outlier.sum())} of {counted(len(outlier), 'row')}")
    if json and out is None:
        print_json({"log_evidence": values, "outlier": outlier})
        return
    answer.show("scores", np.column_stack([values, outlier]), ("log_evidence", "outlier"))
