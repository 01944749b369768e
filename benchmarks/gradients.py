"""How noisy is each estimator of the gradient, with the same model, rows and draws?

Trains a VAE on the digits for some epochs only, since an estimator matters while there is
still something to learn, then holds weights and rows still and draws each gradient many times
over. What differs between the draws is z alone. Of encoder and decoder apart it reports

    variance         the mean over parameters of Var[g]
    signal to noise  |E g| / sqrt(tr Var[g]), with |E g|² freed of its own noise
    p                that the mean gradients of two lines lie as far apart as they do, if they
                     are the same: by flipping the signs of paired differences

and the mean of the value that the objective reports, with its standard error.

    python benchmarks/gradients.py

Writes `results/gradients.md` and `results/gradients.json`.
"""

import argparse
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
FLIPS = 999


@dataclass(frozen=True)
class Entry:
    """A line of the table."""

    bound: str
    gradient: str
    draws: int
    objective: Objective


HIDDEN = (200, 200)


def pairs() -> list[tuple[Entry, Entry]]:
    """Two estimators of the same gradient each, with as many draws."""
    elbo = [
        (
            Entry("ELBO", "reparameterised", draws, ELBO(draws)),
            Entry("ELBO", "score, leave one out", draws, ELBO(draws, "score")),
        )
        for draws in (2, 20)
    ]
    iwae = [
        (
            Entry("IWAE", "reparameterised", draws, IWAE(draws, "reparameterised")),
            Entry("IWAE", "doubly reparameterised", draws, IWAE(draws)),
        )
        for draws in (1, 5, 20)
    ]
    return elbo + iwae


@eqx.filter_jit
def replicate(model: Any, objective: Objective, rows: jax.Array, keys: jax.Array) -> Any:
    """The gradient of the mean over rows, flat, by side, and the mean value: one for each key."""
    trainable, rest = split_trainable(model)

    def mean_over_rows(trainable: Any, key: jax.Array) -> Any:
        model = eqx.combine(trainable, rest)
        row_keys = jax.random.split(key, rows.shape[0])
        terms = jax.vmap(lambda x, key: objective(model, x, key, jnp.float32(0)))(rows, row_keys)
        return jnp.mean(terms.surrogate), jnp.mean(terms.value)

    def one(key: jax.Array) -> Any:
        gradient, value = jax.grad(mean_over_rows, has_aux=True)(trainable, key)
        leaves = {side: jax.tree.leaves(getattr(gradient, side)) for side in SIDES}
        flat = {side: jnp.concatenate([x.ravel() for x in each]) for side, each in leaves.items()}
        return flat, value

    return jax.lax.map(one, keys)


def signal_to_noise(gradients: np.ndarray) -> float:
    noise = gradients.var(axis=0, ddof=1).sum()
    signal = np.sum(gradients.mean(axis=0) ** 2) - noise / len(gradients)
    return float(np.sqrt(max(signal, 0.0) / noise))


def p_same_mean(one: np.ndarray, other: np.ndarray) -> float:
    differences = one - other
    products = np.float64(differences @ differences.T)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(FLIPS, len(differences)))
    flipped = np.einsum("fi,ij,fj->f", signs, products, signs, optimize=True)
    return float((1 + np.sum(flipped >= products.sum())) / (1 + FLIPS))


def line(entry: Entry, gradients: dict[str, np.ndarray], values: np.ndarray) -> dict[str, Any]:
    record: dict[str, Any] = {
        "bound": entry.bound,
        "gradient": entry.gradient,
        "draws": entry.draws,
        "value": float(values.mean()),
        "stderr": float(values.std(ddof=1) / np.sqrt(len(values))),
    }
    for side in SIDES:
        record[side] = {
            "variance": float(gradients[side].var(axis=0, ddof=1).mean()),
            "signal_to_noise": signal_to_noise(gradients[side]),
            "p": None,
        }
    return record


def compare(pair: tuple[Entry, Entry], model: Any, rows: jax.Array, key: Any, replicates: int):
    """The lines of a pair, the second with its p-values."""
    found = []
    for entry, each in zip(pair, jax.random.split(key), strict=True):
        gradients, values = replicate(
            model, entry.objective, rows, jax.random.split(each, replicates)
        )
        found.append((jax.tree.map(np.asarray, gradients), np.asarray(values, np.float64)))
        print(f"{entry.objective}: {found[-1][1].mean():.3f}", flush=True)
    records = [line(entry, *each) for entry, each in zip(pair, found, strict=True)]
    for side in SIDES:
        records[1][side]["p"] = p_same_mean(found[0][0][side], found[1][0][side])
    return records


def table_row(record: dict[str, Any]) -> list[str]:
    cells = [
        record["bound"],
        record["gradient"],
        str(record["draws"]),
        f"{record['value']:.3f} ± {record['stderr']:.3f}",
    ]
    for side in SIDES:
        figures = record[side]
        p = figures["p"]
        cells += [
            f"{1e3 * figures['variance']:.3f}",
            f"{figures['signal_to_noise']:.2f}",
            "" if p is None else f"{p:.2f}",
        ]
    return cells


def page_text(records: list[dict[str, Any]], setting: dict[str, Any]) -> str:
    header = ["bound", "gradient", "draws", "value, nats a row"]
    header += [f"{side}: {what}" for side in SIDES for what in ("variance × 10³", "S/N", "p")]
    return "\n\n".join(
        [
            f"Digits, {setting['likelihood']} likelihood, hidden"
            f" {'-'.join(map(str, setting['hidden']))}, latent {setting['latent_dim']}, after"
            f" {setting['epochs']} epochs; the mean gradient of the same {setting['rows']} rows,"
            f" drawn {setting['replicates']} times.",
            markdown_table(header, map(table_row, records)),
            "Variance: the mean over parameters. S/N: length of the mean gradient over the root of"
            " its total variance. p: of the distance between the mean gradients of this line and"
            " the one above, if both estimate the same.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Noise of the gradient estimators, on digits.")
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    digits = load_digits().data
    vae = jensen.VAE(10, hidden=HIDDEN, max_epochs=arguments.epochs, draws=10, random_state=0).fit(
        digits
    )
    rows = jnp.asarray(vae.schema_.check(digits[: arguments.rows]))
    records = []
    for number, pair in enumerate(pairs()):
        key = jax.random.fold_in(jax.random.key(1), number)
        records += compare(pair, vae.model_, rows, key, arguments.replicates)
    setting = {
        "likelihood": vae.likelihood_,
        "hidden": list(HIDDEN),
        "latent_dim": vae.latent_dim_,
        "epochs": vae.n_iter_,
        "rows": arguments.rows,
        "replicates": arguments.replicates,
    }
    record = environment(["jensen", "jax", "jaxlib", "numpy", "equinox", "numpyro"])
    data = {"environment": record, "setting": setting, "lines": records}
    text = page_text(records, setting)
    page = write_results("gradients", "Noise of the gradient estimators", text, data)
    print(f"{text}\n\nWritten to {page.name}")


if __name__ == "__main__":
    main()
