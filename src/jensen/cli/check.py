"""`jensen check`: is the model's assumption right?"""

from jensen.cli._options import Condition, Data, Header, Json, Key, Model, Quiet, Rows

EXAMPLE = "jensen check runs/digits digits"


def check(
    model: Model,
    data: Data,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Condition = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare held-out rows with plain baselines and with rows drawn from the model.

    Give rows that the model was not fitted to; of the data that it was fitted to, those that
    jensen fit held out are taken.
    """
    from jensen.cli._held_out import held_out_where_known
    from jensen.cli._output import print_json, say
    from jensen.cli._scores import checked

    vae, held_out = held_out_where_known(
        model, data, key, header, rows, condition=condition, quiet=quiet
    )
    say(quiet, f"checking {held_out.words}")
    found = checked(vae, held_out)
    if json:
        print_json(found.to_json() | {"rows": held_out.indices})
    else:
        print(found)
