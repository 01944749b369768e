"""The parts of benchmarks/evidence.py that run in processes of their own: PART JOB, one line out.

Imports of jensen stand inside, so that their time can be told apart.
"""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SEED = 0


@dataclass(frozen=True)
class Size:
    """How much is done."""

    quick: bool

    @property
    def rows(self) -> int:
        return 10 if self.quick else 100

    @property
    def training(self) -> dict[str, Any]:
        return {"max_epochs": 2} if self.quick else {"max_time": 180}

    @property
    def draws(self) -> list[int]:
        return [10, 100] if self.quick else [10, 100, 1000, 10_000]

    @property
    def temperatures(self) -> list[int]:
        return [5, 10] if self.quick else [10, 30, 100, 300]

    @property
    def repeats(self) -> int:
        return 2 if self.quick else 3

    @property
    def truth(self) -> tuple[int, int]:
        """Chains and temperatures."""
        return (8, 20) if self.quick else (64, 1000)

    @property
    def memory_temperatures(self) -> list[int]:
        return [100, 1000]


def train(job: dict) -> None:
    """Both models, their held-out rows, and their weights as arrays."""
    from sklearn.datasets import load_digits

    import jensen

    size = Size(job["quick"])
    X = load_digits().data
    order = np.random.default_rng(SEED).permutation(len(X))
    held_out, rest = order[: size.rows], order[size.rows :]
    for name, rows in (("digits", X), ("binary", (X > 8).astype(np.float64))):
        folder = Path(job["folder"])
        vae = jensen.VAE(latent_dim=10, random_state=SEED, **size.training).fit(rows[rest])
        vae.save(folder / f"{name}.jensen")
        np.save(folder / f"{name}.npy", rows[held_out])
        arrays: Any = _arrays(vae.model_)
        np.savez(folder / f"{name}.npz", **arrays)


def _arrays(model: Any) -> dict[str, np.ndarray]:
    arrays = {"shift": model.encoder.shift.value, "scale": model.encoder.scale.value}
    for name, network in (("encoder", model.encoder.network), ("decoder", model.decoder)):
        assert network.activation == "relu"
        for i, layer in enumerate(network.layers):
            arrays[f"{name}_weight{i}"] = layer.weight
            arrays[f"{name}_bias{i}"] = layer.bias
    as_numbers = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    return as_numbers | {"likelihood": np.array(model.likelihood.name)}


def bracket(job: dict) -> dict:
    """How long `certify` takes where nothing is compiled yet."""
    start = time.perf_counter()
    import jax

    import jensen
    from jensen import evidence

    imported = time.perf_counter() - start
    model, rows = _loaded(jensen, job)
    stood: list[float] = []

    def tell(sentence: str) -> None:
        if "simulated rows: between" in sentence:
            stood.append(time.perf_counter() - start)

    start = time.perf_counter()
    found = evidence.certify(model, rows, jax.random.key(SEED), job["tolerance"], tell=tell)
    seconds = time.perf_counter() - start
    return {
        # A schedule that was too short had a bracket too.
        "tolerance": job["tolerance"], "bracket_seconds": stood[-1], "seconds": seconds,
        "import": imported,
        "gap": found.bracket.gap, "gap_stderr": found.bracket.gap_stderr,
        "value": found.value, "stderr": found.stderr, "temperatures": found.temperatures,
        "carries_over": found.carries_over,
    }  # fmt: skip


def _loaded(jensen: Any, job: dict) -> tuple[Any, np.ndarray]:
    vae = jensen.load(job["model"])
    return vae.model_, vae.schema_.check(np.load(job["rows"]))


def estimates(job: dict) -> dict:
    """The truth, and every estimator at growing effort."""
    import jax

    import jensen
    from jensen import evidence

    size = Size(job["quick"])
    model, rows = _loaded(jensen, job)
    key = jax.random.key
    chains, long = size.truth
    how = evidence.Annealing(chains=chains)
    truth = evidence.annealed(model, rows, key(100), long, how=how)
    both = evidence.bidirectional(model, key(101), len(rows), long, how=how)
    from_prior = evidence.Annealing(start="prior")
    by_draws = {
        "prior mixture": evidence.prior_monte_carlo,
        "ELBO": evidence.elbo,
        "importance": evidence.importance,
    }
    found: dict[str, list[dict]] = {}
    for name, estimator in by_draws.items():
        for draws in size.draws:
            call = lambda seed, e=estimator, n=draws: e(model, rows, key(seed), n)
            found.setdefault(name, []).append(_timed(call, draws, size.repeats))
    annealed = evidence.annealed
    for name, each in (("annealed", evidence.Annealing()), ("annealed from prior", from_prior)):
        for steps in size.temperatures:
            call = lambda seed, t=steps, how=each: annealed(model, rows, key(seed), t, how=how)
            found.setdefault(name, []).append(_timed(call, steps, size.repeats))
    told = {
        "values": truth.values.tolist(), "value": truth.value, "stderr": truth.stderr,
        "chains": chains, "temperatures": long, "gap": both.gap, "gap_stderr": both.gap_stderr,
    }  # fmt: skip
    return {"truth": told, "estimates": found}


def _timed(call: Callable[[int], Any], effort: int, repeats: int) -> dict:
    """A first call, which compiles, and the median of some more."""
    start = time.perf_counter()
    call(0)
    first = time.perf_counter() - start
    seconds, values = [], []
    for repeat in range(repeats):
        start = time.perf_counter()
        values.append(call(1 + repeat).values.tolist())
        seconds.append(time.perf_counter() - start)
    return {
        "effort": effort,
        "first_seconds": first,
        "seconds": statistics.median(seconds),
        "values": values,
    }


def linear_gaussian(job: dict) -> list[dict]:
    """Annealed evidence beside the exact one, where the encoder is off in a known way."""
    import jax

    # The models are those that the tests anneal on.
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.annealing import OFF, problem

    from jensen import evidence

    quick = job["quick"]
    sizes = (
        [(2, 20, 20, 5)] if quick else [(2, 20, 300, 20), (10, 100, 300, 60), (50, 200, 1000, 200)]
    )
    repeats = 3 if quick else 20
    results = []
    for latent, features, temperatures, of_brackets in sizes:
        for how in OFF:
            model, rows, exact = problem(how, latent, features, rows=10 if quick else 200)
            annealing = evidence.Annealing(leapfrogs=2)
            key = jax.random.key(SEED)
            found = evidence.annealed(model, rows, key, temperatures, how=annealing)
            plain = evidence.importance(model, rows, key, 1000)
            results.append({
                "latent": latent, "features": features, "encoder": how, "rows": len(rows),
                "temperatures": temperatures, "exact": float(exact.mean()),
                "annealed": found.value, "stderr": found.stderr, "importance": plain.value,
                "elbo": evidence.elbo(model, rows, key, 100).value,
                "brackets": repeats, "bracket_temperatures": of_brackets,
                "held": _brackets_that_hold(model, of_brackets, repeats),
            })  # fmt: skip
    return results


def _brackets_that_hold(model: Any, temperatures: int, repeats: int) -> int:
    """How many brackets of 20 rows each, simulated anew, hold the rows' mean exact evidence."""
    import jax

    from jensen import LinearGaussian, evidence
    from jensen._sampling import split
    from jensen.evidence.annealing.bidirectional import simulate

    lg, held = LinearGaussian.from_model(model), 0
    how = evidence.Annealing(chains=16, leapfrogs=2)
    for number in range(repeats):
        key = jax.random.key(SEED + number)
        low, high = evidence.bidirectional(model, key, 20, temperatures, how=how).interval
        # The rows that `bidirectional` simulates from this key.
        rows = simulate(model, split(key, 3)[0], 20).X
        held += int(low <= lg.log_evidence(np.asarray(rows)).mean() <= high)
    return held


def scaling(job: dict) -> dict:
    """Seconds of `annealed`, one size varied over a decade at a time."""
    import jax

    import jensen
    from jensen import evidence

    quick = job["quick"]
    model, rows = _loaded(jensen, job)
    rows = np.tile(rows, (40 if quick else 4, 1))
    usual = {"rows": 20, "chains": 8, "temperatures": 20} if quick else {
        "rows": 40, "chains": 16, "temperatures": 100
    }  # fmt: skip
    sizes = [(what, times) for what in usual for times in (1, 2, 5, 10)]

    def seconds(what: str, times: int, seed: int) -> float:
        now = usual | {what: times * usual[what]}
        how = evidence.Annealing(chains=now["chains"])
        start = time.perf_counter()
        evidence.annealed(
            model, rows[: now["rows"]], jax.random.key(seed), now["temperatures"], how=how
        )
        return time.perf_counter() - start

    # Round by round, so that a slow minute of the machine falls on all sizes; the first compiles.
    rounds = [[seconds(*size, seed) for size in sizes] for seed in range(3 if quick else 6)]
    best = np.min(rounds[1:], axis=0)
    found: dict[str, list[dict]] = {what: [] for what in usual}
    for (what, times), least in zip(sizes, best, strict=True):
        found[what].append({"size": times * usual[what], "seconds": float(least)})
    return {"seconds": found}


def memory(job: dict) -> dict:
    """Peak memory of a process that anneals through so many temperatures."""
    import jax

    import jensen
    from jensen import evidence

    model, rows = _loaded(jensen, job)
    evidence.annealed(model, rows, jax.random.key(SEED), job["temperatures"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"size": job["temperatures"], "gib": peak / 2**20}


PARTS: dict[str, Callable[[dict], Any]] = {
    "train": train,
    "bracket": bracket,
    "estimates": estimates,
    "linear_gaussian": linear_gaussian,
    "scaling": scaling,
    "memory": memory,
}


def run_here(part: str, job: dict) -> Any:
    return PARTS[part](job)


if __name__ == "__main__":
    print(json.dumps(run_here(sys.argv[1], json.loads(sys.argv[2]))))
