"""A value that comes more often than the others would have it, and a law for the rest."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import log_sigmoid, sigmoid
from jaxtyping import Bool, Float

from jensen._types import Constant, PRNGKey
from jensen.parts.columns._base import Facts, Law, LawDistribution, PlainLaw, single

__all__ = ["Hurdle", "Inflated"]


class _AtomDistribution(LawDistribution):
    """The atom with probability p = σ(logit), and otherwise what the base says."""

    logit: Float[Array, " k"]
    atom: Float[Array, " k"]
    base: LawDistribution

    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        which, what = jax.random.split(key)
        at = jax.random.uniform(which, self.logit.shape) < sigmoid(self.logit)
        return jnp.where(at, self.atom, self.base.sample(what))

    @property
    def mean(self) -> Float[Array, " k"]:
        """p atom + (1 − p) mean of the base."""
        p = sigmoid(self.logit)
        return p * self.atom + (1 - p) * self.base.mean

    def nodes(self) -> tuple[Float[Array, "nodes k"], Float[Array, "nodes k"]]:
        """The atom before the base's."""
        values, log_weights = self.base.nodes()
        rest = log_sigmoid(-self.logit)[None] + log_weights
        return (
            jnp.concatenate([self.atom[None], values]),
            jnp.concatenate([log_sigmoid(self.logit)[None], rest]),
        )


class HurdleDistribution(_AtomDistribution):
    """P(x = atom) = p; all other values by a law that has no mass there."""

    other: Float[Array, " k"]

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        at = x == self.atom
        # A value that the base has takes the atom's place, which makes no NaN in a gradient.
        rest = self.base.log_prob(jnp.where(at, self.other, x))
        return jnp.where(at, log_sigmoid(self.logit), log_sigmoid(-self.logit) + rest)


class InflatedDistribution(_AtomDistribution):
    """P(x) = p [x = atom] + (1 − p) base(x)."""

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        rest = log_sigmoid(-self.logit) + self.base.log_prob(x)
        both = jnp.logaddexp(log_sigmoid(self.logit), rest)
        return jnp.where(x == self.atom, both, rest)


class _WithAtom(Law):
    """A law over another: one logit more for each column."""

    base: Law
    atom: Constant

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """Whether the base is, as an atom has a probability."""
        return self.base.discrete

    @classmethod
    @abstractmethod
    def takes(cls, base: type[PlainLaw]) -> bool:
        """Whether a law may be its base."""

    @classmethod
    def over(cls, base: type[PlainLaw], facts: Sequence[Facts], rows: np.ndarray) -> "Law":
        """The law of columns, the base being that of what is not the atom."""
        others = _others(facts, rows)
        atom = Constant(jnp.asarray(single([each.atom for each in facts])))
        return cls.made(base.of(cls.rest(base, facts), others), atom, others)

    @classmethod
    @abstractmethod
    def made(cls, base: Law, atom: Constant, others: np.ndarray) -> "Law":
        """The law, `others` being values like those of its base."""

    @classmethod
    def rest(cls, base: type[PlainLaw], facts: Sequence[Facts]) -> list[Facts]:
        """What is known of the values that the base is for."""
        return list(facts)

    @property
    def size(self) -> int:
        """The base's numbers, and a logit for each column."""
        return self.base.size + len(self.atom.value)

    def initial(self, rows: np.ndarray) -> np.ndarray:
        atom = np.asarray(self.atom.value)
        share = ((rows == atom).sum(0) + 0.5) / (len(rows) + 1.0)
        facts = [Facts("", atom=float(each)) for each in atom]
        base = self.base.initial(_others(facts, rows))
        return np.concatenate([base, np.log(share / (1 - share))])

    def parts(self, h: Float[Array, " size"]) -> tuple[Array, Array, LawDistribution]:
        """Logit, atom and base."""
        return h[self.base.size :], self.atom.value, self.base(h[: self.base.size])


class Hurdle(_WithAtom):
    """ "hurdle:LAW": the atom, and the law for all other values.

    Of a law of whole numbers the atom must be the least value: the law begins at the next one.
    """

    name: ClassVar[str] = "hurdle"

    other: Constant

    @classmethod
    def takes(cls, base: type[PlainLaw]) -> bool:
        return not base.categories

    @classmethod
    def made(cls, base: Law, atom: Constant, others: np.ndarray) -> "Law":
        return cls(base, atom, Constant(jnp.asarray(single(others[0]))))

    @classmethod
    def rest(cls, base: type[PlainLaw], facts: Sequence[Facts]) -> list[Facts]:
        if not base.discrete:
            return list(facts)
        return [replace(each, low=each.atom + 1) for each in facts]

    def __call__(self, h: Float[Array, " size"]) -> HurdleDistribution:
        return HurdleDistribution(*self.parts(h), self.other.value)

    def is_probability(self, x: Float[Array, " k"]) -> Bool[Array, " k"]:
        return self.base.is_probability(x) | (x == self.atom.value)


class Inflated(_WithAtom):
    """ "inflated:LAW": a law of whole numbers with more mass at the atom."""

    name: ClassVar[str] = "inflated"

    @classmethod
    def takes(cls, base: type[PlainLaw]) -> bool:
        # A density has no mass at the atom to add to: a hurdle says all.
        return base.discrete and not base.categories

    @classmethod
    def made(cls, base: Law, atom: Constant, others: np.ndarray) -> "Law":
        return cls(base, atom)

    def __call__(self, h: Float[Array, " size"]) -> InflatedDistribution:
        return InflatedDistribution(*self.parts(h))


def _others(facts: Sequence[Facts], rows: np.ndarray) -> np.ndarray:
    """`rows`, in each column of which values that are not the atom stand for those that are."""
    result = np.empty_like(rows)
    for j, each in enumerate(facts):
        kept = rows[rows[:, j] != each.atom, j]
        if not len(kept):
            # Of laws of positive numbers too.
            kept = np.array([max(each.atom + 1.0, 1.0)])
        result[:, j] = np.resize(kept, len(rows))
    return result
