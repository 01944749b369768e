"""The likelihood of a table: a law for each column, columns of one law side by side."""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import logsumexp
from jaxtyping import Bool, Float

from jensen._types import PRNGKey
from jensen.errors import OptionError
from jensen.parts._families import members
from jensen.parts.columns._base import Facts, Law, LawDistribution, PlainLaw

__all__ = ["Columns", "ColumnsDistribution", "law_of"]


def law_of(name: str) -> tuple[Any, Any]:
    """The law of a name, and what stands over it in "hurdle:LAW" or "inflated:LAW", or `None`.

    Raises `OptionError` for an unknown one, and for a law that cannot stand over the other.
    """
    found = members(Law)
    bases = {each: law for each, law in found.items() if issubclass(law, PlainLaw)}
    overs = {each: law for each, law in found.items() if each not in bases}
    over, colon, base = name.rpartition(":")
    if base in bases and not colon:
        return None, bases[base]
    if base in bases and over in overs:
        if overs[over].takes(bases[base]):
            return overs[over], bases[base]
        taken = [each for each, law in bases.items() if overs[over].takes(law)]
        raise OptionError(
            f"likelihood={name!r} of a column: {over} cannot stand over {base}; choose"
            f" {over}:LAW with one of {', '.join(taken)}."
        )
    raise OptionError(
        f"likelihood={name!r} of a column is unknown: choose one of {', '.join(bases)}, or"
        f" {' or '.join(f'{each}:LAW' for each in overs)} with one of these."
    )


class _Ones:
    """What says that one is a possible value of every column."""

    def feasible_like(self, x: Array) -> Array:
        return jnp.ones_like(x)


@eqx.filter_jit
def _log_prob(part: LawDistribution, x: Array) -> Array:
    """Traced once for all the programs that ask for it."""
    return part.log_prob(x)


class ColumnsDistribution(eqx.Module):
    """p(x | z) of a row of d columns."""

    parts: tuple[LawDistribution, ...]
    where: tuple[tuple[int, ...], ...] = eqx.field(static=True)

    @property
    def support(self) -> Any:
        """What may stand for a missing cell: of nought, some laws take the logarithm."""
        return _Ones()

    def _in_order(self, parts: Sequence[Array]) -> Array:
        order = np.argsort(np.concatenate(self.where))
        return jnp.concatenate(list(parts))[order]

    def log_prob(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        """The term of each column, in nats."""
        pairs = zip(self.parts, self.where, strict=True)
        return self._in_order([_log_prob(part, x[np.array(where)]) for part, where in pairs])

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x, columns being independent given z."""
        if sample_shape:
            keys = jax.random.split(key, sample_shape)
            draw = self.sample
            for _ in sample_shape:
                draw = jax.vmap(draw)
            return draw(keys)
        keys = jax.random.split(key, len(self.parts))
        return self._in_order([part.sample(k) for part, k in zip(self.parts, keys, strict=True)])

    @property
    def mean(self) -> Float[Array, " d"]:
        """E[x | z] of numbers, and the most likely of categories."""
        return self._in_order([part.mean for part in self.parts])

    def log_expectation(
        self, log_f: Callable[[Float[Array, " d"]], Float[Array, " d"]]
    ) -> Float[Array, " d"]:
        """log E[f_j(x_j)] of each column, by its nodes; `log_f` is of a row, entry by entry."""

        def of_part(part: LawDistribution, where: tuple[int, ...]) -> Array:
            values, log_weights = part.nodes()
            columns = np.array(where)
            row = jnp.ones(sum(map(len, self.where)))
            log_each = jax.vmap(lambda x: log_f(row.at[columns].set(x))[columns])(values)
            return logsumexp(log_weights + log_each, axis=0)

        pairs = zip(self.parts, self.where, strict=True)
        return self._in_order([of_part(part, where) for part, where in pairs])


class Columns(eqx.Module):
    """h -> p(x | z) of a row of a table, each column by a law of its own.

    The decoder's numbers for all laws stand in h one after another. `levels` says of each column
    how many categories it has; numbers have none.
    """

    laws: tuple[Law, ...]
    where: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    levels: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Columns":
        """The likelihood of columns of which `facts` are known; `rows` is (n, d), none missing."""
        groups: dict[str, list[int]] = {}
        for index, each in enumerate(facts):
            groups.setdefault(each.law, []).append(index)
        laws = []
        for name, columns in groups.items():
            over, base = law_of(name)
            known, values = [facts[c] for c in columns], rows[:, columns].astype(np.float64)
            laws.append(over.over(base, known, values) if over else base.of(known, values))
        levels = tuple(each.levels for each in facts)
        return cls(tuple(laws), tuple(map(tuple, groups.values())), levels)

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
        return (sum(law.size for law in self.laws),)

    def initial(self, rows: np.ndarray) -> Float[Array, " size"]:
        """The h at which each column is distributed about as in `rows`, none of it missing."""
        values = rows.astype(np.float64)
        each = [
            law.initial(values[:, np.array(where)])
            for law, where in zip(self.laws, self.where, strict=True)
        ]
        return jnp.asarray(np.concatenate(each), jnp.float32)

    def __call__(self, h: Float[Array, " size"]) -> ColumnsDistribution:
        ends = np.cumsum([law.size for law in self.laws])[:-1]
        parts = jnp.split(h, ends)
        each = tuple(law(part) for law, part in zip(self.laws, parts, strict=True))
        return ColumnsDistribution(each, self.where)

    def is_probability(self, x: Float[Array, " d"]) -> Bool[Array, " d"]:
        """Whether the term of each column is that of a probability; else it is a density's."""
        parts = [
            law.is_probability(x[np.array(where)])
            for law, where in zip(self.laws, self.where, strict=True)
        ]
        return jnp.concatenate(parts)[np.argsort(np.concatenate(self.where))]
