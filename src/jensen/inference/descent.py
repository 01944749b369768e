"""Adam on a noisy loss, at a rate that falls to nothing: how one row's q is searched."""

from collections.abc import Callable
from typing import Any

import jax
import optax

from jensen._lenient import lenient
from jensen._types import PRNGKey, Scalar

__all__ = ["descend"]


def descend(
    loss: Callable[[Any, PRNGKey], Scalar], start: Any, key: PRNGKey, rate: float, steps: int
) -> Any:
    """Where `steps` of Adam on `loss(parameters, key)` lead from `start`, with a key for each.

    The rate falls from `rate` to zero along a half cosine, so that the noise of the draws is
    averaged out at the end.
    """
    adam = optax.adam(optax.cosine_decay_schedule(rate, steps))

    def step(carry: Any, key: PRNGKey) -> Any:
        parameters, state = carry
        with lenient():
            update, state = adam.update(jax.grad(loss)(parameters, key), state)
            return (optax.apply_updates(parameters, update), state), None

    (parameters, _), _ = jax.lax.scan(step, (start, adam.init(start)), jax.random.split(key, steps))
    return parameters
