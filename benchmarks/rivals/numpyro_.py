"""NumPyro: one compiled `fori_loop` of `SVI.update` an epoch, as in its VAE example.

Rows are shuffled inside the compiled epoch and the data stays on the device; `lax.scan` and
donated buffers were tried and take the same time.
"""

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from _common import Job, read_job, report, time_windows
from jax.example_libraries import stax
from numpyro.infer import SVI, TraceMeanField_ELBO


def mlp(widths: list[int]):
    """Dense layers with ReLU between them."""
    layers = [layer for width in widths[1:] for layer in (stax.Dense(width), stax.Relu)]
    return stax.serial(*layers[:-1])


def make_svi(job: Job) -> SVI:
    def model(x):
        decode = numpyro.module("decoder", mlp(job.decoder_widths), (job.batch, job.latent))
        with numpyro.plate("rows", job.batch):
            z = numpyro.sample("z", dist.Normal(0, 1).expand([job.latent]).to_event(1))
            numpyro.sample("x", dist.Bernoulli(logits=decode(z)).to_event(1), obs=x)

    def guide(x):
        encode = numpyro.module("encoder", mlp(job.encoder_widths), (job.batch, job.features))
        mean, log_scale = jnp.split(encode(x), 2, axis=-1)
        with numpyro.plate("rows", job.batch):
            numpyro.sample("z", dist.Normal(mean, jnp.exp(log_scale)).to_event(1))

    return SVI(model, guide, numpyro.optim.Adam(job.learning_rate), TraceMeanField_ELBO())


def main() -> None:
    job = read_job()
    X = jnp.asarray(job.load())
    steps = job.steps_per_epoch(len(X))
    svi = make_svi(job)
    key, init_key = jax.random.split(jax.random.key(job.seed))
    state = svi.init(init_key, X[: job.batch])

    @jax.jit
    def train_epoch(state, key):
        batches = jax.random.permutation(key, len(X)).reshape(steps, job.batch)

        def step(i, carry):
            state, total = carry
            state, loss = svi.update(state, X[batches[i]])
            return state, total + loss

        return jax.lax.fori_loop(0, steps, step, (state, 0.0))

    def train_epochs(epochs: int) -> float:
        nonlocal state, key
        for _ in range(epochs):
            key, epoch_key = jax.random.split(key)
            state, loss = train_epoch(state, epoch_key)
        return -float(loss) / len(X)

    seconds, elbo = time_windows(train_epochs, job, steps)
    report("numpyro", f"{numpyro.__version__} on jax {jax.__version__}", seconds, elbo)


if __name__ == "__main__":
    main()
