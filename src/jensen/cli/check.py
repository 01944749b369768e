"""`jensen check`: is the model's assumption right?"""

from jensen.cli._options import Data, Header, Json, Key, Model, Quiet, Rows

EXAMPLE = "jensen check runs/digits digits"


def check(
    model: Model,
    data: Data,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare held-out rows with plain baselines and with rows drawn from the model.

    Give rows that the model was not fitted to; of the data that it was fitted to, those that
    jensen fit held out are taken.
    """
    from jensen._words import counted
    from jensen.cli._held_out import held_out_where_known
    from jensen.cli._inputs import Source, load_model, missing_spellings
    from jensen.cli._output import print_json, say

    vae = load_model(model)
    held_out, known = held_out_where_known(
        vae, model, Source(data, key, header, missing_spellings(model)), rows
    )
    whose = ", those that jensen fit held out" if known else ""
    say(quiet, f"checking {counted(len(held_out.indices), 'row')}{whose}")
    checked = vae.check(held_out.scored, held_out.training)
    if json:
        print_json(checked.to_json() | {"rows": held_out.indices})
    else:
        print(checked)
