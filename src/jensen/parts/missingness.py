"""Why cells are missing: p(mask | x) beside p(x | z), for data that are not missing at random.

Without it a mask is ignored, which is right where what is missing depends on observed cells alone.
Where a cell is missing because of its own value, the mask tells of the value (Ipsen, Mattei &
Frellsen 2021, "not-MIWAE", self-masking):

    p(x_o, m | z) = Π_observed p(x_j | z) (1 − π_j(x_j)) · Π_missing ∫ p(x_j | z) π_j(x_j) dx_j

They draw x_j in the integral; given z it is one number for each column, and is summed here over
nodes, with no noise of its own.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import log_sigmoid, logsumexp
from jaxtyping import Bool, Float

from jensen._types import Constant, PRNGKey, Scalar
from jensen.parts._standardise import standardisation
from jensen.parts.columns import Facts, law_of, on_scale

__all__ = ["MISSINGNESS", "Missingness"]

MISSINGNESS = ("ignored", "random", "self")
"""What `missing=` can be: no model of the mask; a rate for each column; a rate that depends on the
cell's own value."""

# Over the observed values and as far again beyond them on both sides as half their spread.
_NODES = 32
_BEYOND = 0.75
# Draws of a missing cell among which its own chance of being missing chooses.
_CANDIDATES = 32
_NONE = -1e9


class Missingness(eqx.Module):
    """The probability that a cell is missing, given its value: σ(bias + weight · value).

    Values of numbers are standardised; each category has a weight of its own. With weights of
    nought, held, cells are missing completely at random, at a rate of each column.
    """

    bias: Float[Array, " d"]
    weight: Float[Array, " d"] | Constant
    of_level: Float[Array, "nodes d"] | Constant
    shift: Constant
    scale: Constant
    nodes: Constant
    log_widths: Constant
    has_levels: Constant
    logarithmic: tuple[bool, ...] = eqx.field(static=True)

    @classmethod
    def of(
        cls, facts: Sequence[Facts], rows: np.ndarray, mask: np.ndarray, depends: bool
    ) -> "Missingness":
        """For columns of which `facts` are known, with values and mask of shape (n, d).

        `depends` is whether a cell's value has to do with its being missing.
        """
        logarithmic = tuple(not f.levels and law_of(f.law)[1].logarithmic for f in facts)
        shift, scale = standardisation(on_scale(rows.astype(np.float64), np.array(logarithmic), np))
        deepest = max([_NODES, *(f.levels for f in facts)])
        nodes, widths = np.zeros((deepest, len(facts))), np.full((deepest, len(facts)), _NONE)
        for j, each in enumerate(facts):
            found, width = _nodes_of(each, rows[:, j].astype(np.float64))
            nodes[: len(found), j], nodes[len(found) :, j] = found, found[0]
            widths[: len(found), j] = width
        share = (np.sum(~mask, axis=0) + 0.5) / (len(mask) + 1.0)
        weight, of_level = jnp.zeros(len(facts)), jnp.zeros((deepest, len(facts)))
        has_levels = jnp.asarray([bool(each.levels) for each in facts])
        return cls(
            jnp.asarray(np.log(share / (1 - share)), jnp.float32),
            weight if depends else Constant(weight),
            of_level if depends else Constant(of_level),
            Constant(shift),
            Constant(scale),
            Constant(jnp.asarray(nodes, jnp.float32)),
            Constant(jnp.asarray(widths, jnp.float32)),
            Constant(has_levels),
            logarithmic,
        )

    def logits(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        """log-odds of each cell's being missing if its value is x."""
        weight, of_level = (
            each.value if isinstance(each, Constant) else each
            for each in (self.weight, self.of_level)
        )
        y = on_scale(x, np.array(self.logarithmic), jnp)
        by_value = weight * ((y - self.shift.value) / self.scale.value)
        last = of_level.shape[0] - 1
        number = jnp.clip(x, 0.0, float(last)).astype(jnp.int32)[None]
        by_level = jnp.take_along_axis(of_level, number, axis=0)[0]
        return self.bias + jnp.where(self.has_levels.value, by_level, by_value)

    def log_prob(self, p: Any, x: Float[Array, " d"], mask: Bool[Array, " d"] | None) -> Scalar:
        """log p(mask | observed x, z) for p = p(x | z), missing cells integrated out."""
        if mask is None:
            return jnp.sum(log_sigmoid(-self.logits(x)))
        present = log_sigmoid(-self.logits(jnp.where(mask, x, self.nodes.value[0])))
        at = jax.vmap(p.log_prob)(self.nodes.value) + self.log_widths.value
        chance = log_sigmoid(jax.vmap(self.logits)(self.nodes.value))
        absent = logsumexp(at + chance, axis=0) - logsumexp(at, axis=0)
        return jnp.sum(jnp.where(mask, present, absent))

    def sample(self, p: Any, key: PRNGKey) -> Float[Array, " d"]:
        """A draw of each cell from p(x | z, it is missing): draws of p(x | z), chosen by π."""
        for_x, for_choice = jax.random.split(key)
        x = jax.vmap(p.sample)(jax.random.split(for_x, _CANDIDATES))
        chosen = jax.random.categorical(for_choice, log_sigmoid(jax.vmap(self.logits)(x)), axis=0)
        return jnp.take_along_axis(x, chosen[None], axis=0)[0]


def _nodes_of(facts: Facts, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values that a sum over a column takes, and the logarithms of their weights."""
    if facts.levels:
        return np.arange(facts.levels, dtype=float), np.zeros(facts.levels)
    over, law = law_of(facts.law)
    others = values[values != facts.atom] if over is not None else values
    others = others if len(others) else values
    y = np.log(np.maximum(others, 0.25 if law.discrete else 1e-30)) if law.logarithmic else others
    spread = _BEYOND * (np.ptp(y) or 1.0)
    ticks = np.linspace(y.min() - spread, y.max() + spread, _NODES - 1)
    ticks = np.exp(np.minimum(ticks, 60.0)) if law.logarithmic else ticks
    widths = np.gradient(ticks)
    if law.discrete:
        ticks = np.rint(ticks)
        widths = np.maximum(widths, 1.0)
    inside = (ticks >= facts.low) & (ticks <= facts.high) & (widths > 0)
    if over is not None:
        inside &= ticks != facts.atom
    ticks, first = np.unique(ticks[inside].astype(np.float32), return_index=True)
    log_widths = np.log(widths[inside][first])
    if over is None:
        return ticks.astype(np.float64), log_widths
    return np.append(ticks, facts.atom), np.append(log_widths, 0.0)
