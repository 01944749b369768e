"""Evidence of binarised MNIST, beside Pythae's VAE and IWAE trained on the same images.

The published architecture of the IWAE (Burda et al. 2016): 784-200-200, 50 latents, tanh, binary
pixels; here 10,000 training images, 1 where a grey value is above 127. All are trained for 50
epochs, as many as jensen's defaults make of so many images; each seed holds out a tenth of these,
the same for all, by which every method takes the best of its epochs:

- Pythae's `VAE` and its `IWAE` with five draws, trained by its own `BaseTrainer`, Adam at a
  constant rate;
- jensen's `VAE` with the objectives elbo and iwae:5, the same architecture, epochs, batches, Adam
  and constant rate, no weight decay;
- jensen with every default: `VAE(random_state=seed).fit(images)`.

Pythae's weights are carried over to a jensen model, so that one estimator judges all: importance
sampling with 5,000 draws on the same 1,000 test images, in nats per image. Differences are paired,
by image, means over seeds; their error is that of the mean over images. Goals: for the same
objective jensen is not below Pythae by more than two errors, and every default is at least 1 nat
above Pythae's better model.

    python -m venv /tmp/rivals
    /tmp/rivals/bin/python -m pip install -r benchmarks/requirements-binary-mnist.txt
    python benchmarks/binary_mnist.py --rivals-python /tmp/rivals/bin/python

Needs ../shared/data. Writes `results/binary_mnist.md` and `.json`. Exit status 1 if a goal is
missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array

import jensen
from _mnist import mnist
from _record import environment, finish, markdown_table
from jensen import evidence, recipes
from jensen._types import Constant
from jensen.data import split
from jensen.model import Model
from jensen.parts.posteriors import PosteriorFamily

RIVALS = Path(__file__).parent / "rivals"
sys.path.append(str(RIVALS))
from _carried import layers_of  # noqa: E402

HIDDEN, LATENT = (200, 200), 50
BATCH, RATE = 128, 1e-3
IMPORTANCE = 5  # draws of the IWAE
GOAL = 1.0  # nats of the defaults above Pythae's better model
ERRORS = 2.0  # how many of its errors a difference may lie below nothing
PYTHAE = {"Pythae VAE": 1, "Pythae IWAE": IMPORTANCE}
OBJECTIVES = {"jensen VAE": "elbo", "jensen IWAE": f"iwae:{IMPORTANCE}"}
DEFAULTS = "jensen, every default"


class LogVariance(PosteriorFamily):
    """q(z | x) = N(μ(x), diag σ²(x)) of a network that gives μ and log σ², as Pythae's do."""

    @property
    def size(self) -> int:
        """μ and log σ²: two numbers a dimension."""
        return 2 * self.latent_dim

    def __call__(self, h: Array) -> dist.Distribution:
        mean, log_variance = jnp.split(h, 2)
        return dist.Normal(mean, jnp.exp(log_variance / 2)).to_event(1)


def carried(arrays: Any, rows: np.ndarray) -> Model:
    """A model with the weights of a Pythae model, which sees pixels as they are."""
    model = recipes.build_model(
        rows, key=jax.random.key(0), latent_dim=LATENT, likelihood="bernoulli", hidden=HIDDEN,
        activation="tanh",
    )  # fmt: skip

    def weights(model: Any) -> list[Any]:
        networks = (model.encoder.network, model.decoder)
        return [
            each
            for network in networks
            for layer in network.layers
            for each in (layer.weight, layer.bias)
        ]

    theirs = [
        jnp.asarray(each)
        for name in ("encoder", "decoder")
        for layer in layers_of(arrays, name)
        for each in layer
    ]
    shapes = [[each.shape for each in some] for some in (weights(model), theirs)]
    assert shapes[0] == shapes[1]
    still = jnp.zeros(rows.shape[1])
    around = lambda model: (model.encoder.family, model.encoder.shift, model.encoder.scale)
    plain = (LogVariance(LATENT), Constant(still), Constant(still + 1))
    found: Model = eqx.tree_at(around, eqx.tree_at(weights, model, theirs), plain)
    return found


def by_pythae(
    draws: int, rows: np.ndarray, epochs: int, seed: int, python: str
) -> tuple[Model, dict[str, Any]]:
    parts = split(len(rows), validation=0.1, seed=seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = {each: str(folder / f"{each}.npy") for each in ("rows", "held_out")}
        np.save(paths["rows"], rows[parts.train])
        np.save(paths["held_out"], rows[parts.validation])
        weights = str(folder / "weights.npz")
        job = {
            **paths, "weights": weights, "draws": draws, "hidden": HIDDEN, "latent": LATENT,
            "epochs": epochs, "batch": BATCH, "learning_rate": RATE, "seed": seed,
        }  # fmt: skip
        command = [python, str(RIVALS / "pythae_binary_.py"), json.dumps(job)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"Pythae: {done.stderr}")
        told = json.loads(done.stdout.splitlines()[-1])
        with np.load(weights) as arrays:
            model = carried(arrays, rows[parts.train])
    best = 1 + int(np.argmin(told.pop("loss")))
    return model, told | {"epochs": epochs, "best_epoch": best}


def by_jensen(rows: np.ndarray, **options: Any) -> tuple[Model, dict[str, Any]]:
    vae = jensen.VAE(**options).fit(rows)
    return vae.model_, {
        "seconds": vae.history_[-1]["seconds"], "epochs": vae.n_iter_,
        "best_epoch": vae.best_epoch_, "stopped": vae.stopped_, "version": jensen.__version__,
    }  # fmt: skip


def same_training(objective: str, epochs: int) -> dict[str, Any]:
    """Pythae's architecture, optimiser and number of epochs."""
    return {
        "objective": objective, "latent_dim": LATENT, "hidden": HIDDEN, "activation": "tanh",
        "max_epochs": epochs, "batch_size": BATCH, "learning_rate": RATE, "warmup": 0.0,
        "decay": 1.0, "weight_decay": 0.0, "clip": float("inf"), "early_stopping": False,
    }  # fmt: skip


def judged(model: Model, told: dict[str, Any], test: np.ndarray, draws: int) -> dict[str, Any]:
    """What is known of a model, with its evidence of the test images."""
    found = evidence.importance(model, test, jax.random.key(0), draws)
    return told | {
        "value": found.value, "stderr": found.stderr, "row_stderr": found.row_stderr,
        "unreliable": int(found.unreliable.sum()), "values": found.values.tolist(),
        "elbo": evidence.elbo(model, test, jax.random.key(1), 100).value,
    }  # fmt: skip


def of_seed(
    rows: np.ndarray, test: np.ndarray, seed: int, asked: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    ways: dict[str, Any] = {
        name: lambda draws=draws: by_pythae(draws, rows, asked.epochs, seed, asked.rivals_python)
        for name, draws in PYTHAE.items()
    }
    ways |= {
        name: lambda objective=objective: by_jensen(
            rows, random_state=seed, **same_training(objective, asked.epochs)
        )
        for name, objective in OBJECTIVES.items()
    }
    ways[DEFAULTS] = lambda: by_jensen(rows, random_state=seed)
    found = {}
    for name, way in ways.items():
        model, told = way()
        found[name] = judged(model, told, test, asked.draws)
        shown = {key: value for key, value in found[name].items() if key != "values"}
        print(seed, name, shown, file=sys.stderr, flush=True)
    return found


def paired(found: list[dict[str, dict[str, Any]]], one: str, other: str) -> tuple[float, float]:
    """The mean difference of two models' evidence over images and seeds, and its error."""
    of = lambda name: np.mean([each[name]["values"] for each in found], axis=0)
    gaps = of(one) - of(other)
    return float(gaps.mean()), float(gaps.std(ddof=1) / np.sqrt(len(gaps)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rivals-python", default=sys.executable)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--rows", type=int, default=1000, help="test images (default 1,000)")
    parser.add_argument("--draws", type=int, default=5000)
    asked = parser.parse_args()
    packages = ["jensen", "jax", "jaxlib", "numpy", "equinox", "optax", "numpyro"]
    data: dict[str, Any] = {"environment": environment(packages)}
    rows, test = (
        (images.reshape(len(images), -1) > 127).astype(np.float32) for images in mnist(asked.rows)
    )
    found = [of_seed(rows, test, int(seed), asked) for seed in asked.seeds.split(",")]
    lines = [
        [
            str(seed), name, f"{each['value']:.2f} ± {each['stderr']:.3f}",
            f"{each['row_stderr']:.2f}", f"{each['elbo']:.2f}", str(each["unreliable"]),
            f"{each['best_epoch']} of {each['epochs']}", f"{each['seconds']:.0f}",
        ]
        for seed, of_one in zip(asked.seeds.split(","), found, strict=True)
        for name, each in of_one.items()
    ]  # fmt: skip
    value = lambda name: float(np.mean([each[name]["value"] for each in found]))
    better = max(PYTHAE, key=value)
    pairs = [*zip(OBJECTIVES, PYTHAE, strict=True), *((DEFAULTS, name) for name in PYTHAE)]
    gaps = {pair: paired(found, *pair) for pair in pairs}
    met = {
        f"{one} − {other}: {gap:+.2f} ± {error:.2f}, not below 0 by more than {ERRORS:g} errors":
            gap >= -ERRORS * error
        for (one, other), (gap, error) in gaps.items() if one in OBJECTIVES
    }  # fmt: skip
    gap, error = gaps[DEFAULTS, better]
    met[f"{DEFAULTS} − {better}: {gap:+.2f} ± {error:.2f} ≥ {GOAL:g}"] = gap >= GOAL
    header = [
        "seed", "model", "log evidence", "as a sample of images", "ELBO", "unreliable",
        "best epoch", "seconds",
    ]  # fmt: skip
    told = [
        [f"{one} − {other}", f"{gap:+.2f} ± {error:.2f}"]
        for (one, other), (gap, error) in gaps.items()
    ]
    text = (
        f"{len(test):,} test images, {asked.draws:,} draws each, nats per image; the second error"
        " is that of the mean over images. Unreliable: images whose weights have Pareto k̂ above"
        f" 0.7. Pythae {found[0][better]['version']}.\n\n"
        + markdown_table(header, lines)
        + f"\n\nPaired differences, means over {len(found)} seeds:\n\n"
        + markdown_table(["", "nats per image"], told)
    )
    data |= {"found": found, "differences": {" − ".join(pair): gaps[pair] for pair in pairs}}
    finish("binary_mnist", "Evidence of binarised MNIST", text, data, met)


if __name__ == "__main__":
    main()
