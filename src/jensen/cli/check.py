"""`jensen check`: is the model's assumption right?"""

from jensen.cli._options import Data, Json, Key, Model, Quiet, Rows

EXAMPLE = "jensen check runs/digits digits --rows 1600:"


def check(
    model: Model,
    data: Data,
    rows: Rows = None,
    key: Key = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare held-out rows with plain baselines and with rows drawn from the model.

    Give rows that the model was not fitted to.
    """
    from jensen.cli._inputs import model_and_rows
    from jensen.cli._output import print_json

    vae, X = model_and_rows(model, data, key, rows)
    checked = vae.check(X)
    if json:
        print_json(checked.to_json())
    else:
        print(checked)
