"""How noisy is each estimator of the gradient, with the same model, rows and draws?

Trains a VAE on the digits for some epochs only, since an estimator matters while there is
still something to learn, then holds weights and rows still and draws each gradient many times
over. What differs between the draws is z alone. Of encoder and decoder apart it reports

    variance         the mean over parameters of Var[g]
    signal to noise  |E g| / sqrt(tr Var[g]), with |E g|² freed of its own noise
    same mean        |mean g − mean of the reference|² over what their noise alone would make it:
                     about 1 where both estimate the same gradient

and the mean of the value that the objective reports, with its standard error.

    python benchmarks/gradients.py

Writes `results/gradients.md` and `results/gradients.json`.
"""

import argparse
import time
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

import jensen
from _record import environment, markdown_table, write_results
from jensen.objectives import ELBO, IWAE, Objective
from jensen.training.step import split_trainable

SIDES = ("encoder", "decoder")


@dataclass(frozen=True)
class Entry:
    """A line of the table; its gradient is held against that of the line `reference`."""

    bound: str
    gradient: str
    draws: int
    objective: Objective
    reference: int


def entries() -> list[Entry]:
    lines = []
    for draws in (2, 5, 20):
        lines += [
            Entry("ELBO", "reparameterised", draws, ELBO(draws), len(lines)),
            Entry("ELBO", "score, leave one out", draws, ELBO(draws, "score"), len(lines)),
        ]
    for draws in (1, 5, 20):
        lines += [
            Entry("IWAE", "reparameterised", draws, IWAE(draws, "reparameterised"), len(lines)),
            Entry("IWAE", "doubly reparameterised", draws, IWAE(draws), len(lines)),
        ]
    return lines


@dataclass(frozen=True)
class Moments:
    """Mean and variance over replicates of a gradient, flat, and of the value reported."""

    mean: dict[str, np.ndarray]
    variance: dict[str, np.ndarray]
    values: np.ndarray

    @property
    def replicates(self) -> int:
        return len(self.values)


@eqx.filter_jit
def replicate(model: Any, objective: Objective, rows: jax.Array, keys: jax.Array) -> Any:
    """Welford's running mean and sum of squares of the gradient, and every value."""
    trainable, rest = split_trainable(model)

    def mean_over_rows(trainable: Any, key: jax.Array) -> Any:
        model = eqx.combine(trainable, rest)
        row_keys = jax.random.split(key, rows.shape[0])
        terms = jax.vmap(lambda x, key: objective(model, x, key, jnp.float32(0)))(rows, row_keys)
        return jnp.mean(terms.surrogate), jnp.mean(terms.value)

    def flat(gradient: Any) -> dict[str, jax.Array]:
        leaves = {side: jax.tree.leaves(getattr(gradient, side)) for side in SIDES}
        return {side: jnp.concatenate([jnp.ravel(x) for x in each]) for side, each in leaves.items()}

    def step(carry: Any, key: jax.Array) -> Any:
        count, mean, squares = carry
        gradient, value = jax.grad(mean_over_rows, has_aux=True)(trainable, key)
        count, new = count + 1, flat(gradient)
        off = jax.tree.map(lambda g, m: g - m, new, mean)
        mean = jax.tree.map(lambda m, d: m + d / count, mean, off)
        squares = jax.tree.map(lambda s, d, g, m: s + d * (g - m), squares, off, new, mean)
        return (count, mean, squares), value

    zeros = jax.tree.map(jnp.zeros_like, flat(trainable))
    (_, mean, squares), values = jax.lax.scan(step, (jnp.float32(0), zeros, zeros), keys)
    return mean, squares, values


def measure(model: Any, entry: Entry, rows: jax.Array, replicates: int, seed: int) -> Moments:
    keys = jax.random.split(jax.random.fold_in(jax.random.key(1), seed), replicates)
    mean, squares, values = replicate(model, entry.objective, rows, keys)
    wide = lambda tree: {side: np.asarray(each, np.float64) for side, each in tree.items()}
    variance = {side: each / (replicates - 1) for side, each in wide(squares).items()}
    return Moments(wide(mean), variance, np.asarray(values, np.float64))


def signal_to_noise(found: Moments, side: str) -> float:
    noise = found.variance[side].sum()
    signal = np.sum(found.mean[side] ** 2) - noise / found.replicates
    return float(np.sqrt(max(signal, 0.0) / noise))


def distance(found: Moments, reference: Moments, side: str) -> float:
    """Squared distance of the means over its expectation if both have the same mean."""
    expected = sum(each.variance[side].sum() / each.replicates for each in (found, reference))
    return float(np.sum((found.mean[side] - reference.mean[side]) ** 2) / expected)


def line(entry: Entry, found: Moments, reference: Moments) -> dict[str, Any]:
    record: dict[str, Any] = {
        "bound": entry.bound,
        "gradient": entry.gradient,
        "draws": entry.draws,
        "value": found.values.mean(),
        "stderr": found.values.std(ddof=1) / np.sqrt(found.replicates),
    }
    for side in SIDES:
        record[side] = {
            "variance": float(found.variance[side].mean()),
            "signal_to_noise": signal_to_noise(found, side),
            "same_mean": None if found is reference else distance(found, reference, side),
        }
    return record


def table_row(record: dict[str, Any]) -> list[str]:
    cells = [
        record["bound"],
        record["gradient"],
        str(record["draws"]),
        f"{record['value']:.3f} ± {record['stderr']:.3f}",
    ]
    for side in SIDES:
        figures = record[side]
        same = figures["same_mean"]
        cells += [
            f"{figures['variance']:.2e}",
            f"{figures['signal_to_noise']:.2f}",
            "" if same is None else f"{same:.2f}",
        ]
    return cells


def page_text(records: list[dict[str, Any]], setting: dict[str, Any]) -> str:
    header = ["bound", "gradient", "draws", "value, nats a row"]
    header += [f"{side}: {what}" for side in SIDES for what in ("variance", "S/N", "same mean")]
    return "\n\n".join(
        [
            f"Digits, {setting['likelihood']} likelihood, hidden"
            f" {'-'.join(map(str, setting['hidden']))}, latent {setting['latent_dim']}, after"
            f" {setting['epochs']} epochs; the mean gradient of the same {setting['rows']} rows,"
            f" drawn {setting['replicates']} times. {setting['seconds']:.0f} s in all.",
            markdown_table(header, map(table_row, records)),
            "Variance: the mean over parameters. S/N: length of the mean gradient over the root of"
            " its total variance. Same mean: squared distance from the mean gradient of the line"
            " above, over what noise alone would make of it; about 1 if both estimate the same.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    began = time.monotonic()
    digits = load_digits().data
    vae = jensen.VAE(max_epochs=arguments.epochs, draws=10, random_state=0).fit(digits)
    rows = jnp.asarray(vae.schema_.check(digits[: arguments.rows]))
    lines = entries()
    found = []
    for number, entry in enumerate(lines):
        found.append(measure(vae.model_, entry, rows, arguments.replicates, number))
        print(f"{entry.objective}: {found[-1].values.mean():.3f}", flush=True)
    records = [
        line(entry, each, found[entry.reference])
        for entry, each in zip(lines, found, strict=True)
    ]
    setting = {
        "likelihood": vae.likelihood_,
        "hidden": list(vae.hidden),
        "latent_dim": vae.latent_dim,
        "epochs": vae.n_iter_,
        "rows": arguments.rows,
        "replicates": arguments.replicates,
        "seconds": time.monotonic() - began,
    }
    record = environment(["jensen", "jax", "jaxlib", "numpy", "equinox", "numpyro"])
    data = {"environment": record, "setting": setting, "lines": records}
    text = page_text(records, setting)
    page = write_results("gradients", "Noise of the gradient estimators", text, data)
    print(f"{text}\n\nWritten to {page.name}")


if __name__ == "__main__":
    main()
