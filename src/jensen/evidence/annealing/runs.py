"""Runs of annealed chains over many rows: the pilot, forward, and in reverse."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Key

from jensen._batching import batches
from jensen._runtime import on_device, quick_random
from jensen._sampling import row_keys, split
from jensen._types import Data, PRNGKey
from jensen.evidence.annealing.chains import (
    SEGMENT,
    Chains,
    Program,
    Segment,
    advance,
    begun,
    drawn,
)
from jensen.evidence.annealing.schedules import equal_loss, path_length, sigmoid

__all__ = ["PILOT", "ROWS", "Ends", "Settings", "Work", "lowered", "once", "pilot", "run"]

# Rows in a compiled call: enough chains for its matrix products, and a hundred rows, which are
# what people ask for, fill five of them.
ROWS = 20
# Temperatures of the pilot, a tenth to a half of what the chains after it take.
PILOT = 32
# The share of the difference by which step sizes follow the acceptance, per temperature.
_RATE = 0.4
_FIRST_STEP = 0.7

Work = Callable[[str, int, Callable[[], dict[str, np.ndarray]]], dict[str, np.ndarray]]


def once(
    name: str, temperatures: int, compute: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """The plainest `Work`: compute, and remember nothing."""
    return compute()


@dataclass(frozen=True)
class Settings:
    """What a pilot found for each row, frozen before the chains that count begin.

    Attributes:
        beta: the temperatures at which it measured, shape (measured,).
        log_step: log ε there, shape (rows, measured).
        log_spread: log of the chains' spread in units of the start's, shape (rows, measured,
            size).
        deviation: standard deviations of the log ratio there, shape (rows, measured).
    """

    beta: np.ndarray
    log_step: np.ndarray
    log_spread: np.ndarray
    deviation: np.ndarray

    def schedule(self, name: str, temperatures: int) -> np.ndarray:
        """β₀, ..., β_T of each row, shape (rows, T + 1)."""
        if name == "sigmoid":
            return np.tile(sigmoid(temperatures), (len(self.log_step), 1))
        return equal_loss(self.beta, self.deviation, temperatures)

    def loss(self) -> float:
        """Nats that a schedule of one temperature would lose by ideal chains, in the mean of rows.

        The squared length of the path in the standard deviation of the log ratio: a half on
        either side of a bracket. T temperatures lose a T-th of it (Grosse et al. 2013, section 3).
        """
        return float(np.mean([path_length(self.beta, row)[-1] ** 2 for row in self.deviation]))

    def take(self, rows: np.ndarray) -> "Settings":
        """Those of some rows."""
        return Settings(self.beta, self.log_step[rows], self.log_spread[rows], self.deviation[rows])

    def segment(self, schedule: np.ndarray, steps: np.ndarray, reverse: bool) -> Segment:
        """The segment of the steps t of a schedule, in the order given, filled up to `SEGMENT`."""
        filled = np.concatenate([steps, np.full(SEGMENT - len(steps), steps[-1])])
        beta = schedule[:, filled]
        increment = beta - schedule[:, filled - 1]
        none = np.zeros_like(increment)
        rows = range(len(beta))
        log_step = np.stack([np.interp(beta[i], self.beta, self.log_step[i]) for i in rows])
        log_spread = np.stack([
            np.stack([np.interp(beta[i], self.beta, each) for each in self.log_spread[i].T], -1)
            for i in rows
        ])  # fmt: skip
        before, after = (none, -increment) if reverse else (increment, none)
        return _segment(beta, before, after, log_step, log_spread)


@dataclass(frozen=True)
class Ends:
    """Where a run's chains ended, for each row.

    Attributes:
        log_weights: shape (rows, chains), in nats.
        log_evidence: what resampling has taken out of them, shape (rows,).
        spent: the relative variance of what it has taken out, as if its stages had nothing to
            do with each other, shape (rows,).
        founders: from which first point each chain descends, shape (rows, chains).
        resamplings: how often it resampled, shape (rows,).
        acceptance: mean acceptance probability, shape (rows,).
        position: the last z, laid out as one vector, shape (rows, chains, size).
    """

    log_weights: np.ndarray
    log_evidence: np.ndarray
    spent: np.ndarray
    founders: np.ndarray
    resamplings: np.ndarray
    acceptance: np.ndarray
    position: np.ndarray


def pilot(
    program: Program,
    X: Data,
    key: PRNGKey,
    chains: int,
    target: float,
    work: Work = once,
    name: str = "pilot",
) -> Settings:
    """Anneal once while step sizes and spreads adapt, and keep what they came to.

    The weights of these chains are thrown away: adapting, they are biased.
    """
    beta = sigmoid(PILOT)

    def of(X: Any, keys: Any, count: int) -> dict[str, np.ndarray]:
        state = _drawn(program, X, keys, chains)
        rows, _, size = state.position.shape
        start = Settings(
            beta[1:],
            np.full((rows, PILOT), np.log(_FIRST_STEP)),
            np.zeros((rows, PILOT, size)),
            np.ones((rows, PILOT)),
        )
        schedule = np.tile(beta, (rows, 1))
        segment = start.segment(schedule, np.arange(1, PILOT + 1), reverse=False)
        _, kept = _advance(program, X, keys, state, segment, 0, PILOT, _RATE, target)
        return {
            each.name: np.asarray(getattr(kept, each.name))[:count, :PILOT] for each in fields(kept)
        }

    found = _by_batches(of, X, row_keys(key, X), PILOT, work, name)
    return Settings(
        beta[1:],
        _smooth(found["log_step"]),
        _smooth(found["log_spread"]),
        found["deviation"].astype(np.float64),
    )


def run(
    program: Program,
    X: Data,
    key: PRNGKey,
    settings: Settings,
    schedule: np.ndarray,
    chains: int,
    *,
    exact: np.ndarray | None = None,
    work: Work = once,
    name: str = "run",
) -> Ends:
    """The chains of all rows, from the start to the joint density, settings frozen.

    With `exact`, one exact draw of each row's posterior (rows, size), all chains begin there
    and go the other way, and their weights estimate 1 / p(x).
    """
    order = np.arange(1, schedule.shape[1])
    if exact is not None:
        order = order[::-1]
    index = np.arange(len(schedule))

    def of(batch: Any, keys: Any, count: int) -> dict[str, np.ndarray]:
        X, here, begin = batch
        if exact is None:
            state = _drawn(program, X, keys, chains)
        else:
            state = begun(on_device(np.repeat(begin[:, None], chains, axis=1)))
        mine = settings.take(here)
        for first in range(0, len(order), SEGMENT):
            steps = order[first : first + SEGMENT]
            segment = mine.segment(schedule[here], steps, exact is not None)
            state, _ = _advance(program, X, keys, state, segment, first, len(steps), 0.0, 0.0)
        moves = np.asarray(state.moves)
        told = {"acceptance": np.asarray(state.acceptance) / moves}
        names = [each.name for each in fields(Ends) if each.name != "acceptance"]
        told |= {name: np.asarray(getattr(state, name)) for name in names}
        return {name: value[:count].astype(np.float64) for name, value in told.items()}

    rows = (X, index, index if exact is None else np.float32(exact))
    return Ends(**_by_batches(of, rows, row_keys(key, X), len(order), work, name))


def _by_batches(
    of: Callable[..., dict[str, np.ndarray]],
    rows: Any,
    keys: Key[Any, " rows"],
    temperatures: int,
    work: Work,
    name: str,
) -> dict[str, np.ndarray]:
    parts = []
    for number, ((each, its_keys), count) in enumerate(batches((rows, keys), ROWS)):
        compute = lambda each=each, keys=its_keys, count=count: of(each, keys, count)
        parts.append(work(f"{name}-{number}", temperatures, compute))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _segment(*parts: np.ndarray) -> Segment:
    return Segment(*(on_device(part) for part in parts))


def lowered(program: Program, X: Data, chains: int) -> Callable[[], Any]:
    """Lower what takes longest to compile; to call the result is to compile it, and to run it
    for no temperature."""
    # Simulated rows come first, and are floats.
    as_simulated = lambda leaf: leaf[:ROWS] if leaf.dtype == bool else np.float32(leaf[:ROWS])
    first = jax.tree.map(as_simulated, X)
    ((rows, _),) = batches(first, ROWS)
    size = program.size(jax.tree.map(lambda leaf: leaf[0], rows))
    keys = split(jax.random.key(0), ROWS)
    state = begun(on_device(np.zeros((ROWS, chains, size))))
    none, spreads = np.zeros((ROWS, SEGMENT)), np.zeros((ROWS, SEGMENT, size))
    segment = _segment(none, none, none, none, spreads)
    of_nothing = program, rows, keys, state, segment, 0, 0, 0.0, 0.0
    _advance(*of_nothing, by=advance.lower)
    return lambda: _advance(*of_nothing)


def _drawn(program: Program, X: Any, keys: Any, chains: int) -> Chains:
    with quick_random():
        return drawn(program, X, keys, chains)


def _advance(
    program: Program,
    X: Any,
    keys: Any,
    state: Chains,
    segment: Segment,
    first: int,
    count: int,
    adaptation: float,
    target: float,
    by: Callable[..., Any] = advance,
) -> Any:
    with quick_random():
        return by(
            program,
            X,
            keys,
            state,
            segment,
            jnp.int32(first),
            jnp.int32(count),
            jnp.float32(adaptation),
            jnp.float32(target),
        )


def _smooth(found: np.ndarray, width: int = 7) -> np.ndarray:
    """Averages over neighbouring temperatures, axis 1, of what few chains have measured."""
    padding = [(0, 0)] * found.ndim
    padding[1] = (width // 2, width // 2)
    padded = np.pad(found.astype(np.float64), padding, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, width, axis=1).mean(axis=-1)
