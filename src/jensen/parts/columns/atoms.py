"""A value that comes more often than the others would have it, over the law of the others."""

from collections.abc import Sequence
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import log_sigmoid, sigmoid
from jaxtyping import Bool, Float, Shaped

from jensen._runtime import on_device
from jensen._types import Constant, PRNGKey
from jensen.parts.columns._base import Facts, put, single
from jensen.parts.columns.naming import law_of

__all__ = ["Atoms", "AtomsDistribution", "of_base"]


def of_base(facts: Facts) -> Facts:
    """What is known of a column, as its base is to know it: the values that no hurdle takes.

    Of whole numbers a hurdle must stand at the least: the base begins at the next one.
    """
    over, base = law_of(facts.law)
    low = facts.atom + 1 if over == "hurdle" and base.discrete else facts.low
    return replace(facts, law=base.name, low=low)


class AtomsDistribution(eqx.Module):
    """The atom with probability p = σ(logit), and otherwise what the base says.

    All is of the k columns that have an atom, and `rest` what their bases say.
    """

    logit: Float[Array, " k"]
    atom: Float[Array, " k"]
    other: Float[Array, " k"]
    where: tuple[int, ...] = eqx.field(static=True)
    is_hurdle: tuple[bool, ...] = eqx.field(static=True)

    def own(self, row: Shaped[Array, " d"]) -> Shaped[Array, " k"]:
        """Entries of a row that are of columns with an atom."""
        return row[np.array(self.where)]

    def off_hurdles(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        """x as bases see it: where it is at a hurdle a value that they have, which makes no NaN."""
        is_at = np.array(self.is_hurdle) & (self.own(x) == self.atom)
        return put(x, self.where, jnp.where(is_at, self.other, self.own(x)))

    def log_prob(self, x: Float[Array, " k"], rest: Float[Array, " k"]) -> Float[Array, " k"]:
        """Of a hurdle P(atom) = p, and `rest` is harmless there; else P(atom) = p + (1 − p) base.

        The terms of other values are those of the base, and log(1 − p).
        """
        log_p, rest = log_sigmoid(self.logit), log_sigmoid(-self.logit) + rest
        at_atom = jnp.where(np.array(self.is_hurdle), log_p, jnp.logaddexp(log_p, rest))
        return jnp.where(x == self.atom, at_atom, rest)

    def sample(self, key: PRNGKey, rest: Float[Array, " k"]) -> Float[Array, " k"]:
        """The atom, or the base's draw."""
        at = jax.random.uniform(key, self.logit.shape) < sigmoid(self.logit)
        return jnp.where(at, self.atom, rest)

    def mean(self, rest: Float[Array, " k"]) -> Float[Array, " k"]:
        """p atom + (1 − p) mean of the base."""
        p = sigmoid(self.logit)
        return p * self.atom + (1 - p) * rest

    def log_expectation(
        self, at_atom: Float[Array, " k"], rest: Float[Array, " k"]
    ) -> Float[Array, " k"]:
        """log E[f(x)] from log f(atom) and the base's log E[f(x)]."""
        return jnp.logaddexp(log_sigmoid(self.logit) + at_atom, log_sigmoid(-self.logit) + rest)


class Atoms(eqx.Module):
    """Atoms of some columns of a row: a logit for each -> how they and what their bases say mix.

    "hurdle:LAW": the atom, and a base that has no mass there for all other values.
    "inflated:LAW": the atom's mass on top of what a base of whole numbers has there.

    Attributes:
        atom: where they stand.
        other: of each column a value that its base has.
        where: which columns they are of.
        is_hurdle: whether each is a hurdle; else its base is inflated.
    """

    atom: Constant
    other: Constant
    where: tuple[int, ...] = eqx.field(static=True)
    is_hurdle: tuple[bool, ...] = eqx.field(static=True)

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Atoms | None":
        """Those of columns of which this is known; `rows`, (n, d), has no missing cell."""
        overs = {j: over for j, each in enumerate(facts) if (over := law_of(each.law)[0])}
        if not overs:
            return None
        where = tuple(overs)
        atom = single([facts[j].atom for j in where])
        other = single(_others(rows[:, where], atom)[0])
        hurdles = tuple(over == "hurdle" for over in overs.values())
        return cls(Constant(on_device(atom)), Constant(on_device(other)), where, hurdles)

    def others(self, rows: np.ndarray) -> np.ndarray:
        """`rows`, (n, d), as bases are measured by: with other values in the atoms' place."""
        result = rows.copy()
        result[:, self.where] = _others(rows[:, self.where], np.asarray(self.atom.value))
        return result

    def initial(self, rows: np.ndarray) -> np.ndarray:
        """The logits, shape (k,), by which the atoms are as frequent as in `rows`, (n, d)."""
        often = (rows[:, self.where] == np.asarray(self.atom.value)).sum(0)
        share = (often + 0.5) / (len(rows) + 1.0)
        return np.log(share / (1 - share))

    def __call__(self, logit: Float[Array, " k"]) -> AtomsDistribution:
        here = self.atom.value, self.other.value, self.where, self.is_hurdle
        return AtomsDistribution(logit, *here)

    def at(self, x: Float[Array, " d"]) -> Bool[Array, " d"]:
        """Whether each value of a row is its column's atom."""
        none = jnp.zeros(x.shape, bool)
        return put(none, self.where, x[np.array(self.where)] == self.atom.value)


def _others(rows: np.ndarray, atom: np.ndarray) -> np.ndarray:
    """`rows`, in each column of which values that are not the atom stand for those that are."""
    result = np.empty_like(rows)
    for j, each in enumerate(atom.astype(float)):
        kept = rows[rows[:, j] != each, j]
        if not len(kept):
            # Of laws of positive numbers too.
            kept = np.array([max(each + 1.0, 1.0)])
        result[:, j] = np.resize(kept, len(rows))
    return result
