"""Models on which annealing can be judged: linear-Gaussian ones with a q that is off."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jensen import LinearGaussian

# Its scale as a multiple of the exact posterior's, and how many of the posterior's standard
# deviations its mean lies off, in each of the posterior's own directions.
OFF = {"narrow": (0.5, 0.0), "wide": (2.0, 0.0), "shifted": (1.0, 1.0)}
_HOW = OFF | {"exact": (1.0, 0.0)}
# P-values that are held to a level, in all tests of annealing together.
COMPARISONS = 16


def off_by(lg, scale, shift):
    """The model of `lg` whose encoder's posterior is scaled and shifted so."""
    model = lg.model()
    tril, gain = model.encoder.scale_tril, np.asarray(model.encoder.gain)
    # The mean is gain (x − m): moving m moves the posterior mean of every row alike.
    step = np.linalg.pinv(gain) @ (np.asarray(tril) @ np.full(len(gain), shift))
    mean = model.encoder.mean - jnp.asarray(step, dtype=jnp.float32)
    return eqx.tree_at(
        lambda m: (m.encoder.scale_tril, m.encoder.mean), model, (scale * tril, mean)
    )


def problem(how, latent=2, features=5, rows=40, seed=0):
    """A model whose encoder is off in the way named, rows of it, and their exact evidence."""
    lg = LinearGaussian.random(jax.random.key(seed), features=features, latent=latent)
    X = lg.sample(np.random.default_rng(seed), rows).astype(np.float32)
    return off_by(lg, *_HOW[how]), X, lg.log_evidence(X)
