"""Annealed importance sampling of log p(x)."""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jensen._runtime import on_device, quick_jit
from jensen._sampling import split
from jensen._types import Data, PRNGKey
from jensen.errors import OptionError
from jensen.evidence.annealing.chains import Program
from jensen.evidence.annealing.runs import Ends, Work, once, pilot, run
from jensen.evidence.annealing.schedules import SCHEDULES
from jensen.evidence.arguments import checked_draws
from jensen.evidence.estimate import Estimate
from jensen.evidence.weights import Weights
from jensen.model import Model

__all__ = ["DEFAULT", "Annealed", "Annealing", "annealed", "estimate_of", "khat_of"]


@dataclass(frozen=True, repr=False)
class Annealed(Estimate):
    """An annealed `Estimate`, and how its chains went.

    Attributes:
        temperatures: steps from the start to the joint density.
        chains: for each row; the estimate's `draws`.
        acceptance: mean acceptance probability of each row's chains.
        log_weight_variance: of each row's log weights; the bound lies below the evidence by
            about half of it, divided by the number of chains, where it is below one.
    """

    temperatures: int = field(kw_only=True)
    chains: int = field(kw_only=True)
    acceptance: np.ndarray = field(kw_only=True)
    log_weight_variance: np.ndarray = field(kw_only=True)

    @property
    def lower(self) -> float:
        """Two standard errors below the mean, which is itself a lower bound in the mean."""
        return self.value - 2 * self.stderr

    def to_json(self, per_row: bool = False) -> dict[str, Any]:
        """Plain values, as of any estimate, and how the chains went.

        `bracket` and `carries_over` are those of `Certified`, and `None` here.
        """
        return super().to_json(per_row) | {
            "lower": self.lower,
            "bracket": None,
            "temperatures": self.temperatures,
            "chains": self.chains,
            "acceptance": float(np.mean(self.acceptance)),
            "carries_over": None,
        }


@dataclass(frozen=True)
class Annealing:
    """How chains are annealed.

    Attributes:
        chains: for each row.
        start: where they begin: "encoder", q(z | x); or "prior", which misses no mode that the
            prior holds, and takes longer.
        schedule: "adaptive", between whose temperatures equally much is lost, as a pilot
            measured it row by row; or "sigmoid", the same for all.
        leapfrogs: leapfrog steps a temperature.
        resample: the share of the chains below which their effective sample size makes a row
            resample (sequential Monte Carlo), from 0, never, to 1.
        acceptance: which step sizes are made for.

    Raises:
        OptionError: a value that is impossible.
    """

    chains: int = 32
    start: str = "encoder"
    schedule: str = "adaptive"
    leapfrogs: int = 1
    resample: float | int = 0.0
    acceptance: float = 0.8

    def __post_init__(self) -> None:
        for option in ("chains", "leapfrogs"):
            value = getattr(self, option)
            if not (isinstance(value, (int, np.integer)) and value >= 1):
                raise OptionError(f"{option}={value!r}: must be a whole number of at least 1.")
        for option, legal in (("start", ("encoder", "prior")), ("schedule", SCHEDULES)):
            if getattr(self, option) not in legal:
                raise OptionError(
                    f"{option}={getattr(self, option)!r} is unknown: choose {' or '.join(legal)}."
                )
        if not 0 <= self.resample <= 1:
            raise OptionError(f"resample={self.resample!r}: must be a share from 0 to 1.")
        if not 0 < self.acceptance < 1:
            raise OptionError(f"acceptance={self.acceptance!r}: must lie between 0 and 1.")

    def program(self, model: Model) -> Program:
        """What of it is compiled, with the model."""
        return Program(model, jnp.int32(self.leapfrogs), self.start, float(self.resample))


# Chains from the encoder, along a schedule made for each row.
DEFAULT = Annealing()


def annealed(
    model: Model,
    X: Data,
    key: PRNGKey,
    temperatures: int = 100,
    *,
    how: Annealing = DEFAULT,
    work: Work = once,
) -> Annealed:
    """log p(x) of each row by annealed importance sampling (Neal 2001).

    Chains begin at draws of q₀, the encoder's q(z | x) or the prior, and are moved by
    Hamiltonian Monte Carlo through the densities f_β = q₀^(1−β) p(x, z)^β, β = 0 ... 1. With
    z_t the point from which β goes from β_t to β_{t+1},

        w = Π_t (p(x, z_t) / q₀(z_t))^(β_{t+1} − β_t),    E[w] = p(x),

    so that the log of their mean is a stochastic lower bound of log p(x), however badly the
    chains mix. Step sizes, scales and the schedule are chosen for each row by a pilot run,
    whose own weights are thrown away, and are frozen before these chains begin: adapted from
    their own past they would have another mean. With `how.resample` it is a sequential Monte
    Carlo sampler (Del Moral et al. 2006), whose estimate of p(x) is unbiased too.

    Args:
        model: a `Model`; z may be any pytree of arrays, and its densities must have gradients.
        X: rows, shape (rows, *event), or a `Datum` of such arrays.
        key: a typed JAX key.
        temperatures: T. Cost grows in proportion to T, chains, leapfrogs and rows; memory with
            chains only.
        how: see `Annealing`.
        work: keeps what is done, see `certify`.

    Returns:
        An `Annealed` in nats, `draws` being the chains.

    Raises:
        OptionError: an impossible option.

    Example:
        >>> import jax, numpy as np
        >>> from jensen import LinearGaussian
        >>> lg = LinearGaussian.random(jax.random.key(0), features=3, latent=1)
        >>> X = lg.sample(np.random.default_rng(0), 2)
        >>> found = annealed(lg.model(), X.astype("float32"), jax.random.key(1), 5)
        >>> bool(np.allclose(found.values, lg.log_evidence(X), atol=1e-3))
        True
    """
    temperatures = checked_draws(X, temperatures, "temperatures")
    for_pilot, for_chains = split(key)
    program = how.program(model)
    settings = pilot(program, X, for_pilot, how.chains, how.acceptance, work)
    schedule = settings.schedule(how.schedule, temperatures)
    ends = run(program, X, for_chains, settings, schedule, how.chains, work=work)
    return estimate_of(ends, "smc" if how.resample else "annealed", temperatures)


def estimate_of(ends: Ends, method: str, temperatures: int) -> Annealed:
    """What the weights at the chains' ends say of log p(x)."""
    chains = ends.log_weights.shape[1]
    values, errors, ess, log_totals = _means(ends)
    return Annealed(
        values=values,
        standard_errors=errors,
        kind="lower bound",
        method=method,
        draws=chains,
        ess=ess,
        khat=khat_of(log_totals),
        temperatures=temperatures,
        chains=chains,
        acceptance=ends.acceptance,
        log_weight_variance=_variance(ends),
    )


def _means(ends: Ends) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log of each row's mean weight, its standard error, ESS, and its founders' log weights.

    Chains of one founder are no independent draws. Lee & Whiteley (2018, section 4) estimate the
    relative variance by 1 − (n / (n − 1))^(r + 1) (1 − Σ_e W_e²) after r resamplings, W_e being
    the share of the weight that descends from founder e; without resampling it is the usual
    Σ (w / w̄ − 1)² / (n (n − 1)). It may come out below zero: what the stages have spent, taken
    alone, is the least that is reported.
    """
    number = ends.log_weights.shape[1]
    largest = ends.log_weights.max(axis=1)
    unit = np.where(np.isfinite(largest), largest, 0.0)
    relative = np.exp(ends.log_weights - unit[:, None])
    total = relative.sum(axis=1)
    with np.errstate(divide="ignore"):
        values = unit + np.log(total / number) + ends.log_evidence
    shares = relative / np.where(total > 0, total, 1.0)[:, None]
    of_founder = np.zeros_like(shares)
    rows = np.arange(len(shares))[:, None]
    np.add.at(of_founder, (rows, ends.founders.astype(int)), shares)
    concentration = np.sum(of_founder**2, axis=1)
    if number == 1:
        return values, np.full(len(values), np.nan), np.ones(len(values)), ends.log_weights
    inflation = (number / (number - 1)) ** (ends.resamplings + 1)
    own = (number * np.sum(shares**2, axis=1) - 1) / (number - 1)
    variance = np.maximum(1 - inflation * (1 - concentration), ends.spent + np.maximum(own, 0.0))
    with np.errstate(divide="ignore"):
        log_totals = np.log(of_founder)
    ess = 1 / np.where(total > 0, concentration, np.nan)
    return values, np.sqrt(variance), ess, log_totals


@quick_jit
def _khat_of_rows(log_weights: jax.Array) -> jax.Array:
    number = log_weights.shape[1]
    return jax.vmap(lambda each: Weights.none(number).add(each).khat(number))(log_weights)


def khat_of(log_weights: np.ndarray) -> np.ndarray:
    """Pareto k̂ of each row's weights, shape (rows, chains), given by their logarithms."""
    largest = np.max(log_weights, axis=1, keepdims=True)
    relative = log_weights - np.where(np.isfinite(largest), largest, 0.0)
    return np.asarray(_khat_of_rows(on_device(relative)), dtype=np.float64)


def _variance(ends: Ends) -> np.ndarray:
    """Of each row's log weights; not a number where some are none, or were reset."""
    if ends.log_weights.shape[1] < 2:
        return np.full(len(ends.log_weights), np.nan)
    with np.errstate(invalid="ignore"):
        found = ends.log_weights.var(axis=1, ddof=1)
    return np.where(ends.resamplings > 0, np.nan, found)
