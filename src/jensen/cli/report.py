"""`jensen report`: the page that shows what a model has learnt."""

from pathlib import Path
from typing import Annotated

import typer

from jensen.cli._options import Condition, Header, Json, Key, Model, Quiet, Rows

EXAMPLE = "jensen report runs/digits"


def report(
    model: Model,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            show_default=False,
            help="Rows the model was not fitted to; without it, and of the data that it was"
            " fitted to, those that jensen fit held out.",
        ),
    ] = None,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Condition = None,
    out: Annotated[
        Path | None,
        typer.Option(show_default=False, help="The page; by default report.html with the model."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write one HTML page that opens without a network: scores, pictures, and how to read them."""
    import time

    from jensen.cli._held_out import held_out_by_fit, held_out_where_known
    from jensen.cli._inputs import load_model
    from jensen.cli._output import print_json, require_suffix, say
    from jensen.cli._reporting import report_on
    from jensen.cli._scores import checked
    from jensen.errors import OptionError

    require_suffix(out, (".html",))
    if data is None and any(each is not None for each in (rows, key, header)):
        raise OptionError("--rows, --key and --header go with DATA: name the rows' file")
    began = time.monotonic()
    if data is None:
        vae = load_model(model)
        held_out = held_out_by_fit(vae, model, quiet=quiet)
    else:
        vae, held_out = held_out_where_known(
            model, data, key, header, rows, condition=condition, quiet=quiet
        )
    page = out or (model if model.is_dir() else model.parent) / "report.html"
    say(quiet, f"scoring {held_out.words}")
    check = checked(vae, held_out)
    report_on(vae, held_out, check, page, seconds=time.monotonic() - began)
    if json:
        print_json({"model": model, "report": page, "rows": len(held_out.scored)})
    else:
        print(f"report: {page}")
