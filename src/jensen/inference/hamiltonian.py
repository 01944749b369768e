"""Hamiltonian Monte Carlo along a path of densities, where a step costs one gradient of each end.

Pure functions of one chain of one datum; `vmap` makes chains and rows. BlackJAX's kernels take
one density; here β changes at each step, and with both ends' values and gradients kept in the
state a new β costs no evaluation, where theirs would begin each step with one.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.lax import erf_inv
from jaxtyping import Float, Int

from jensen._sampling import variance
from jensen._types import Data, Distribution, PRNGKey, Scalar
from jensen.model import Model

__all__ = ["Path", "Point", "Transition", "transition", "unit_of"]

_DRAWS_FOR_SCALE = 64
# Of minus one itself the normal number would be infinite.
_ABOVE_MINUS_ONE = np.nextafter(np.float32(-1), np.float32(0))


class Point(eqx.Module):
    """Where a chain is: z laid out as one vector, and the path's two densities there."""

    position: Float[Array, " size"]
    log_start: Scalar
    log_joint: Scalar
    start_gradient: Float[Array, " size"]
    joint_gradient: Float[Array, " size"]

    def log_density(self, beta: Scalar) -> Scalar:
        """log f_β(z) = (1 − β) log q₀(z) + β log p(x, z)."""
        return (1 - beta) * self.log_start + beta * self.log_joint

    def gradient(self, beta: Scalar) -> Float[Array, " size"]:
        """∇ log f_β(z)."""
        return (1 - beta) * self.start_gradient + beta * self.joint_gradient

    @property
    def log_ratio(self) -> Float[Array, "..."]:
        """log p(x, z) − log q₀(z): the log weight of z as a draw of q₀; of many points too."""
        return self.log_joint - self.log_start


class Path(eqx.Module):
    """The geometric path from q₀(z) at β = 0 to p(x, z) at β = 1, for one datum.

    z may be any pytree of arrays; chains see it as one vector.
    """

    model: Model
    x: Data
    start: Distribution
    unravel: Callable[[Array], Any] = eqx.field(static=True)

    @classmethod
    def of(cls, model: Model, x: Data, start: Distribution) -> "Path":
        """The path from `start` to the joint density of one datum."""
        shapes = jax.eval_shape(lambda key: start.sample(key), jax.random.key(0))
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return cls(model, x, start, ravel_pytree(zeros)[1])

    def at(self, position: Float[Array, " size"]) -> Point:
        """The point at a position."""
        log_start = lambda flat: self.start.log_prob(self.unravel(flat))
        log_joint = lambda flat: self.model.log_joint(self.x, self.unravel(flat))
        of_start, its_gradient = jax.value_and_grad(log_start)(position)
        of_joint, joint_gradient = jax.value_and_grad(log_joint)(position)
        return Point(position, of_start, of_joint, its_gradient, joint_gradient)


def unit_of(start: Distribution, key: PRNGKey) -> Float[Array, "..."]:
    """What a standard normal is multiplied by to have the spread of `start`.

    A lower triangle, shape (size, size), where `start` has one; otherwise standard deviations,
    shape (size,), known or of a few draws.
    """
    tril = getattr(start, "scale_tril", None)
    if tril is not None:
        return tril
    return jnp.sqrt(ravel_pytree(variance(start, key, _DRAWS_FOR_SCALE))[0])


class Transition(eqx.Module):
    """A step of a chain: where it is now, and the probability with which it was to move."""

    point: Point
    acceptance: Scalar


def transition(
    path: Path,
    point: Point,
    beta: Scalar,
    unit: Float[Array, "..."],
    step_size: Scalar,
    leapfrogs: Int[Array, ""],
    key: PRNGKey,
) -> Transition:
    """A step of Hamiltonian Monte Carlo that leaves f_β / ∫ f_β as it is, and is reversible.

    From a fresh momentum, `leapfrogs` leapfrog steps of length `step_size` in coordinates
    measured in `unit`; their end is taken with probability min(1, exp(−ΔH)), and never where H
    is not a number. (Neal 2011, section 5.3.2; the unit is his section 5.4.1.)

    Args:
        path: of the datum.
        point: where the chain is.
        beta: which density of the path.
        unit: as `unit_of` gives it, shape (size,) or (size, size).
        step_size: ε.
        leapfrogs: how many; a traced number, so that any shares one program.
        key: a typed JAX key.
    """
    along, back = (
        (lambda p: unit * p, lambda g: unit * g)
        if unit.ndim == 1
        else (lambda p: unit @ p, lambda g: unit.T @ g)
    )
    # One draw for momentum and choice, since each takes a quarter of a second to compile.
    even = jax.random.uniform(key, (point.position.size + 1,), minval=_ABOVE_MINUS_ONE, maxval=1)
    start, choice = jnp.sqrt(2.0) * erf_inv(even[:-1]), 0.5 * (even[-1] + 1)
    half = 0.5 * step_size

    def leapfrog(_: Any, carry: tuple[Point, Array]) -> tuple[Point, Array]:
        here, momentum = carry
        momentum = momentum + half * back(here.gradient(beta))
        there = path.at(here.position + step_size * along(momentum))
        return there, momentum + half * back(there.gradient(beta))

    end, momentum = jax.lax.fori_loop(0, leapfrogs, leapfrog, (point, start))
    gained = end.log_density(beta) - point.log_density(beta)
    risen = 0.5 * jnp.sum(momentum**2) - 0.5 * jnp.sum(start**2) - gained
    acceptance = jnp.where(jnp.isnan(risen), 0.0, jnp.exp(jnp.minimum(-risen, 0.0)))
    taken = choice < acceptance
    kept = jax.tree.map(lambda new, old: jnp.where(taken, new, old), end, point)
    return Transition(kept, acceptance)
