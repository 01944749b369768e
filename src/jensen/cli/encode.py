"""`jensen encode`: rows to latents."""

from jensen.cli._options import Data, Json, Key, Model, Out, Quiet, Rows

EXAMPLE = "jensen encode runs/digits digits --out latents.csv"


def encode(
    model: Model,
    data: Data,
    rows: Rows = None,
    key: Key = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give the posterior mean of z for each row."""
    from jensen.cli._inputs import model_and_rows
    from jensen.cli._output import Answer

    answer = Answer(out, json, quiet)
    vae, X = model_and_rows(model, data, key, rows)
    answer.show("latents", vae.transform(X), list(vae.get_feature_names_out()))
