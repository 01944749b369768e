"""Bidirectional Monte Carlo: the evidence of simulated rows, held from both sides."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from jensen._batching import as_many, map_rows
from jensen._sampling import split
from jensen._types import Data, Datum, PRNGKey
from jensen.errors import OptionError
from jensen.evidence.annealing.annealed import DEFAULT, Annealed, Annealing, estimate_of
from jensen.evidence.annealing.runs import Settings, Work, once, pilot, run
from jensen.evidence.arguments import checked_draws
from jensen.model import Model

__all__ = ["Bracket", "Simulated", "bidirectional", "bracket_of", "simulate"]

# Each side's bound holds in the mean; so many standard errors hold it in 97 cases of 100.
_ERRORS = 2.0


@dataclass(frozen=True)
class Simulated:
    """Rows drawn from a model, each with the z it was made of: an exact posterior draw.

    Attributes:
        X: rows, shape (rows, *event), or a `Datum` of them.
        z: laid out as vectors, shape (rows, size).
    """

    X: Data
    z: np.ndarray


@dataclass(frozen=True, repr=False)
class Bracket:
    """log p(x) of simulated rows, from below and from above.

    Attributes:
        lower: the forward chains' `Annealed` estimate, in the mean a lower bound.
        upper: the reverse chains', in the mean an upper bound.
    """

    lower: Annealed
    upper: Annealed

    @property
    def gaps(self) -> np.ndarray:
        """Upper less lower side of each row, in nats; below zero by chance where both are
        close."""
        return self.upper.values - self.lower.values

    @property
    def gap(self) -> float:
        """Their mean: how far apart the sides are, so that neither is off by more."""
        return float(self.gaps.mean())

    @property
    def gap_stderr(self) -> float:
        """The standard error of `gap` over rows and chains."""
        return float(self.gaps.std(ddof=1) / np.sqrt(len(self.gaps)))

    @property
    def interval(self) -> tuple[float, float]:
        """Between these lies the rows' mean log p(x), in 95 of 100 repetitions or more.

        The sides, each put two standard errors further out: of the lower one that of its
        chains, and of the upper one `gap_stderr`, as all chains of a row begin at the one exact
        draw that there is of it, whose chance only other rows can tell. (The rows are taken as
        they are: `row_stderr` of either side tells how much others would differ.)
        """
        return (
            self.lower.value - _ERRORS * self.lower.stderr,
            self.upper.value + _ERRORS * max(self.upper.stderr, self.gap_stderr),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "interval": list(self.interval),
            "lower": self.lower.value,
            "upper": self.upper.value,
            "gap": self.gap,
            "gap_stderr": self.gap_stderr,
            "rows": len(self.gaps),
        }

    def __repr__(self) -> str:
        return (
            f"{len(self.gaps)} simulated rows: between {self.lower.value:.3f} and"
            f" {self.upper.value:.3f}, {self.gap:.3f} ± {self.gap_stderr:.3f} nats apart"
        )


def _simulated(model: Model, condition: Any, key: PRNGKey) -> tuple[Array, Array]:
    for_z, for_x = jax.random.split(key)
    z = model.latent_prior(condition).sample(for_z)
    return model.conditional(z, condition).sample(for_x), ravel_pytree(z)[0]


def simulate(model: Model, key: PRNGKey, rows: int, like: Data | None = None) -> Simulated:
    """`rows` draws of z ~ p(z), x ~ p(x | z), with masks and conditions of `like` where it has."""
    known = (like.mask, like.condition) if isinstance(like, Datum) else (None, None)
    mask, condition = as_many(known, rows) if jax.tree.leaves(known) else known
    x, z = map_rows(_simulated, model, condition, split(key, rows))
    return Simulated(Datum(x, mask, condition) if isinstance(like, Datum) else x, z)


def bidirectional(
    model: Model,
    key: PRNGKey,
    rows: int = 100,
    temperatures: int = 100,
    *,
    how: Annealing = DEFAULT,
    like: Data | None = None,
) -> Bracket:
    """Hold the evidence of simulated rows from both sides (Grosse et al. 2015).

    A row simulated from the model comes with the z that it was made of, which is an exact draw
    from p(z | x). Chains that begin there and run the annealing in reverse have weights whose
    mean is 1 / p(x), and minus its log is a stochastic upper bound; the forward chains give
    the lower one. Both use the settings of one pilot, made for the row before either began.

    Args:
        model: a `Model`.
        key: a typed JAX key.
        rows: how many to simulate, 2 or more.
        temperatures: of the schedule.
        how: see `Annealing`; without resampling, which has no reverse.
        like: rows whose masks the simulated ones are to have.

    Raises:
        OptionError: an impossible option.

    Example:
        >>> import jax
        >>> from jensen import LinearGaussian
        >>> model = LinearGaussian.random(jax.random.key(0), features=3, latent=1).model()
        >>> bidirectional(model, jax.random.key(1), 20, 10).gap < 0.01
        True
    """
    for_rows, for_pilot, for_chains = split(key, 3)
    if not (isinstance(rows, (int, np.integer)) and rows >= 2):
        raise OptionError(f"rows={rows!r}: must be a whole number of at least 2.")
    simulated = simulate(model, for_rows, rows, like)
    temperatures = checked_draws(simulated.X, temperatures, "temperatures")
    program = how.program(model)
    settings = pilot(program, simulated.X, for_pilot, how.chains, how.acceptance)
    return bracket_of(model, simulated, for_chains, temperatures, how, settings)


def bracket_of(
    model: Model,
    simulated: Simulated,
    key: PRNGKey,
    temperatures: int,
    how: Annealing,
    settings: Settings,
    work: Work = once,
    name: str = "bracket",
) -> Bracket:
    """Both sides of simulated rows, with the settings that a pilot has found for them."""
    if how.resample:
        raise OptionError(
            f"resample={how.resample}: a bracket needs chains that can be run in reverse, and"
            " resampling has no reverse; use resample=0."
        )
    forth, back = split(key)
    program = how.program(model)
    schedule = settings.schedule(how.schedule, temperatures)
    X, chains = simulated.X, how.chains
    forward = run(program, X, forth, settings, schedule, chains, work=work, name=f"{name}-forward")
    reverse = run(
        program, X, back, settings, schedule, chains,
        exact=simulated.z, work=work, name=f"{name}-reverse",
    )  # fmt: skip
    return Bracket(
        estimate_of(forward, "annealed", temperatures),
        _from_above(estimate_of(reverse, "annealed", temperatures)),
    )


def _from_above(of_inverse: Annealed) -> Annealed:
    """An estimate of log p(x) from one of log 1 / p(x)."""
    return Annealed(
        **{
            **vars(of_inverse),
            "values": -of_inverse.values,
            "kind": "upper bound",
            "method": "reverse annealed",
        }
    )
