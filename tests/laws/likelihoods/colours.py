"""Pixels of a few levels, all of which can be written down, in double precision."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit, log_softmax, logsumexp

from jensen.parts.likelihoods import LogisticMixture

from .references import rounded_logistic

N, COMPONENTS, EVENT = 5, 3, (1, 2, 3)
LIKELIHOOD = LogisticMixture(EVENT, N, COMPONENTS)
# All pixels of six levels, shape (216, 3), blue the fastest.
PIXELS = np.stack(np.meshgrid(*[np.arange(N + 1.0)] * 3, indexing="ij"), -1).reshape(-1, 3)
# The same as events, each pixel of which is this one.
EVENTS = np.broadcast_to(PIXELS[:, None, None], (len(PIXELS), *EVENT)).astype(np.float32)


def some_h(seed: int, spread: float = 1.5) -> np.ndarray:
    """Numbers that a decoder might give: the couplings of some components are strong."""
    h = np.random.default_rng(seed).normal(0, spread, (LIKELIHOOD.parameters, *EVENT))
    # Scales from a third of a level up.
    h[2 * COMPONENTS : 3 * COMPONENTS] = -1.5 + 0.4 * h[2 * COMPONENTS : 3 * COMPONENTS]
    h[COMPONENTS : 2 * COMPONENTS] *= 0.5
    return h.astype(np.float32)


def reference(h: np.ndarray, place: int) -> np.ndarray:
    """log p of all `PIXELS` at one place, shape (216,), by the paper's formulas in its units."""
    logits, loc, log_scale, raw = np.split(h[:, 0, place].astype(np.float64), 4)
    log_weights = log_softmax(logits.sum(-1))
    scale = 0.1 + N / 2 * np.exp(log_scale)
    alpha, beta, gamma = np.tanh(raw).T
    red, green, _ = (2 * PIXELS / N - 1).T[:, :, None]
    locs = [
        loc[:, 0] + 0 * red,
        loc[:, 1] + alpha * red,
        loc[:, 2] + beta * red + gamma * green,
    ]
    each = [
        rounded_logistic(PIXELS[:, channel, None], N * (at + 1) / 2, scale[:, channel], N)
        for channel, at in enumerate(locs)
    ]
    return logsumexp(log_weights + sum(each), axis=1)


def chained(log_p: np.ndarray) -> np.ndarray:
    """log p(r), log p(g | r) and log p(b | r, g) of all pixels, shape (216, 3)."""
    cube = log_p.reshape(N + 1, N + 1, N + 1)
    of_two = logsumexp(cube, axis=2, keepdims=True)
    of_one = logsumexp(of_two, axis=1, keepdims=True)
    terms = [of_one + 0 * cube, of_two - of_one + 0 * cube, cube - of_two]
    return np.stack(terms, -1).reshape(-1, 3)


@eqx.filter_jit
def terms(likelihood, h):
    """`log_prob` of all `EVENTS`, shape (216, *EVENT)."""
    return jax.vmap(likelihood(h).log_prob)(jnp.asarray(EVENTS))


def naive_sigma_difference(k: np.ndarray, loc: float, scale: float) -> np.ndarray:
    """The formula as it stands in the paper."""
    return expit((k + 0.5 - loc) / scale) - expit((k - 0.5 - loc) / scale)
