"""`jensen score`: log evidence of each row, and which rows are outliers."""

from jensen.cli._options import Data, Json, Key, Model, Out, Quiet, Rows

EXAMPLE = "jensen score runs/digits digits --out scores.csv"


def score(
    model: Model,
    data: Data,
    rows: Rows = None,
    key: Key = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give each row's log evidence in nats, and 1 where it is an outlier, else 0.

    An outlier is less likely than 95 % of the rows that the model was fitted to.
    """
    import numpy as np

    from jensen.cli._inputs import load_model, read_fitting_rows
    from jensen.cli._output import print_json, require_suffix, say, show_array
    from jensen.cli._scores import outliers

    require_suffix(out)
    vae = load_model(model)
    X = read_fitting_rows(vae, data, key, rows).X
    values = vae.score_samples(X)
    outlier = outliers(vae, values)
    say(quiet, f"{int(outlier.sum())} of {len(outlier)} rows are outliers")
    if json and out is None:
        print_json({"log_evidence": values, "outlier": outlier})
        return
    show_array(
        "scores",
        np.column_stack([values, outlier]),
        out=out,
        as_json=json,
        quiet=quiet,
        header=("log_evidence", "outlier"),
    )
