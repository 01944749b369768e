"""Why cells are missing: p(mask | x) beside p(x | z), for data that are not missing at random.

Without it a mask is ignored, which is right where what is missing depends on observed cells alone.
Where a cell is missing because of its own value, the mask tells of the value (Ipsen, Mattei &
Frellsen 2021, "not-MIWAE", self-masking):

    p(x_o, m | z) = Π_observed p(x_j | z) (1 − π_j(x_j)) · Π_missing ∫ p(x_j | z) π_j(x_j) dx_j

They draw x_j in the integral; given z it is one number for each column, and is summed here over
nodes of p(x_j | z), with no noise of its own.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import log_sigmoid, softplus
from jaxtyping import Bool, Float

from jensen._runtime import on_device
from jensen._types import Constant, PRNGKey, Scalar
from jensen.errors import OptionError
from jensen.parts._standardise import standardisation
from jensen.parts.columns import ColumnsDistribution, Facts, law_of, on_scale

__all__ = ["MISSINGNESS", "Missingness", "require_missing"]

MISSINGNESS = ("ignored", "random", "self", "self:high", "self:low")
"""What `missing=` can be: no model of the mask; a rate for each column; a rate that depends on the
cell's own value, in which of numbers the higher, or the lower, are known to be missing sooner."""

_DIRECTIONS = {"self": 0, "self:high": 1, "self:low": -1}
# Whose softplus is one, a weight that doubts which way it goes less than one of nought.
_ONE = float(np.log(np.expm1(1.0)))

# Draws of a missing cell among which its own chance of being missing chooses.
_CANDIDATES = 32


def require_missing(missing: Any) -> None:
    """Raise `OptionError` for what is none of `MISSINGNESS`."""
    if not isinstance(missing, str) or missing not in MISSINGNESS:
        raise OptionError(f"missing={missing!r} is unknown: choose {', '.join(MISSINGNESS)}.")


class Missingness(eqx.Module):
    """The probability that a cell is missing, given its value: σ(bias + weight · value).

    Values of numbers are standardised; each category has a weight of its own. With weights of
    nought, held, cells are missing completely at random, at a rate of each column.

    Which way the odds go is not always told by the data: a model in which high values are missing
    and one in which low ones are may explain what was observed as well. Where it is known, the
    weight of a number is softplus(weight) times `direction`, 1 or -1 (the self-masking
    that is known of Ipsen, Mattei & Frellsen 2021).
    """

    bias: Float[Array, " d"]
    weight: Float[Array, " d"] | Constant
    of_level: Float[Array, "levels d"] | Constant
    shift: Constant
    scale: Constant
    has_levels: tuple[bool, ...] = eqx.field(static=True)
    logarithmic: tuple[bool, ...] = eqx.field(static=True)
    direction: int = eqx.field(static=True, default=0)

    @classmethod
    def of(
        cls, facts: Sequence[Facts], rows: np.ndarray, mask: np.ndarray, missing: str
    ) -> "Missingness":
        """For columns of which `facts` are known, with values and mask of shape (n, d).

        `missing` is one of `MISSINGNESS` that models the mask.
        """
        depends, direction = missing in _DIRECTIONS, _DIRECTIONS.get(missing, 0)
        logarithmic = tuple(not f.levels and law_of(f.law)[1].logarithmic for f in facts)
        shift, scale = standardisation(on_scale(rows.astype(np.float64), np.array(logarithmic), np))
        share = (np.sum(~mask, axis=0) + 0.5) / (len(mask) + 1.0)
        # A category that was never seen has a weight too, which stays at nought.
        deepest = 1 + max(each.levels for each in facts)
        weight = on_device(np.full(len(facts), _ONE if direction else 0.0))
        of_level = jnp.zeros((deepest, len(facts)))
        return cls(
            on_device(np.log(share / (1 - share))),
            weight if depends else Constant(weight),
            of_level if depends else Constant(of_level),
            Constant(shift),
            Constant(scale),
            tuple(bool(each.levels) for each in facts),
            logarithmic,
            direction,
        )

    @property
    def depends(self) -> bool:
        """Whether a cell's value has to do with its being missing."""
        return not isinstance(self.weight, Constant)

    def logits(
        self, x: Float[Array, " k"], where: Sequence[int] | None = None
    ) -> Float[Array, " k"]:
        """log-odds of a cell's being missing if its value is x, of the columns `where`, or all."""
        own = np.arange(len(self.has_levels)) if where is None else np.array(where)
        weight, of_level = (
            each.value if isinstance(each, Constant) else each
            for each in (self.weight, self.of_level)
        )
        if self.direction:
            weight = self.direction * softplus(weight)
        y = on_scale(x, np.array(self.logarithmic)[own], jnp)
        logits = weight[own] * ((y - self.shift.value[own]) / self.scale.value[own])
        has_levels = np.array(self.has_levels)[own]
        if has_levels.any():
            # By comparison, as the gradient of an indexed array is slow where the index differs
            # from row to row.
            number = jnp.arange(float(len(of_level)))[:, None]
            is_it = number == jnp.clip(jnp.floor(x), 0.0, float(len(of_level) - 1))[None]
            by_level = jnp.sum(jnp.where(is_it, of_level[:, own], 0.0), axis=0)
            logits = jnp.where(has_levels, by_level, logits)
        return self.bias[own] + logits

    def log_prob(
        self, p: ColumnsDistribution, x: Float[Array, " d"], mask: Bool[Array, " d"] | None
    ) -> Scalar:
        """log p(mask | observed x, z) for p = p(x | z), missing cells integrated out."""
        if mask is None:
            return jnp.sum(log_sigmoid(-self.logits(x)))
        present = log_sigmoid(-self.logits(jnp.where(mask, x, 1.0)))
        if not self.depends:
            return jnp.sum(jnp.where(mask, present, log_sigmoid(self.bias)))
        absent = p.log_expectation(lambda x, where: log_sigmoid(self.logits(x, where)))
        return jnp.sum(jnp.where(mask, present, absent))

    def sample(self, p: ColumnsDistribution, key: PRNGKey) -> Float[Array, " d"]:
        """A draw of each cell from p(x | z, it is missing): draws of p(x | z), chosen by π.

        As good as its candidates: where fewer than one in ten of p would be missing, it leans
        towards p.
        """
        if not self.depends:
            return p.sample(key)
        for_x, for_choice = jax.random.split(key)
        x = jax.vmap(p.sample)(jax.random.split(for_x, _CANDIDATES))
        chosen = jax.random.categorical(for_choice, log_sigmoid(jax.vmap(self.logits)(x)), axis=0)
        return jnp.take_along_axis(x, chosen[None], axis=0)[0]
