"""jensen: the compiled program that its training loop calls once an epoch, and the shuffling.

As for the rivals, set-up and evaluation are outside the clock; what jensen adds to a step is
inside: the check that all is finite, the gradient's norm and clipping, weight decay (set to
zero, but computed). The rate rises over the first fifty steps, as jensen's default has it, which
no clock sees: begun at once, convolutions take some epochs to find a use for their latents.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _common import read_job, report, time_windows

import jensen
from jensen import recipes
from jensen._runtime import quick_random
from jensen.training.step import initial_state, plan, run_steps, split_trainable

WARMUP = 50


def main() -> None:
    job = read_job()
    rows = job.load().astype(np.float32).reshape(-1, *job.event_shape)
    model, objective = recipes.vae(
        rows,
        key=jax.random.key(job.seed),
        latent_dim=job.latent,
        network=job.network,
        hidden=job.hidden,
        likelihood="bernoulli",
    )
    steps = job.steps_per_epoch(len(rows))
    rng = np.random.default_rng(job.seed)
    data, rates = jnp.asarray(rows), np.full(steps, job.learning_rate, np.float32)
    rest = split_trainable(model)[1]
    state = initial_state(model, average=False)
    epoch = 0

    def train_epochs(epochs: int) -> float:
        nonlocal state, epoch
        info: Any = None
        for _ in range(epochs):
            index, weight = plan(len(rows), job.batch, rng)
            risen = np.minimum(1.0, (epoch * steps + np.arange(steps) + 1) / WARMUP)
            with quick_random():
                state, info = run_steps(
                state, rest, objective, data, index, weight,
                np.arange(steps, dtype=np.int32), (rates * risen).astype(np.float32),
                jax.random.fold_in(jax.random.key(job.seed), epoch),
                np.full(steps, epoch, np.float32),
                jnp.float32(0.0), jnp.float32(1e3), None,
            )  # fmt: skip
            epoch += 1
        jax.block_until_ready(state)
        return float(info.value)

    seconds, elbo = time_windows(train_epochs, job, steps)
    version = f"{jensen.__version__} on jax {jax.__version__}"
    report("jensen", version, seconds, elbo, jax.devices()[0].device_kind)


if __name__ == "__main__":
    main()
