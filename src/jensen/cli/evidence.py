"""`jensen evidence`: log p(x) of rows, its error, and how far it can be relied on."""

from typing import Annotated, Any, cast

import typer

from jensen.cli._options import Data, Draws, Json, Key, Model, Quiet, Rows, Seed

EXAMPLE = "jensen evidence runs/digits digits --rows 0:100 --draws 5000"

# An average needs fewer draws than a logarithm of one.
_BOUND_DRAWS = 100


def evidence(
    model: Model,
    data: Data,
    method: Annotated[
        str,
        typer.Option(
            help="importance: draws from the encoder. prior: draws from the prior. elbo: the bound"
            " that training raises. exact: the closed form of linear-Gaussian models."
        ),
    ] = "importance",
    draws: Draws = None,
    seed: Seed = None,
    per_row: Annotated[bool, typer.Option("--per-row", help="Each row's own value too.")] = False,
    rows: Rows = None,
    key: Key = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Estimate log p(x) of rows: value, standard error, kind and reliability, in nats."""
    import time

    from jensen.cli._inputs import model_and_rows
    from jensen.cli._output import print_json, say
    from jensen.cli._scores import brief

    began = time.monotonic()
    vae, X = model_and_rows(model, data, key, rows)
    if draws is None:
        draws = _BOUND_DRAWS if method == "elbo" else vae.draws
    estimate = vae.log_evidence(X, cast(Any, method), draws, random_state=seed)
    if json:
        each = {"per_row": estimate.values} if per_row else {}
        seconds = round(time.monotonic() - began, 3)
        print_json(brief(estimate) | {"rows": len(X), "seconds": seconds} | each)
        say(quiet, estimate.warning())
        return
    print(estimate)
    if per_row:
        print("\n".join(f"{value:.9g}" for value in estimate.values))
