"""The compiled part of training: many steps in one program."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Bool

from jensen._batching import as_real
from jensen._lenient import lenient
from jensen._runtime import quick_jit, strong
from jensen._sampling import numbered
from jensen._types import Constant, PRNGKey, Scalar
from jensen.model import Model
from jensen.objectives import Objective, Terms
from jensen.parts.networks import with_precision

__all__ = [
    "State",
    "StepInfo",
    "initial_state",
    "plan",
    "run_steps",
    "split_trainable",
    "together",
]

_ADAM = optax.scale_by_adam()


class State(eqx.Module):
    """What the next step needs: the trainable arrays, Adam's moments, the running average."""

    trainable: Any
    adam: Any
    average: Any


class StepInfo(eqx.Module):
    """What a human wants to know of some steps; means over their rows, in nats per datum.

    `rows` and `steps` are how many the means are over, the latter that of `grad_norm`.
    """

    value: Scalar
    reconstruction: Scalar
    kl: Scalar
    grad_norm: Scalar
    failed: Bool[Array, ""]
    rows: Scalar
    steps: Scalar


def split_trainable(model: Model) -> tuple[Any, Any]:
    """The arrays that training changes, and the rest; `eqx.combine` puts them together."""
    is_constant = lambda node: isinstance(node, Constant)
    spec = jax.tree.map(
        lambda node: False if is_constant(node) else eqx.is_inexact_array(node),
        model,
        is_leaf=is_constant,
    )
    return eqx.partition(model, spec)


def initial_state(model: Model, average: bool) -> State:
    """The state before the first step."""
    trainable, _ = split_trainable(model)
    # A weak type would be gone after the first epoch, and the second one compiled anew.
    trainable = strong(trainable)
    return State(trainable, _adam_init(trainable), trainable if average else None)


_adam_init = quick_jit(_ADAM.init)


def _decays(trainable: Any) -> Any:
    """True for the matrices of encoder and decoder, which weight decay shrinks."""
    matrices = lambda part: jax.tree.map(lambda leaf: leaf.ndim >= 2, part)
    none = jax.tree.map(lambda leaf: False, trainable)
    return eqx.tree_at(
        lambda model: (model.encoder, model.decoder),
        none,
        (matrices(trainable.encoder), matrices(trainable.decoder)),
        is_leaf=lambda node: node is None,
    )


@functools.partial(quick_jit, long_running=True)
def run_steps(
    state: State,
    rest: Any,
    objective: Objective,
    data: Any,
    index: Array | np.ndarray,
    weight: Array | np.ndarray,
    number: Array | np.ndarray,
    rates: Array | np.ndarray,
    key: PRNGKey,
    epoch: Array | np.ndarray,
    weight_decay: Scalar,
    clip: Scalar,
    survival: Array | np.ndarray | None,
    due: Array | np.ndarray | None = None,
    precision: str = "float32",
) -> tuple[State, StepInfo]:
    """One step of Adam for each row of `index`, shape (steps, batch), which names rows of `data`.

    `weight`, alike, is 0 where a batch is filled up; `number`, which steps of the epoch these are,
    `rates`, `epoch` and `survival`, the share of the running average that survives a step, have
    shape (steps,). Of a block that is filled up only the first `due` steps are taken.
    Networks multiply to `precision`.

    Where the objective or the gradient of any step is not finite, `failed` says so and the state
    returned is of no use: go on from the one that was given. (To keep the last good one in here
    would read and write every array once more in each step.)
    """

    def loss(trainable: Any, rows: Any, weight: Array, keys: Any, epoch: Scalar) -> Any:
        model = with_precision(eqx.combine(trainable, rest), precision)
        terms = jax.vmap(lambda x, key: objective(model, x, key, epoch))(rows, keys)
        over_rows = jax.tree.map(lambda each: jnp.sum(weight * each) / jnp.sum(weight), terms)
        return -over_rows.surrogate, over_rows

    decays = _decays(state.trainable)

    def step(carry: tuple[State, Array], inputs: Any) -> Any:
        state, failed = carry
        number, index, weight, rate, epoch, survives = inputs
        rows = as_real(jax.tree.map(lambda leaf: leaf[index], data))
        keys = numbered(key, number * len(index) + jnp.arange(len(index)))
        gradient, terms = jax.grad(loss, has_aux=True)(state.trainable, rows, weight, keys, epoch)
        norm = optax.tree.norm(gradient)
        failed = failed | ~(jnp.isfinite(norm) & jnp.isfinite(terms.value))
        shrink = jnp.minimum(1.0, clip / jnp.maximum(norm, 1e-12))
        clipped = jax.tree.map(lambda leaf: leaf * shrink, gradient)
        with lenient():
            direction, adam = _ADAM.update(clipped, state.adam)
        trainable = jax.tree.map(
            lambda leaf, way, decays: leaf - rate * (way + weight_decay * leaf if decays else way),
            state.trainable,
            direction,
            decays,
        )
        running = state.average
        if running is not None:
            running = jax.tree.map(
                lambda old, new: survives * old + (1 - survives) * new, running, trainable
            )
        return (State(trainable, adam, running), failed), (terms, norm, jnp.sum(weight))

    inputs = (number, index, weight, rates, epoch, survival)
    (state, failed), (terms, norms, counts) = _scan(step, (state, jnp.array(False)), inputs, due)
    over: Terms = jax.tree.map(lambda each: jnp.sum(counts * each) / jnp.sum(counts), terms)
    steps = jnp.sum((counts > 0).astype(jnp.float32))
    norm, rows = jnp.sum(norms) / steps, jnp.sum(counts)
    info = StepInfo(over.value, over.reconstruction, over.kl, norm, failed, rows, steps)
    return state, info


def _scan(step: Callable[..., Any], carry: Any, inputs: Any, due: Array | np.ndarray | None) -> Any:
    """`jax.lax.scan`, or that of the first `due` inputs with zeros for what the others would give.

    To take all, and to choose after each between what was and what is, would read and write every
    array once more: on a CPU a fifth of the time of a step.
    """
    if due is None:
        return jax.lax.scan(step, carry, inputs)
    at = lambda i: jax.tree.map(lambda each: each[i], inputs)
    given = jax.eval_shape(step, carry, at(0))[1]
    steps = len(jax.tree.leaves(inputs)[0])
    made = jax.tree.map(lambda each: jnp.zeros((steps, *each.shape), each.dtype), given)

    def turn(i: Array, both: Any) -> Any:
        carry, made = both
        carry, new = step(carry, at(i))
        return carry, jax.tree.map(lambda every, each: every.at[i].set(each), made, new)

    return jax.lax.fori_loop(0, due, turn, (carry, made))


def together(infos: Sequence[StepInfo]) -> StepInfo:
    """What the steps of several blocks amount to; it waits for them all to be done."""
    done: list[Any] = jax.device_get(list(infos))
    if len(done) == 1:
        return done[0]
    rows, steps = ([float(getattr(each, name)) for each in done] for name in ("rows", "steps"))
    mean: Any = lambda name, over: np.average([getattr(each, name) for each in done], weights=over)
    failed: Any = np.array([each.failed for each in done]).any()
    total: Any = np.sum
    return StepInfo(
        value=mean("value", rows),
        reconstruction=mean("reconstruction", rows),
        kl=mean("kl", rows),
        grad_norm=mean("grad_norm", steps),
        failed=failed,
        rows=total(rows),
        steps=total(steps),
    )


def plan(rows: int, batch: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An epoch: every row once in random order, as (index, weight), shape (steps, batch)."""
    steps = -(-rows // batch)
    index = np.zeros(steps * batch, dtype=np.int32)
    index[:rows] = rng.permutation(rows)
    weight = (np.arange(steps * batch) < rows).astype(np.float32)
    return index.reshape(steps, batch), weight.reshape(steps, batch)
