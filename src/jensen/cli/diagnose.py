"""`jensen diagnose`: where evidence is lost, and what would mend it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from jensen.cli._options import (
    Condition,
    Data,
    Header,
    Json,
    Key,
    Model,
    Quiet,
    Rows,
    Seed,
    remedy_as_typed,
)

EXAMPLE = "jensen diagnose runs/digits digits"


def diagnose(
    model: Model,
    data: Data,
    rows: Rows = None,
    key: Key = None,
    header: Header = None,
    condition: Condition = None,
    seed: Seed = None,
    report: Annotated[
        Path | None,
        typer.Option(show_default=False, help="Also write it all to a page of pictures, .html."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Split what the ELBO loses into the posterior's family and the encoder, and say what helps.

    Also: which latents are used and what they know of x, k̂ of each row, and whether the encoder
    is calibrated. Give rows that the model was not fitted to; of the data that it was fitted
    to, those that jensen fit held out are taken.
    """
    import time

    from jensen.cli._held_out import held_out_where_known, limited
    from jensen.cli._output import print_json, require_suffix, say
    from jensen.data import TableSchema
    from jensen.errors import OptionError
    from jensen.queries.diagnosis import MOST_ANNEALED

    require_suffix(report, (".html",))
    began = time.monotonic()
    vae, every = held_out_where_known(
        model, data, key, header, rows, condition=condition, quiet=quiet
    )
    if isinstance(vae.schema_, TableSchema):
        raise OptionError(
            f"{model}: is of a table, and diagnose of numbers of one kind: categories have no"
            " residuals; take jensen check, and jensen evidence"
        )
    held_out = limited(every)
    annealed = min(MOST_ANNEALED, len(held_out.indices))
    say(quiet, f"diagnosing {held_out.words}; {annealed} annealed")
    found = vae.diagnose(held_out.scored, held_out.training, random_state=seed)
    diagnosis = replace(found, verdict=[remedy_as_typed(each) for each in found.verdict])
    told = diagnosis.to_json(per_row=True)
    # Where the rows stand in the data, as `rows` says it of all.
    told["gaps"]["per_row"]["rows"] = held_out.indices[diagnosis.annealed]
    if report is not None:
        from jensen.report import write_diagnosis

        write_diagnosis(report, f"{held_out.name}: diagnosis", told)
    if json:
        seconds = round(time.monotonic() - began, 3)
        page = {} if report is None else {"report": report}
        print_json(told | {"rows": held_out.indices, "seconds": seconds} | page)
    else:
        print(diagnosis)
        if report is not None:
            print(f"report: {report}")
