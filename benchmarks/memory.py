"""Does the memory of importance sampling grow with the number of draws?

Estimates the evidence of 100 rows of digits with 1,000 and with 100,000 draws, each in a fresh
process, and compares their peak resident memory.

    python benchmarks/memory.py

Writes `results/memory.md` and `results/memory.json`. Exit status 1 if a goal is missed.
"""

import json
import resource
import subprocess
import sys
import time

from _record import environment, markdown_table, write_results

DRAWS = (1_000, 100_000)
GOAL_GIB, GOAL_RATIO = 1.5, 1.1


def measure(draws: int) -> dict[str, float]:
    """Run in a process of its own: memory is that of imports, compilation and the estimate."""
    import jax
    import numpy as np
    from sklearn.datasets import load_digits

    from jensen import evidence, recipes

    rows = load_digits().data[:100].astype(np.float32)
    model, _ = recipes.vae(rows, key=jax.random.key(0), likelihood="beta-binomial", high=16.0)
    start = time.perf_counter()
    estimate = evidence.importance(model, rows, jax.random.key(1), draws)
    return {
        "draws": draws,
        "seconds": time.perf_counter() - start,
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "value": estimate.value,
    }


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
        return
    results = [
        json.loads(subprocess.run(
            [sys.executable, __file__, str(draws)], capture_output=True, text=True, check=True
        ).stdout)
        for draws in DRAWS
    ]  # fmt: skip
    few, many = results
    ratio = many["gib"] / few["gib"]
    met = many["gib"] < GOAL_GIB and ratio < GOAL_RATIO
    header = ["draws", "peak memory, GiB", "seconds"]
    lines = [[f"{r['draws']:,}", f"{r['gib']:.3f}", f"{r['seconds']:.1f}"] for r in results]
    text = (
        markdown_table(header, lines)
        + f"\n\n{ratio:.3f} times the memory for a hundred times the draws; goal: at most"
        + f" {GOAL_RATIO} times, and below {GOAL_GIB} GiB: {'met' if met else 'missed'}."
    )
    record = environment(["jensen", "jax", "jaxlib", "numpy"])
    write_results(
        "memory", "Memory of importance sampling", text,
        {"environment": record, "runs": results},
    )  # fmt: skip
    print(text)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
