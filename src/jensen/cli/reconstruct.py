"""`jensen reconstruct`: what is left of rows after encoding and decoding."""

from jensen.cli._options import Data, Json, Key, Model, Out, Quiet, Rows

EXAMPLE = "jensen reconstruct runs/digits digits --rows 0:10 --out again.npy"


def reconstruct(
    model: Model,
    data: Data,
    rows: Rows = None,
    key: Key = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Encode rows and decode them again: the mean of x given z, over z from the posterior."""
    from jensen.cli._inputs import load_model, read_fitting_rows
    from jensen.cli._output import require_suffix, show_array

    require_suffix(out)
    vae = load_model(model)
    X = read_fitting_rows(vae, data, key, rows).X
    show_array(
        "reconstruction",
        vae.reconstruct(X),
        out=out,
        as_json=json,
        quiet=quiet,
        header=vae.schema_.names,
    )
