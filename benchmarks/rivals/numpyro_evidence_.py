"""NumPyro: `RenyiELBO(alpha=0)`, its importance estimate of log p(x), one row at a time by vmap.

The beta-binomial is NumPyro's own, by its concentrations m/θ and (1 − m)/θ, and so is the
Bernoulli, by its logit. Rows go through one compiled program, ten at a time, so that 10,000
draws fit into memory.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from _carried import SMALLEST_SCALE, UNIT_SOFTPLUS, Carried, measure, read_job
from numpyro.infer import RenyiELBO

HIGH = 16
LOG_DISPERSION = (-12.0, 6.0)
ROWS = 10


def beta_binomial(h):
    logit, log_dispersion = jnp.split(h, 2)
    theta = jnp.exp(jnp.clip(log_dispersion, *LOG_DISPERSION))
    share = jax.nn.sigmoid(logit)
    return dist.BetaBinomial(share / theta, (1 - share) / theta, HIGH)


# By jensen's names; each makes the distribution of x of the decoder's numbers.
LIKELIHOODS: dict[str, Callable] = {
    "beta-binomial": beta_binomial,
    "bernoulli": lambda h: dist.Bernoulli(logits=h),
}


def apply(layers, x):
    *hidden, (weight, bias) = layers
    for w, b in hidden:
        x = jax.nn.relu(x @ w.T + b)
    return x @ weight.T + bias


def main() -> None:
    job = read_job()
    carried = Carried.load(job["weights"])
    likelihood = LIKELIHOODS[carried.likelihood]
    rows = jnp.asarray(np.load(job["rows"]).astype(np.float32))

    def model(x):
        z = numpyro.sample("z", dist.Normal(0, 1).expand([carried.latent]).to_event(1))
        numpyro.sample("x", likelihood(apply(carried.decoder, z)).to_event(1), obs=x)

    def guide(x):
        mean, raw = jnp.split(apply(carried.encoder, (x - carried.shift) / carried.scale), 2)
        scale = jax.nn.softplus(raw + UNIT_SOFTPLUS) + SMALLEST_SCALE
        numpyro.sample("z", dist.Normal(mean, scale).to_event(1))

    def make(draws: int):
        bound = RenyiELBO(alpha=0, num_particles=draws)
        row = lambda key, x: -bound.loss(key, {}, model, guide, x)

        @jax.jit
        def estimate(keys, rows):
            return jax.lax.map(lambda both: row(*both), (keys, rows), batch_size=ROWS)

        return lambda seed: estimate(jax.random.split(jax.random.key(seed), len(rows)), rows)

    measure(job, f"{numpyro.__version__} on jax {jax.__version__}", make)


if __name__ == "__main__":
    main()
