"""`jensen evidence`: log p(x) of rows, its error, and how far it can be relied on."""

from pathlib import Path
from typing import Annotated, Any

import typer

from jensen.cli._options import (
    Condition,
    Data,
    Draws,
    Header,
    Json,
    Key,
    Model,
    Quiet,
    Rows,
    Seed,
    remedy_as_typed,
)

EXAMPLE = "jensen evidence runs/digits digits --rows 0:100 --method certified --tolerance 0.1"


def evidence(
    model: Model,
    data: Data,
    method: Annotated[
        str,
        typer.Option(
            help="importance: draws from the encoder. prior: draws from the prior. elbo: the bound"
            " that training raises. exact: the closed form of linear-Gaussian models. annealed:"
            " annealed importance sampling. certified: annealed until rows simulated from the"
            " model, whose evidence can be held from both sides, are known to --tolerance."
        ),
    ] = "importance",
    draws: Draws = None,
    temperatures: Annotated[
        int | None, typer.Option(show_default=False, help="Of annealed; else 100.")
    ] = None,
    chains: Annotated[
        int | None,
        typer.Option(show_default=False, help="For each row, annealed or certified; else 32."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="Where chains begin, annealed or certified: encoder, or prior, which misses no"
            " mode and takes longer; else encoder.",
        ),
    ] = None,
    resample: Annotated[
        float | None,
        typer.Option(
            show_default=False,
            help="Of annealed: the share of the chains below which their effective sample size"
            " makes a row resample (sequential Monte Carlo); else 0, never.",
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(show_default=False, help="Nats between both sides, certified; else 0.1."),
    ] = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            show_default=False, help="Seconds after which certified makes the schedule no longer."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            show_default=False,
            help="Folder in which certified keeps what is done; the same command, having been"
            " stopped, goes on from there.",
        ),
    ] = None,
    seed: Seed = None,
    per_row: Annotated[bool, typer.Option("--per-row", help="Each row's own value too.")] = False,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Condition = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Estimate log p(x) of rows: value, standard error, kind and reliability, in nats."""
    import time

    from jensen.cli._inputs import Source, first_row, missing_spellings, model_and_rows
    from jensen.cli._output import print_json, say
    from jensen.cli._scores import brief
    from jensen.data import TableSchema
    from jensen.data.tables import Unseen

    began = time.monotonic()
    vae, X = model_and_rows(
        model,
        Source(data, key, header, missing_spellings(model), condition=condition, quiet=quiet),
        rows,
    )
    if isinstance(vae.schema_, TableSchema):
        unseen = Unseen(vae.schema_.columns)
        unseen.add(X, first_row(rows))
        for line in unseen.lines():
            say(quiet, f"caution: {line}")
    if draws is None and method in ("importance", "prior"):
        draws = vae.draws
    tell = (lambda line: say(quiet, line)) if method == "certified" else None
    estimate = vae.log_evidence(
        X,
        method,
        draws,
        random_state=seed,
        temperatures=temperatures,
        chains=chains,
        start=start,
        resample=resample,
        tolerance=tolerance,
        max_time=max_time,
        folder=folder,
        tell=tell,
    )
    probability = None
    if isinstance(vae.schema_, TableSchema) and vae.model_.missingness is None:
        # Where all terms are probabilities, there is nothing to tell apart.
        discrete = vae.model_.likelihood.discrete
        probability = estimate.value if discrete else vae.probability_of_cells(X, seed).value
    if json:
        each = {"per_row": estimate.values} if per_row else {}
        seconds = round(time.monotonic() - began, 3)
        parts: dict[str, Any] = {}
        if isinstance(vae.schema_, TableSchema):
            density = None if probability is None else estimate.value - probability
            parts = {"probability": probability, "density": density}
        print_json(brief(estimate) | parts | {"rows": len(X), "seconds": seconds} | each)
        say(quiet, remedy_as_typed(estimate.warning()))
        return
    print(estimate)
    if probability is not None:
        print(
            f"of this {probability:.3f} is the log-probability of cells of steps and categories,"
            f" and {estimate.value - probability:.3f} the log-density of the others given these, in"
            " their units"
        )
    if per_row:
        print("\n".join(f"{value:.9g}" for value in estimate.values))
