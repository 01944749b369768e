"""Libraries timed in turn on the same training, each run a process of its own.

A ratio compares two runs of one round, and a table gives the median and range over rounds. Other
work on the machine spoils the figures: PyTorch's threads wait for each other, and a step may take
twenty times as long. So the cores that others use are measured during each run, and no goal is
judged on a disturbed one.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from _record import OtherLoad, markdown_table

RIVALS = Path(__file__).parent / "rivals"
sys.path.append(str(RIVALS))
from _common import Job  # noqa: E402

__all__ = ["Entry", "Goal", "Job", "run_job", "summarise", "table_text"]

TIMEOUT = 600  # seconds for one process
BUSY = 0.05  # share of the cores in others' use above which a run counts as disturbed
OWN, PRODUCTS = "jensen", "matrix products"  # the labels of two entries


@dataclass(frozen=True)
class Entry:
    """One line of the table: a script, and whether it runs under the rivals' interpreter.

    `how` is a way of driving it that is not the documented one.
    """

    label: str
    script: str
    is_rival: bool = True
    how: str = ""


@dataclass(frozen=True)
class Goal:
    """A bound on a ratio of step times: rival / jensen at least, or jensen / floor at most."""

    bound: float
    at_least: bool = True

    def met(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


def run_job(
    job: Job, entries: Sequence[Entry], rows: np.ndarray, repeats: int, rivals_python: str
) -> list[dict[str, dict]]:
    """For each round each entry's result by its label, or `{"missing": why}`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, rows)
        job = replace(job, data=str(path))
        return [_run_round(job, entries, rivals_python) for _ in range(repeats)]


def _run_round(job: Job, entries: Sequence[Entry], rivals_python: str) -> dict[str, dict]:
    results = {}
    for entry in entries:
        results[entry.label] = result = _run_entry(entry, job, rivals_python)
        figure = result.get("missing") or f"{1e3 * result['seconds_per_step']:.3f} ms a step"
        note = ", disturbed" if _disturbed(result) else ""
        print(f"{job.name}: {entry.label}: {figure}{note}", flush=True)
    return results


def _run_entry(entry: Entry, job: Job, rivals_python: str) -> dict:
    python = rivals_python if entry.is_rival else sys.executable
    argument = replace(job, how=entry.how).to_json()
    command = [python, str(RIVALS / entry.script), argument]
    try:
        with OtherLoad() as others:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return {"missing": str(problem).replace(argument, "JOB")}
    if done.returncode:
        return {"missing": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    return {**json.loads(done.stdout.splitlines()[-1]), "others": others.share}


def _disturbed(result: dict) -> bool:
    return (result.get("others") or 0) > BUSY


def _seconds(rounds: list[dict], label: str) -> list[float | None]:
    return [results.get(label, {}).get("seconds_per_step") for results in rounds]


def _quotients(over: list[float | None], under: list[float | None]) -> list[float]:
    return [a / b for a, b in zip(over, under, strict=True) if a and b]


def summarise(job: Job, rounds: list[dict], label: str, goal: Goal | None = None) -> dict:
    """One line of the table, as figures."""
    quiet = [r for r in rounds if not (_disturbed(r[OWN]) or _disturbed(r[label]))]
    rounds = quiet or rounds
    ran = [r[label] for r in rounds if "missing" not in r[label]]
    own, each, products = (_seconds(rounds, name) for name in (OWN, label, PRODUCTS))
    # Of the products jensen / products, as a goal states it; of rivals rival / jensen.
    values = _quotients(own, each) if label == PRODUCTS else _quotients(each, own)
    shares = _quotients(products, each)
    seconds = statistics.median(r["seconds_per_step"] for r in ran) if ran else None
    is_own = label == OWN
    return {
        "configuration": job.name,
        "label": label,
        "version": ran[-1]["version"] if ran else None,
        "device": ran[-1]["device"] if ran else None,
        "quiet_rounds": len(quiet),
        "missing": None if ran else rounds[-1][label]["missing"],
        "seconds_per_step": seconds,
        "rows_per_second": job.batch / seconds if seconds else None,
        "share_of_products": statistics.median(shares) if shares else None,
        "ratio": statistics.median(values) if values and not is_own else None,
        "ratio_range": [min(values), max(values)] if values and not is_own else None,
        "elbo_last": ran[-1]["elbo_last"] if ran else None,
        "goal": str(goal) if goal else None,
        "met": goal.met(statistics.median(values)) if goal and values and quiet else None,
    }


def _row(line: dict) -> list[str]:
    def show(value: float | None, form: str) -> str:
        return "" if value is None else form.format(value)

    ratio = show(line["ratio"], "{:.2f}")
    if line["ratio_range"]:
        ratio += " ({:.2f} to {:.2f})".format(*line["ratio_range"])
    verdict = {True: "met", False: "missed", None: "not judged" if line["goal"] else ""}
    return [
        line["configuration"],
        f"{line['label']}: {line['version'] or 'missing'}",
        show(line["seconds_per_step"] and 1e3 * line["seconds_per_step"], "{:.3f}"),
        show(line["rows_per_second"], "{:,.0f}"),
        show(line["share_of_products"], "{:.0%}"),
        ratio,
        line["goal"] or "",
        verdict[line["met"]],
        str(line["quiet_rounds"]),
        show(line["elbo_last"], "{:.2f}"),
    ]


def table_text(lines: Iterable[dict], repeats: int) -> str:
    """The table, what its columns are, and which libraries are missing."""
    lines = list(lines)
    header = [
        "configuration", "library", "ms per step", "rows per second", "products' share", "ratio",
        "goal", "verdict", "quiet", "ELBO",
    ]  # fmt: skip
    missing = {f"{line['label']}: {line['missing']}" for line in lines if line["missing"]}
    paragraphs = [
        markdown_table(header, map(_row, lines)),
        f"Ratio: the library's time over jensen's within one round; for the matrix products, "
        f"jensen's over theirs. Median and range over the quiet rounds, of {repeats}: those in "
        f"which others used at most {100 * BUSY:.0f} % of the cores during both runs. Where "
        "none was quiet the figures are of all rounds, only indicative, and no goal is judged. "
        "Products' share: how much of a step's time its matrix products alone take. "
        "ELBO: nats per row over the last training epoch, to show that all did the same job.",
        *(f"Missing: {reason}" for reason in sorted(missing)),
    ]
    return "\n\n".join(paragraphs)
