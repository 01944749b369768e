"""The table that `jensen fit` ends with."""

import math
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from jensen._words import counted

if TYPE_CHECKING:
    from jensen.queries import Check

__all__ = ["print_summary"]


def print_summary(told: dict[str, Any], check: "Check", *, to_stderr: bool) -> None:
    """Scores, baselines, the verdict in words, and last of all where the report is."""
    console = Console(
        file=sys.stderr if to_stderr else sys.stdout, highlight=False, markup=False, soft_wrap=True
    )
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, value, remark in _lines(told, check):
        table.add_row(name, value, remark)
    console.print(table)
    for sentence in check.verdict:
        console.print(sentence)
    console.print(f"model: {told['model']}")
    if told["report"] is not None:
        console.print(f"report: {told['report']}")


def _lines(told: dict[str, Any], check: "Check") -> list[tuple[str, str, str]]:
    evidence, rows = check.evidence, told["rows"]
    terms = f"{told['reconstruction']:.2f} − {told['kl']:.2f}"
    lines = [
        (
            "nats per held-out row",
            "",
            f"{counted(rows['test'], 'row')}, {rows['train']:,} trained on",
        ),
        ("ELBO = reconstruction − KL", f"{told['elbo']:.2f}", f"= {terms}"),
        (
            "log evidence",
            f"{evidence.value:.2f}",
            f"± {evidence.stderr:.3f} ({evidence.kind}, {counted(evidence.draws, 'draw')})",
        ),
    ]
    if told["bits_per_dim"] is not None:
        lines.append(("bits per dimension", f"{told['bits_per_dim']:.3f}", ""))
    for name, value in told["baselines"].items():
        gain, error = check.differences[name]
        better = "model better by" if gain >= 0 else "model worse by"
        # Of one row there is no error.
        told_error = f" ± {error:.2f}" if math.isfinite(error) else ""
        lines.append((f"  {name}", f"{value:.2f}", f"{better} {abs(gain):.2f}{told_error}"))
    lines += [
        ("active units", f"{told['active_units']}", f"of {check.latent_dim}"),
        ("likelihood", told["likelihood"], ""),
        ("seconds", f"{told['seconds']:.1f}", counted(told["epochs"], "epoch")),
    ]
    return lines
