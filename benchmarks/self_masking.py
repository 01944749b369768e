"""Is it better to model why cells are missing, where they are missing for their value?

Three tables of numbers (concrete, energy, red wine); in half of the columns what lies above the
mean is removed, as in Ipsen, Mattei & Frellsen (2021). A model of the mask in which a cell's own
value has to do with its absence (`missing="self"`) is held against one in which it has not
(`missing="random"`), by the error of the posterior mean, in standard deviations of the column,
and by evidence of data and mask together.

    python benchmarks/self_masking.py [--seeds 3] [--sets concrete,energy,wine]

Needs ../shared/data, and some twenty minutes for a table and a seed. Writes
`results/self_masking.md` and `.json`; tables that are not named keep what an earlier run of the
same commit found on this machine that day. Exit status 1 if a goal is missed.
"""

import argparse
import json
import sys
from typing import Any

import numpy as np

from _holes import by_jensen, numbers, with_holes
from _record import RESULTS, environment, finish, markdown_table
from _tables import TABLES, table
from jensen._words import counted


def above_the_mean(name: str, seeds: int) -> list[dict[str, Any]]:
    """Values above the mean removed in the first half of the columns."""
    frame = table(name)
    full = numbers(frame)
    missing = full > full.mean(axis=0)
    missing[:, full.shape[1] // 2 :] = False
    holes = with_holes(frame, missing)
    results = []
    for seed in range(seeds):
        told: dict[str, Any] = {}
        for kind in ("random", "self"):
            vae, own = by_jensen(holes, full, missing, seed, missing=kind)
            told[kind] = own | {"evidence": vae.log_evidence(holes).value}
        results.append(told)
        print(name, seed, told, file=sys.stderr, flush=True)
    return results


def found_before(now: dict[str, Any], seeds: int) -> dict[str, Any]:
    """What a run in the same environment left, with as many seeds."""
    path = RESULTS / "self_masking.json"
    left = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    # Of a tree with changes nobody knows which.
    same = left.get("environment") == now and "dirty" not in now["commit"]
    return {
        name: each for name, each in left.get("found", {}).items() if same and len(each) == seeds
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", default=",".join(TABLES))
    asked = parser.parse_args()
    now = environment(["jensen", "jax", "jaxlib", "numpy", "scikit-learn", "polars"])
    found = found_before(now, asked.seeds)
    found |= {name: above_the_mean(name, asked.seeds) for name in asked.sets.split(",") if name}
    tell(found, now)


def tell(found: dict[str, Any], now: dict[str, Any]) -> None:
    """Write the figures down."""
    lines = []
    met: dict[str, bool] = {}
    names = [name for name in TABLES if name in found]
    for name in names:
        of = lambda kind, key, name=name: float(np.mean([each[kind][key] for each in found[name]]))
        met[f"{name}: the modelled mask has the smaller error"] = of("self", "error") < of(
            "random", "error"
        )
        lines.append(
            [name, *(f"{of(kind, 'error'):.3f}" for kind in ("random", "self")),
             *(f"{of(kind, 'evidence'):.2f}" for kind in ("random", "self"))]
        )  # fmt: skip
    header = ["", "error, ignored", "error, self-masking", "evidence, ignored", "self-masking"]
    text = (
        "What lies above the mean removed in half of the columns; evidence of data and mask, nats"
        f" a row ({counted(len(found[names[0]]), 'seed')}):\n\n" + markdown_table(header, lines)
    )
    title = "Cells that are missing for their value"
    finish("self_masking", title, text, {"environment": now, "found": found}, met)


if __name__ == "__main__":
    main()
