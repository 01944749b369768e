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
    from jensen.cli._inputs import load_model, read_fitting_rows
    from jensen.cli._output import require_suffix, show_array

    require_suffix(out)
    vae = load_model(model)
    X = read_fitting_rows(vae, data, key, rows).X
    show_array(
        "latents",
        vae.transform(X),
        out=out,
        as_json=json,
        quiet=quiet,
        header=list(vae.get_feature_names_out()),
    )
