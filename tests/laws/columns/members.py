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
from jensen.parts.columns import Columns, Facts, Law, PlainLaw, law_of

from ..zoo import jittered

BASES = {name: law for name, law in members(Law).items() if issubclass(law, PlainLaw)}
OVERS = {name: law for name, law in members(Law).items() if name not in BASES}
NAMES = [
    *BASES,
    *[f"{over}:{base}" for over, o in OVERS.items() for base, b in BASES.items() if o.takes(b)],
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
            atom = rows.min(0) if over is OVERS["hurdle"] else np.rint(np.median(rows, 0))
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
    law: Any
    columns: np.ndarray
    h: slice


@cache
def places() -> dict[str, Place]:
    """By name: the law, its columns of a row, and its numbers of h."""
    facts, _, columns = table()
    found, start = {}, 0
    for law, where in zip(columns.laws, columns.where, strict=True):
        found[facts[where[0]].law] = Place(law, np.array(where), slice(start, start + law.size))
        start += law.size
    return found


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


def support(law: Any) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest value that each column can take, ends that are far cut off."""
    base = getattr(law, "base", law)
    if base.categories:
        low, high = np.zeros(len(base.counts)), np.array(base.counts, float)
    elif not base.discrete:
        shape = np.shape(base.shift.value)
        low, high = np.full(shape, 0.0 if base.logarithmic else -np.inf), np.full(shape, np.inf)
    else:
        low = np.asarray(base.low.value, np.float64)
        high = np.asarray(base.high.value if hasattr(base, "high") else low + np.inf, np.float64)
    if base is not law and base.discrete:
        low = np.minimum(low, np.asarray(law.atom.value))
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
    for law, columns, _ in places().values():
        base = getattr(law, "base", law)
        if law.discrete:
            low, high = support(law)
            start = np.where(np.isfinite(low), low, np.rint(mean[columns]) - 5000)
            x[:, columns] = np.arange(len(steps))[:, None] + start
            weight[:, columns] = x[:, columns] <= high
            continue
        t = steps * (30.0 if base.logarithmic else np.arcsinh(1e5))
        if base.logarithmic:
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
def draws(columns: Any, h: Any, key: Any) -> Any:
    return columns(h).sample(key, (DRAWS,))
