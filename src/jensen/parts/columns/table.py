"""The likelihood of a table: a law for each column, columns of one law side by side."""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import logsumexp
from jaxtyping import Bool, Float

from jensen._runtime import on_device
from jensen._types import PRNGKey
from jensen.parts.columns._base import Facts, Law, LawDistribution, put
from jensen.parts.columns.atoms import Atoms, AtomsDistribution, of_base
from jensen.parts.columns.naming import law_of

__all__ = ["Columns", "ColumnsDistribution"]


class _Ones:
    """What says that one is a possible value of every column."""

    def feasible_like(self, x: Array) -> Array:
        return jnp.ones_like(x)


@eqx.filter_jit
def _log_prob(part: LawDistribution, x: Array) -> Array:
    """Traced once for all the programs that ask for it."""
    return part.log_prob(x)


class ColumnsDistribution(eqx.Module):
    """p(x | z) of a row of d columns: each law's own side by side, and atoms over some."""

    parts: tuple[LawDistribution, ...]
    where: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    atoms: AtomsDistribution | None

    @property
    def support(self) -> Any:
        """What may stand for a missing cell: of nought, some laws take the logarithm."""
        return _Ones()

    def _with_atoms(
        self, parts: Sequence[Array], over: Callable[[AtomsDistribution, Array], Array]
    ) -> Array:
        """Numbers of the laws, in the order of columns; `over` makes those of atoms of them."""
        order = np.argsort(np.concatenate(self.where))
        values = jnp.concatenate(list(parts))[order]
        if self.atoms is None:
            return values
        return put(values, self.atoms.where, over(self.atoms, self.atoms.own(values)))

    def log_prob(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        """The term of each column, in nats."""
        seen = x if self.atoms is None else self.atoms.off_hurdles(x)
        pairs = zip(self.parts, self.where, strict=True)
        return self._with_atoms(
            [_log_prob(part, seen[np.array(where)]) for part, where in pairs],
            lambda atoms, rest: atoms.log_prob(atoms.own(x), rest),
        )

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x, columns being independent given z."""
        if sample_shape:
            keys = jax.random.split(key, sample_shape)
            draw = self.sample
            for _ in sample_shape:
                draw = jax.vmap(draw)
            return draw(keys)
        which, *each = jax.random.split(key, len(self.parts) + 1)
        return self._with_atoms(
            [part.sample(k) for part, k in zip(self.parts, each, strict=True)],
            lambda atoms, rest: atoms.sample(which, rest),
        )

    @property
    def mean(self) -> Float[Array, " d"]:
        """E[x | z] of numbers, and the most likely of categories."""
        return self._with_atoms(
            [part.mean for part in self.parts], lambda atoms, rest: atoms.mean(rest)
        )

    def log_expectation(
        self, log_f: Callable[[Float[Array, " k"], tuple[int, ...]], Float[Array, " k"]]
    ) -> Float[Array, " d"]:
        """log E[f_j(x_j)] of each column, by its nodes; `log_f` is of cells of some columns."""

        def of_part(part: LawDistribution, where: tuple[int, ...]) -> Array:
            values, log_weights = part.nodes()
            return logsumexp(log_weights + jax.vmap(lambda x: log_f(x, where))(values), axis=0)

        def over(atoms: AtomsDistribution, rest: Array) -> Array:
            return atoms.log_expectation(log_f(atoms.atom, atoms.where), rest)

        pairs = zip(self.parts, self.where, strict=True)
        return self._with_atoms([of_part(part, where) for part, where in pairs], over)


class Columns(eqx.Module):
    """h -> p(x | z) of a row of a table, each column by a law of its own.

    Columns of one law stand side by side, an atom over them or not, so that what is compiled
    grows with the number of laws. The decoder's numbers for all laws stand in h one after
    another, and then the logits of the atoms. `levels` says of each column how many categories
    it has; numbers have none.
    """

    # So `quick_jit` has its programs compiled otherwise: matrix products are little beside laws.
    many_loops: ClassVar[bool] = True

    laws: tuple[Law, ...]
    where: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    levels: tuple[int, ...] = eqx.field(static=True)
    atoms: Atoms | None

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Columns":
        """The likelihood of columns of which `facts` are known; `rows` is (n, d), none missing."""
        known, values = [of_base(each) for each in facts], rows.astype(np.float64)
        atoms = Atoms.of(facts, values)
        others = values if atoms is None else atoms.others(values)
        groups: dict[str, list[int]] = {}
        for index, each in enumerate(known):
            groups.setdefault(each.law, []).append(index)
        laws = [
            law_of(name)[1].of([known[c] for c in columns], others[:, columns])
            for name, columns in groups.items()
        ]
        levels = tuple(each.levels for each in facts)
        return cls(tuple(laws), tuple(map(tuple, groups.values())), levels, atoms)

    name = "columns"

    @property
    def discrete(self) -> bool:
        """Whether all terms are probabilities."""
        return all(law.discrete for law in self.laws)

    @property
    def largest(self) -> float:
        """No bound that all columns share."""
        return inf

    @property
    def h_shape(self) -> tuple[int]:
        """What the decoder has to give."""
        logits = 0 if self.atoms is None else len(self.atoms.where)
        return (sum(law.size for law in self.laws) + logits,)

    def initial(self, rows: np.ndarray) -> Float[Array, " size"]:
        """The h at which each column is distributed about as in `rows`, none of it missing."""
        values = rows.astype(np.float64)
        others = values if self.atoms is None else self.atoms.others(values)
        each = [
            law.initial(others[:, np.array(where)])
            for law, where in zip(self.laws, self.where, strict=True)
        ]
        if self.atoms is not None:
            each.append(self.atoms.initial(values))
        return on_device(np.concatenate(each))

    def __call__(self, h: Float[Array, " size"]) -> ColumnsDistribution:
        *parts, logits = jnp.split(h, np.cumsum([law.size for law in self.laws]))
        each = tuple(law(part) for law, part in zip(self.laws, parts, strict=True))
        atoms = None if self.atoms is None else self.atoms(logits)
        return ColumnsDistribution(each, self.where, atoms)

    def is_probability(self, x: Float[Array, " d"]) -> Bool[Array, " d"]:
        """Whether the term of each column is that of a probability; else it is a density's."""
        pairs = zip(self.laws, self.where, strict=True)
        discrete = {column for law, where in pairs if law.discrete for column in where}
        found = jnp.asarray([column in discrete for column in range(len(self.levels))])
        return found if self.atoms is None else found | self.atoms.at(x)
