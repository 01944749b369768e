"""Simulation-based calibration: is the z that x was made of where q(z | x) says?"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from scipy import stats

from jensen._batching import map_rows
from jensen._sampling import draw, split
from jensen._types import Data, PRNGKey
from jensen.errors import OptionError
from jensen.evidence.annealing.bidirectional import simulate
from jensen.model import Model

__all__ = ["FALSE_ALARMS", "Calibration", "calibrate", "calibration_of"]

# How often the test, over all latents together, rejects an encoder that is the exact posterior.
FALSE_ALARMS = 0.01
# 100 ranks in 20 bins of five; a thousand rows put 50 into each, of which the chi-squared
# distribution is a good account far into its tail.
_DRAWS = 99
_BINS = 20
_ROWS = 1000
# Fewer in a bin than this, and it is not.
_FEWEST_IN_A_BIN = 5
# Interval whose coverage is told beside the test, which says nothing of how much is wrong.
_INTERVAL = 0.9
_BATCH = 256


@dataclass(frozen=True, repr=False)
class Calibration:
    """Ranks of the z that simulated rows were made of, among draws of q(z | x).

    Attributes:
        ranks: how many of the draws lie below it, from 0 to `draws`, shape (rows, latent).
        draws: of q for each row.
        histograms: how many ranks fell into each of equal bins, shape (latent, bins).
        p_values: of each latent's chi-squared test that all ranks are equally likely.
    """

    ranks: np.ndarray
    draws: int
    histograms: np.ndarray
    p_values: np.ndarray

    @property
    def p_value(self) -> float:
        """Of all latents together, by Bonferroni's inequality."""
        return float(min(1.0, self.p_values.min() * len(self.p_values)))

    @property
    def passed(self) -> bool:
        """Whether no latent was rejected; the exact posterior is with probability 0.01 or less."""
        return not self.rejected

    @property
    def rejected(self) -> list[int]:
        """Latents, counted from 0, whose ranks are not uniform."""
        return np.flatnonzero(self.p_values < FALSE_ALARMS / len(self.p_values)).tolist()

    @property
    def coverage(self) -> np.ndarray:
        """How often q's central 90 % interval of each latent held the truth, shape (latent,)."""
        tail = (1 - _INTERVAL) / 2 * (self.draws + 1)
        inside = (self.ranks >= tail) & (self.ranks < self.draws + 1 - tail)
        return inside.mean(axis=0)

    @property
    def faults(self) -> list[str]:
        """What each latent's ranks lean to most: "too narrow", "too wide" or "shifted"."""
        numbers = self.draws + 1
        u = (self.ranks + 0.5) / numbers - 0.5
        variance = (1 - 1 / numbers**2) / 12
        # In standard errors under uniform ranks, whose fourth moment is 1/80.
        off = u.mean(axis=0) / np.sqrt(variance / len(u))
        wide = ((u**2).mean(axis=0) - variance) / np.sqrt((1 / 80 - variance**2) / len(u))
        return [
            "shifted" if abs(o) > abs(w) else "too narrow" if w > 0 else "too wide"
            for o, w in zip(off, wide, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rows": len(self.ranks),
            "draws": self.draws,
            "passed": self.passed,
            "p_value": self.p_value,
            "false_alarms": FALSE_ALARMS,
            "p_values": self.p_values.tolist(),
            "rejected": self.rejected,
            "faults": {str(d): self.faults[d] for d in self.rejected},
            "coverage": {"interval": _INTERVAL, "held": self.coverage.tolist()},
            "histograms": self.histograms.tolist(),
        }


def _ranks_of_row(context: tuple[Model, int], x: Any, z: Array, key: PRNGKey) -> Array:
    model, draws = context
    drawn = jax.vmap(lambda z: ravel_pytree(z)[0])(draw(model.posterior(x), key, draws))
    return jnp.sum(drawn < z[None], axis=0)


def calibrate(
    model: Model, key: PRNGKey, rows: int = _ROWS, draws: int = _DRAWS, like: Data | None = None
) -> Calibration:
    """Rank the z that each simulated row was made of among draws of q(z | x).

    For z* ~ p(z), x ~ p(x | z*) and L draws of the exact posterior, the rank of z*_d is uniform
    on 0, ..., L (Talts et al. 2018, theorem 1). So what is judged is the encoder, on rows of
    the model's own making, and not the model.

    Args:
        model: a `Model`.
        key: a typed JAX key.
        rows: to simulate; 100 or more.
        draws: L; L + 1 is a multiple of 20.
        like: rows whose masks the simulated ones are to have.

    Raises:
        OptionError: `rows` or `draws` of another size.
    """
    if rows < _BINS * _FEWEST_IN_A_BIN:
        raise OptionError(f"rows={rows!r}: must be at least {_BINS * _FEWEST_IN_A_BIN}.")
    if draws < 1 or (draws + 1) % _BINS:
        raise OptionError(f"draws={draws!r}: must be one less than a multiple of {_BINS}.")
    for_rows, for_draws = split(key)
    simulated = simulate(model, for_rows, rows, like)
    ranks = map_rows(
        _ranks_of_row,
        (model, int(draws)),
        simulated.X,
        np.asarray(simulated.z),
        split(for_draws, rows),
        batch=_BATCH,
    )
    return calibration_of(ranks, draws)


def calibration_of(ranks: np.ndarray, draws: int) -> Calibration:
    """The test of ranks, shape (rows, latent), among `draws` draws: are all equally likely?"""
    bins = np.asarray(ranks) * _BINS // (draws + 1)
    histograms = np.stack([np.bincount(each, minlength=_BINS) for each in bins.T])
    return Calibration(ranks, int(draws), histograms, stats.chisquare(histograms, axis=1).pvalue)
