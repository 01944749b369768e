import os
V=os.environ.get("V","fori")
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from _common import Job, read_job, report, time_windows
from jax.example_libraries import stax
from numpyro.infer import SVI, TraceMeanField_ELBO


def mlp(widths: list[int]):
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

    def train_epoch(state, key):
        order = jax.random.permutation(key, len(X)).reshape(steps, job.batch)
        def step(i, carry):
            state, total = carry
            state, loss = svi.update(state, X[order[i]])
            return state, total + loss
        if V=="scan":
            def f(s,o):
                return svi.update(s,X[o])
            state,l=jax.lax.scan(f,state,order); return state,l.sum()
        return jax.lax.fori_loop(0, steps, step, (state, jnp.float32(0)))
    train_epoch=jax.jit(train_epoch, donate_argnums=(0,) if os.environ.get("DON") else ())

    def train_epochs(epochs: int) -> float:
        nonlocal state, key
        for _ in range(epochs):
            key, epoch_key = jax.random.split(key)
            state, loss = train_epoch(state, epoch_key)
        return -float(loss) / len(X)

    seconds, elbo = time_windows(train_epochs, job, steps)
    report("numpyro", numpyro.__version__, seconds, elbo)


if __name__ == "__main__":
    main()
