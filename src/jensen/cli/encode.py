"""`jensen encode`: rows to latents."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from jensen.cli._options import (
    Condition,
    Data,
    Header,
    Json,
    Key,
    Model,
    Out,
    Quiet,
    Rows,
    Seed,
    remedy_as_typed,
)

EXAMPLE = "jensen encode runs/digits digits --out latents.csv"

_DRAWS = 1000


def encode(
    model: Model,
    data: Data,
    method: Annotated[
        str,
        typer.Option(
            help="mean: of z by the encoder. The others give the mean of draws of z: encoder,"
            " resampled, refined, hmc, or exact (linear-Gaussian models)."
        ),
    ] = "mean",
    draws: Annotated[
        int | None,
        typer.Option(show_default=False, help="Draws of z for each row; else 1000."),
    ] = None,
    draws_out: Annotated[
        Path | None,
        typer.Option(
            show_default=False, help="Write the draws, rows x draws x latents, to this .npy file."
        ),
    ] = None,
    seed: Seed = None,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Condition = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give the posterior mean of z for each row."""
    import numpy as np

    from jensen.cli._inputs import Source, missing_spellings, model_and_rows
    from jensen.cli._output import Answer, require_suffix, say, write_array
    from jensen.errors import OptionError

    answer = Answer(out, json, quiet)
    require_suffix(draws_out, (".npy",), "draws-out")
    if method == "mean" and (draws is not None or draws_out is not None):
        raise OptionError(
            f"--{'draws' if draws is not None else 'draws-out'}: --method mean draws nothing; give"
            " another method, such as resampled"
        )
    if out is not None and draws_out is not None and out.resolve() == draws_out.resolve():
        raise OptionError(f"--draws-out {draws_out}: is also where --out goes; give another file")
    vae, X = model_and_rows(
        model,
        Source(data, key, header, missing_spellings(model), condition=condition, quiet=quiet),
        rows,
    )
    names = list(vae.get_feature_names_out())
    if method == "mean":
        answer.show("latents", vae.transform(X), names)
        return
    count = _DRAWS if draws is None else draws
    found = vae.posterior_draws(X, cast(Any, method), count, random_state=seed)
    say(quiet, remedy_as_typed(found.warning()))
    told = {"method": method, "draws": found.draws}
    for name in ("ess", "khat", "rhat"):
        each = getattr(found, name)
        told |= {} if each is None else {name: each}
    if draws_out is not None:
        write_array(draws_out, np.asarray(found.z))
        answer.say(f"wrote draws to {draws_out}")
        told |= {"draws_out": draws_out}
    answer.show("latents", found.mean, names, told)
