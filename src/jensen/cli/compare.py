"""`jensen compare`: two models held against each other on the same rows."""

from pathlib import Path
from typing import Annotated, Any

import typer

from jensen.cli._options import Condition, Data, Draws, Header, Json, Key, Quiet, Rows, Seed

EXAMPLE = "jensen compare runs/wide runs/narrow digits --rows 0:200"

_Folder = typer.Argument(
    show_default=False, help="Folder or .jensen file of a model, as jensen fit makes it."
)


def compare(
    a: Annotated[Path, _Folder],
    b: Annotated[Path, _Folder],
    data: Data,
    method: Annotated[
        str,
        typer.Option(
            help="importance: draws from each encoder. annealed: chains, slower and closer."
            " exact: the closed form of linear-Gaussian models."
        ),
    ] = "importance",
    draws: Draws = None,
    temperatures: Annotated[
        int | None, typer.Option(show_default=False, help="Steps of the annealed chains; else 100.")
    ] = None,
    seed: Seed = None,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Condition = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say which of two models gives rows the higher log evidence, and how sure that is.

    Models whose evidence is not in the same units are refused: other columns, another support,
    a density held against a probability, or real rows that were scaled otherwise.
    """
    from jensen.cli._inputs import (
        Source,
        load_model,
        missing_spellings,
        naming,
        read_fitting_rows,
    )
    from jensen.cli._output import print_json
    from jensen.data import values_of
    from jensen.queries import require_same_units

    first, second = load_model(a), load_model(b)
    require_same_units(first.model_, second.model_, (first.schema_, second.schema_))
    # One of them may be given a condition, and the other none.
    dataset = read_fitting_rows(
        second if first.condition_ is None else first,
        Source(data, key, header, missing_spellings(a), condition=condition, quiet=quiet),
        rows,
    )
    with naming(data):
        for each in (first, second):
            each.schema_.check(values_of(dataset.X), names=dataset.names)
    found = first.compare(
        second,
        dataset.X,
        method,
        first.draws if draws is None and method == "importance" else draws,
        temperatures=temperatures,
        random_state=seed,
    )
    if json:
        print_json(_told(found))
        return
    for name, path, estimate in (("A", a, found.a), ("B", b, found.b)):
        print(f"{name}: {estimate.value:10.3f} ± {estimate.stderr:.3f} nats per row, {path}")
    print(found.words)


def _told(found: Any) -> dict[str, Any]:
    from jensen.cli._scores import brief

    return found.to_json() | {"a": brief(found.a), "b": brief(found.b)}
