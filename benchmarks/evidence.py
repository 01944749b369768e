"""How near to the truth do estimates of the evidence come, and in what time?

Digits, every default (200-200, ten latents, beta-binomial), 100 held-out rows, in nats per row:

1. seconds until `certify` holds simulated rows between two sides 0.2 and 0.1 nats apart, in
   fresh processes with an empty compilation cache; imports are timed apart;
2. the error of each estimator against the time it takes, beside NumPyro's importance estimate
   on the same model and, on a second model of binarised digits whose likelihood Pythae has too,
   beside both NumPyro's and Pythae's `get_nll`, weights carried over to both;
3. cost against rows, chains and temperatures, and memory against temperatures, over a decade;
4. linear-Gaussian models whose encoder is too narrow, too wide or shifted: annealed evidence of
   200 rows beside the exact one.

    python -m venv /tmp/rivals
    /tmp/rivals/bin/python -m pip install -r benchmarks/requirements-evidence.txt
    python benchmarks/evidence.py --rivals-python /tmp/rivals/bin/python

Writes `results/evidence.md`, `.json` and `.svg`. Exit status 1 if a goal is missed. With
`--quick` all is small, which shows that it runs and measures nothing; it writes to a temporary
folder, and prints where.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

import _record
from _evidence_jobs import Size, run_here
from _figure import draw
from _record import OtherLoad, environment, markdown_table, write_results

RIVALS = Path(__file__).parent / "rivals"
NUMPYRO, PYTHAE = "numpyro_evidence_.py", "pythae_evidence_.py"
LABELS = {NUMPYRO: "NumPyro, importance", PYTHAE: "Pythae get_nll"}
GOALS = {0.2: 8.0, 0.1: 20.0}
# How far a cost may lie from a straight line through the sizes of a decade, as a share of it: a
# machine that others use too is as uneven as that.
MOST_BENT = 0.15
MOST_MEMORY = 1.1
# Nats between annealed and exact evidence of linear-Gaussian models, in the mean.
MOST_OFF = 0.05
# How often a bracket holds the truth, at least.
STATED = 0.95
TIMEOUT = 3600


def in_process(part: str, job: dict, python: str = sys.executable, **variables: str) -> Any:
    """What a job prints as its last line, run in a process of its own."""
    import os

    script = RIVALS / part if part.endswith(".py") else Path(__file__).parent / "_evidence_jobs.py"
    arguments = [json.dumps(job)] if part.endswith(".py") else [part, json.dumps(job)]
    try:
        done = subprocess.run(
            [python, str(script), *arguments],
            capture_output=True, text=True, timeout=TIMEOUT, env=os.environ | variables,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        return {"missing": type(problem).__name__}
    if done.returncode:
        return {"missing": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def brackets(folder: Path, size: Size) -> list[dict]:
    """Time to bracket, in fresh processes that find nothing compiled."""
    results = []
    for tolerance, goal in GOALS.items():
        with tempfile.TemporaryDirectory() as cache, OtherLoad() as others:
            job = {"model": str(folder / "digits.jensen"), "rows": str(folder / "digits.npy")}
            asked = job | {"tolerance": tolerance}
            found = in_process("bracket", asked, JAX_COMPILATION_CACHE_DIR=cache)
        results.append(found | {"goal": goal, "others": others.share})
        print(f"bracket {tolerance}: {results[-1]}", flush=True)
    return results


def errors(folder: Path, name: str, rivals: list[str], size: Size, python: str) -> dict:
    """The truth of one model's rows, and the distance from it of each estimator and rival."""
    paths = {"model": str(folder / f"{name}.jensen"), "rows": str(folder / f"{name}.npy")}
    found = in_process("estimates", paths | {"quick": size.quick})
    if "missing" in found:
        return found
    job = {"weights": str(folder / f"{name}.npz"), "rows": paths["rows"]}
    job |= {"draws": size.draws, "repeats": size.repeats}
    truth = np.array(found["truth"]["values"])
    lines = dict(found["estimates"])
    missing = {}
    for rival in rivals:
        theirs = in_process(rival, job, python)
        if isinstance(theirs, list):
            lines[LABELS[rival]] = [each | {"effort": each["draws"]} for each in theirs]
        else:
            missing[LABELS[rival]] = theirs["missing"]
    for records in lines.values():
        for each in records:
            values = np.array(each.pop("values"))
            each["value"] = float(values.mean())
            each["error"] = float(np.abs(values - truth).mean())
    summary = {key: value for key, value in found["truth"].items() if key != "values"}
    return {"truth": summary, "lines": lines, "missing": missing}


def line_of(records: list[dict]) -> tuple[float, float, float]:
    """Cost a + b · size: a, b, and the largest distance from it as a share of the cost."""
    size = np.array([each["size"] for each in records], float)
    seconds = np.array([each["seconds"] for each in records])
    design = np.stack([np.ones_like(size), size], axis=1) / seconds[:, None]
    (fixed, rate), *_ = np.linalg.lstsq(design, np.ones_like(size), rcond=None)
    return float(fixed), float(rate), float(np.abs((fixed + rate * size) / seconds - 1).max())


def bracket_text(results: list[dict]) -> str:
    header = [
        "tolerance", "bracket after", "goal", "all after", "imports", "bracket", "temperatures",
        "others' load",
    ]  # fmt: skip
    lines = []
    for each in results:
        if "missing" in each:
            lines.append(["", each["missing"], *[""] * 6])
            continue
        lines.append([
            f"{each['tolerance']:g}", f"{each['bracket_seconds']:.1f}", f"{each['goal']:g}",
            f"{each['seconds']:.1f}", f"{each['import']:.1f}",
            f"{each['gap']:.3f} ± {each['gap_stderr']:.3f}",
            f"{each['temperatures']:,}",
            "unknown" if each["others"] is None else f"{each['others']:.0%}",
        ])  # fmt: skip
    return (
        "## Time to a bracket\n\nSeconds of `certify` in a fresh process with an empty compilation"
        " cache: until the bracket stood, which is all compilation and the simulated rows from both"
        " sides, and until the 100 real rows were done as well. Imports are counted apart.\n\n"
        + markdown_table(header, lines)
    )


def error_text(name: str, found: dict) -> str:
    if "missing" in found and "lines" not in found:
        return f"## {name}\n\nNot measured: {found['missing']}"
    truth = found["truth"]
    header = ["estimator", "effort", "nats per row", "error of a row", "seconds", "first call"]
    lines = [
        [
            line, f"{each['effort']:,}", f"{each['value']:.3f}", f"{each['error']:.3f}",
            f"{each['seconds']:.3f}", f"{each['first_seconds']:.2f}",
        ]
        for line, records in found["lines"].items()
        for each in records
    ]  # fmt: skip
    text = (
        f"## {name}: error against time\n\nTruth: {truth['value']:.3f} ± {truth['stderr']:.3f}, by"
        f" {truth['chains']} chains of {truth['temperatures']:,} temperatures, whose two sides are"
        f" {truth['gap']:.3f} ± {truth['gap_stderr']:.3f} apart on simulated rows. Effort is draws,"
        " or temperatures. Error is the mean over rows of |estimate − truth|, over repeats;"
        " seconds are those of a call on all rows once compiled, beside the first call's.\n\n"
        + markdown_table(header, lines)
    )
    missing = "; ".join(f"{rival}: {why}" for rival, why in found["missing"].items())
    return f"{text}\n\nMissing: {missing}" if missing else text


def scaling_text(found: dict) -> str:
    if "missing" in found:
        return f"## Scaling\n\nNot measured: {found['missing']}"
    lines = [
        [
            what, f"{each['size']:,}", f"{each['seconds']:.2f}",
            f"{line_of(records)[0]:.2f} + {1000 * line_of(records)[1]:.3g} size / 1000",
            f"{line_of(records)[2]:.0%}",
        ]
        for what, records in found["seconds"].items()
        for each in records
    ]  # fmt: skip
    memory = [[f"{each['size']:,}", f"{each['gib']:.3f}"] for each in found["memory"]]
    return (
        "## Scaling\n\nSeconds of `annealed` once compiled, pilot included, one size varied at a"
        " time, the least of five rounds; beside them the straight line through the four sizes,"
        " and how far from it they lie.\n\n"
        + markdown_table(["varied", "size", "seconds", "line", "off it"], lines)
        + "\n\nPeak memory of a fresh process:\n\n"
        + markdown_table(["temperatures", "GiB"], memory)
    )


def linear_text(found: Any) -> str:
    title = "## Linear-Gaussian models, encoders off on purpose\n\n"
    if isinstance(found, dict):
        return f"{title}Not measured: {found['missing']}"
    header = [
        "latents", "features", "encoder", "exact", "annealed", "off by", "importance", "ELBO",
        "brackets that hold",
    ]  # fmt: skip
    lines = [
        [
            f"{each['latent']}", f"{each['features']}", each["encoder"], f"{each['exact']:.3f}",
            f"{each['annealed']:.3f} ± {each['stderr']:.3f}",
            f"{each['annealed'] - each['exact']:+.3f}", f"{each['importance']:.3f}",
            f"{each['elbo']:.3f}", f"{each['held']} of {each['brackets']}",
        ]
        for each in found
    ]  # fmt: skip
    return (
        f"{title}Means over {found[0]['rows']} rows, nats per row. The encoder's q is half as wide"
        " as the posterior, twice as wide, or one standard deviation off in each of its directions;"
        " 32 chains, two leapfrog steps, 300 temperatures, or 1,000 for 50 latents; importance"
        " sampling takes 1,000 draws. Brackets are of 20 simulated rows each, 16 chains and 20, 60"
        " or 200 temperatures, few enough for their sides to lie apart; each states that it holds"
        " the mean exact evidence of its rows in 95 of 100 repetitions or more.\n\n"
        + markdown_table(header, lines)
    )


def off_by_too_much(each: dict) -> bool:
    off = each["annealed"] - each["exact"]
    return abs(off) > MOST_OFF or off > 4 * each["stderr"]


def judged(results: list[dict], scaling: dict, linear: Any) -> dict[str, bool]:
    met = {}
    if isinstance(linear, dict):
        met["linear-Gaussian models measured"] = False
    else:
        worst = max(abs(each["annealed"] - each["exact"]) for each in linear)
        told = f"linear-Gaussian: off by {worst:.3f} ≤ {MOST_OFF} nats, and not above by 4 errors"
        met[told] = not any(map(off_by_too_much, linear))
        held, tried = (sum(each[what] for each in linear) for what in ("held", "brackets"))
        # Of fewer than this many at the rate stated, once in a thousand times.
        least = binom.ppf(1e-3, tried, STATED)
        met[f"brackets hold the truth in {held} of {tried}, stated {STATED:.0%}"] = held >= least
    for each in results:
        if "missing" in each:
            met[f"bracket within {each['goal']:g} s measured"] = False
            continue
        seconds = each["bracket_seconds"]
        reached = each["gap"] <= each["tolerance"] and seconds <= each["goal"]
        told = f"{each['gap']:.3f} nats in {seconds:.1f} s"
        met[f"bracket ≤ {each['tolerance']:g} nats within {each['goal']:g} s: {told}"] = reached
    if "missing" in scaling:
        return met | {"scaling measured": False}
    for what, records in scaling["seconds"].items():
        fixed, _, bent = line_of(records)
        told = f"cost is linear in {what}: off a line that begins at {fixed:.2f} s by {bent:.0%}"
        # A line that begins below nothing is that of a cost that grows faster than its size.
        begins = fixed >= -MOST_BENT * records[0]["seconds"]
        met[f"{told} ≤ {MOST_BENT:.0%}"] = bent <= MOST_BENT and begins
    first, last = scaling["memory"][0]["gib"], scaling["memory"][-1]["gib"]
    told = f"memory at ten times the temperatures {last / first:.3f} ≤ {MOST_MEMORY} times"
    return met | {told: last <= MOST_MEMORY * first}


def curves(found: dict) -> dict[str, list[tuple[float, float]]]:
    return {
        line: [(max(each["seconds"], 1e-4), max(each["error"], 1e-4)) for each in records]
        for line, records in found.get("lines", {}).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rivals-python", default=sys.executable)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    size = Size(asked.quick)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_here("train", {"folder": name, "quick": asked.quick})
        results = brackets(folder, size)
        python = asked.rivals_python
        digits = errors(folder, "digits", [NUMPYRO], size, python)
        binary = errors(folder, "binary", [NUMPYRO, PYTHAE], size, python)
        job = {"model": str(folder / "digits.jensen"), "rows": str(folder / "digits.npy")}
        scaling = in_process("scaling", job | {"quick": asked.quick})
        if "missing" not in scaling:
            sizes = [{"temperatures": each} for each in size.memory_temperatures]
            scaling["memory"] = [in_process("memory", job | each) for each in sizes]
            failed = [each["missing"] for each in scaling["memory"] if "missing" in each]
            scaling |= {"missing": failed[0]} if failed else {}
        linear = in_process("linear_gaussian", {"quick": asked.quick})
    met = judged(results, scaling, linear)
    titles = ("Digits, beta-binomial", "Binarised digits, Bernoulli")
    text = "\n\n".join([
        bracket_text(results), error_text(titles[0], digits), error_text(titles[1], binary),
        "![Error against time](evidence.svg)", scaling_text(scaling), linear_text(linear),
        "\n".join(f"- {goal}: {'met' if holds else 'missed'}" for goal, holds in met.items()),
    ])  # fmt: skip
    if asked.quick:
        _record.RESULTS = Path(tempfile.mkdtemp())
    record = environment(["jensen", "jax", "jaxlib", "numpy", "numpyro"])
    data = {"environment": record, "brackets": results, "digits": digits}
    data |= {"binary": binary, "scaling": scaling, "linear_gaussian": linear}
    page = write_results("evidence", "Evidence: error against time", text, data)
    panels = {title: curves(found) for title, found in zip(titles, (digits, binary), strict=True)}
    if all(panels.values()):
        x, y = "seconds for all rows", "nats: mean |estimate − truth| of a row"
        draw(page.with_suffix(".svg"), panels, x, y)
    print(text, page, sep="\n")
    sys.exit(0 if all(met.values()) else 1)


if __name__ == "__main__":
    main()
