"""The laws of columns, and those that may stand over them, side by side in one table.

All of them are one likelihood, so that whatever the tests ask is compiled once for all laws.
"""

from functools import cache
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen.parts._families import members
from jensen.parts.columns import Columns, Facts, Law, law_of
from jensen.parts.columns.naming import OVERS
from jensen.training.step import split_trainable

from ..zoo import jittered

BASES = members(Law)
NAMES = [
    *BASES,
    *[f"{over}:{base}" for over, may in OVERS.items() for base, b in BASES.items() if may(b)],
]
on_every_law = pytest.mark.parametrize("name", NAMES)

ROWS = 400
DRAWS = 20_000


def _of_base(base: Any, rng: np.random.Generator) -> tuple[list[dict[str, Any]], np.ndarray]:
    """What is known of some columns of a base, as unlike as may be, and their rows."""
    if base.categories:
        levels = [2, 7, 3, 5, 2, 1]
        made = [rng.choice(n, ROWS, p=np.arange(1.0, n + 1) / (n * (n + 1) / 2)) for n in levels]
        return [{"levels": n} for n in levels], np.stack(made, 1).astype(float)
    if base.discrete:
        inf = np.inf
        # Of the first nothing is known, and yet there is nothing below nought.
        ends = [(-inf, inf), (1.0, inf), (0.0, 40.0), (3.0, 9.0)]
        place, spread = np.log([1.0, 3.0, 30.0, 5.0]), np.array([0.6, 0.8, 1.0, 0.5])
        rows = np.exp(rng.normal(place, spread, (ROWS, 4)))
        if not base.logarithmic:
            ends = [(-inf, inf), (0.0, inf), (-5.0, 5.0), (-inf, inf), (0.0, 1.0)]
            rows = rng.normal([3.0, 4.0, 0.0, 1000.0, 0.5], [4.0, 3.0, 3.0, 200.0, 0.4], (ROWS, 5))
        low, high = np.array(ends).T
        low = np.maximum(low, 0.0 if base.logarithmic else -inf)
        return [{"low": a, "high": b} for a, b in ends], np.clip(np.rint(rows), low, high)
    if base.logarithmic:
        return [{}] * 3, np.exp(rng.normal([0.0, -8.0, 5.0], [1.0, 0.5, 2.0], (ROWS, 3)))
    return [{}] * 3, rng.normal([0.0, 1000.0, -1e-3], [1.0, 5.0, 1e-4], (ROWS, 3))


def columns_of(name: str) -> tuple[list[Facts], np.ndarray]:
    """Facts and rows, (ROWS, columns), for a law; a third of them at the atom, if there is one."""
    rng = np.random.default_rng(1)
    over, base = law_of(name)
    known, rows = _of_base(base, rng)
    if over is not None:
        atom = np.where(base.logarithmic, 0.0, rows.mean(0)).astype(np.float32).astype(float)
        if base.discrete:
            # A hurdle of whole numbers stands at the least of them.
            atom = rows.min(0) if over == "hurdle" else np.rint(np.median(rows, 0))
        rows = np.where(rng.random(rows.shape) < 1 / 3, atom, rows)
        known = [each | {"atom": float(a)} for each, a in zip(known, atom, strict=True)]
    return [Facts(name, **each) for each in known], rows


class Table(NamedTuple):
    facts: list[Facts]
    rows: np.ndarray
    columns: Columns


@cache
def table() -> Table:
    """All laws, in an order in which those of one law stand apart."""
    each = [columns_of(name) for name in NAMES]
    facts, rows = [f for known, _ in each for f in known], np.concatenate([r for _, r in each], 1)
    mixed = np.random.default_rng(2).permutation(len(facts))
    facts, rows = [facts[j] for j in mixed], rows[:, mixed].astype(np.float32)
    return Table(facts, rows, jittered(Columns.of(facts, rows), jax.random.key(3)))


class Place(NamedTuple):
    """By its name, where a law is in the table.

    Attributes:
        law: it, or the base that it stands over, of whose columns these are some.
        columns: its columns of a row.
        h: its numbers of h, with the logits of atoms at the end.
        atom: of each column, where it has one.
    """

    law: Any
    columns: np.ndarray
    h: np.ndarray
    atom: np.ndarray | None


@cache
def places() -> dict[str, Place]:
    """Each law of `NAMES`."""
    facts, _, columns = table()
    found, start = {}, 0
    logits = sum(law.size for law in columns.laws)
    for law, where in zip(columns.laws, columns.where, strict=True):
        numbers, names = np.arange(start, start + law.size), [facts[j].law for j in where]
        start += law.size
        for name in dict.fromkeys(names):
            own = np.array(names) == name
            # Of a law that may stand below others, a number of each column and then another.
            h = numbers if own.all() else numbers.reshape(-1, len(own))[:, own].ravel()
            at, atom = np.array(where)[own], None
            if ":" in name:
                index = [columns.atoms.where.index(j) for j in at]
                atom = np.asarray(columns.atoms.atom.value, np.float64)[index]
                h = np.concatenate([h, logits + np.array(index)])
            found[name] = Place(law, at, h, atom)
    return found


@cache
def alone(name: str) -> Columns:
    """The columns of one law as a likelihood of their own, at what the table's has learned."""
    facts, rows, columns = table()
    law, at, *_ = places()[name]
    made = Columns.of([facts[j] for j in at], rows[:, at])
    (own,) = (np.isin(where, at) for where in columns.where if at[0] in where)
    learned = [leaf[own] for leaf in jax.tree.leaves(split_trainable(law)[0])]
    first, rest = split_trainable(made.laws)
    laws = eqx.combine(jax.tree.unflatten(jax.tree.structure(first), learned), rest)
    return eqx.tree_at(lambda columns: columns.laws, made, laws)


# Settings and values are served in blocks of so many, by one compiled program.
BLOCK = 2000


@eqx.filter_jit
def _block(columns: Any, h: Any, x: Any) -> Any:
    return jax.vmap(lambda h, x: columns(h).log_prob(x))(h, x)


def log_probs(h: np.ndarray, x: np.ndarray, columns: Any = None) -> np.ndarray:
    """log p of each row of x at that of h, shapes (n, d) and (n, size), in double precision."""
    columns = table().columns if columns is None else columns
    blocks = -(-len(x) // BLOCK)
    h = np.broadcast_to(h, (len(x), h.shape[-1]))
    index = np.arange(blocks * BLOCK).clip(max=len(x) - 1).reshape(blocks, BLOCK)
    found = [
        _block(columns, jnp.asarray(h[at], jnp.float32), jnp.asarray(x[at], jnp.float32))
        for at in index
    ]
    return np.concatenate(found).astype(np.float64)[: len(x)]


@eqx.filter_jit
def means(columns: Any, h: Any) -> Any:
    return jax.vmap(lambda h: columns(h).mean)(h)


@cache
def moderate() -> np.ndarray:
    """An h not far from where training begins."""
    first = table().columns.initial(table().rows)
    return np.asarray(first + 0.3 * jax.random.normal(jax.random.key(4), first.shape))


def support(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest value that each column can take, ends that are far cut off."""
    law: Any = alone(name).laws[0]
    atom, k = places()[name].atom, len(places()[name].columns)
    low, high = np.full(k, -np.inf), np.full(k, np.inf)
    if law.categories:
        low, high = np.zeros(k), np.array(law.counts, float)
    elif law.discrete:
        low = np.asarray(law.low.value, np.float64)
        high = np.asarray(law.high.value, np.float64) if hasattr(law, "high") else high
        low = low if atom is None else np.minimum(low, atom)
    elif law.logarithmic:
        low = np.zeros(k)
    return np.where(low < -1e30, -np.inf, low), np.where(high > 1e30, np.inf, high)


@cache
def grid_probabilities() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values in rising order, p there by `log_prob`, and the weight of each in a sum or integral.

    All of shape (values, d), at the moderate h. Of densities without their atom.
    """
    facts, rows, _ = table()
    steps = np.linspace(-1.0, 1.0, 10_001)[:, None]
    mean, spread = rows.mean(0, dtype=np.float64), rows.std(0, dtype=np.float64)
    x, weight = np.zeros((len(steps), len(facts))), np.zeros((len(steps), len(facts)))
    for name, (law, columns, _, _) in places().items():
        if law.discrete:
            low, high = support(name)
            start = np.where(np.isfinite(low), low, np.rint(mean[columns]) - 5000)
            x[:, columns] = np.arange(len(steps))[:, None] + start
            weight[:, columns] = x[:, columns] <= high
            continue
        t = steps * (30.0 if law.logarithmic else np.arcsinh(1e5))
        if law.logarithmic:
            at = np.log(np.maximum(rows[:, columns], 1e-9)).mean(0, dtype=np.float64)
            x[:, columns] = np.exp(np.clip(at + t, -80, 80))
            slope = x[:, columns]
        else:
            x[:, columns] = mean[columns] + spread[columns] * np.sinh(t)
            slope = spread[columns] * np.cosh(t)
        weight[:, columns] = slope * (t[1] - t[0])
    x = x.astype(np.float32).astype(np.float64)
    return x, np.exp(log_probs(moderate(), x)), weight


@eqx.filter_jit
def draws(columns: Any, h: Any, key: Any, count: int = DRAWS) -> Any:
    return columns(h).sample(key, (count,))
