"""Is it better to model why cells are missing, where they are missing for their value?

Three tables of numbers (concrete, energy, red wine); in half of the columns what lies above the
mean is removed, as in Ipsen, Mattei & Frellsen (2021). Models of the mask in which a cell's own
value has to do with its absence (`missing="self"`, and `"self:high"`, which is told that it is the
high ones) are held against one in which it has not (`missing="random"`), by the error of the
posterior mean, in standard deviations of the column, and by evidence of data and mask together.

    python benchmarks/self_masking.py [--seeds 3] [--sets concrete,energy,wine]
        [--kinds random,self,self:high]

Needs ../shared/data, and up to twenty minutes for a table, a kind and a seed. Writes
`results/self_masking.md` and `.json`; tables and kinds that are not named keep what an earlier
run found, under its own date and commit. Exit status 1 if a goal is missed.
"""

import argparse
import sys
from typing import Any

import numpy as np

from _holes import by_jensen, numbers, with_holes
from _record import environment, finish, found_before, markdown_table
from _tables import TABLES, table

KINDS = {"random": "ignored", "self": "self-masking", "self:high": "known to be the high ones"}


def above_the_mean(name: str, kind: str, seeds: int) -> list[dict[str, Any]]:
    """Values above the mean removed in the first half of the columns."""
    frame = table(name)
    full = numbers(frame)
    missing = full > full.mean(axis=0)
    missing[:, full.shape[1] // 2 :] = False
    holes = with_holes(frame, missing)
    results = []
    for seed in range(seeds):
        vae, own = by_jensen(holes, full, missing, seed, missing=kind)
        results.append(own | {"evidence": vae.log_evidence(holes).value})
        print(name, kind, seed, results[-1], file=sys.stderr, flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", default=",".join(TABLES))
    parser.add_argument("--kinds", default=",".join(KINDS))
    asked = parser.parse_args()
    now = environment(["jensen", "jax", "jaxlib", "numpy", "scikit-learn", "polars"])
    found = found_before("self_masking")
    for name in filter(None, asked.sets.split(",")):
        for kind in asked.kinds.split(","):
            seeds = above_the_mean(name, kind, asked.seeds)
            found.setdefault(name, {})[kind] = {"environment": now, "seeds": seeds}
    tell(found, now)


def tell(found: dict[str, dict[str, Any]], now: dict[str, Any]) -> None:
    """Write the figures down."""
    lines = []
    met: dict[str, bool] = {}
    for name in (name for name in TABLES if name in found):
        of = lambda kind, key, name=name: float(
            np.mean([each[key] for each in found[name][kind]["seeds"]])
        )
        kinds = [kind for kind in KINDS if kind in found[name]]
        for kind in kinds:
            seeds, run = len(found[name][kind]["seeds"]), found[name][kind]["environment"]
            lines.append(
                [name, KINDS[kind], f"{of(kind, 'error'):.3f}", f"{of(kind, 'evidence'):.2f}",
                 f"{seeds}", f"{run['date']}, {run['commit']}"]
            )  # fmt: skip
            if kind != "random" and "random" in kinds:
                goal = f"{name}, {KINDS[kind]}: a smaller error than with the mask ignored"
                met[goal] = of(kind, "error") < of("random", "error")
    header = ["", "absence", "error", "evidence", "seeds", "run"]
    text = (
        "What lies above the mean removed in half of the columns; evidence of data and mask, nats"
        " a row:\n\n" + markdown_table(header, lines)
    )
    title = "Cells that are missing for their value"
    finish("self_masking", title, text, {"environment": now, "found": found}, met)


if __name__ == "__main__":
    main()
