"""The ladder: estimates of the same evidence side by side, from the worst bound to the best."""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.special import logsumexp

from jensen._batching import count, map_rows, taken
from jensen._sampling import draw, row_keys, split
from jensen._types import Data, PRNGKey, condition_of
from jensen.evidence.annealing import Annealing, Bracket, annealed, bidirectional
from jensen.evidence.bound import Bound
from jensen.evidence.estimate import Estimate
from jensen.model import Model

__all__ = ["Ladder", "Rung", "ladder"]

# One batch of the annealing's compiled program, so that a report is not long in the making.
_ROWS = 20
_CHAINS = 16
_TEMPERATURES = 64
_FEW = (10, 100)
_FROM_PRIOR = 1000
# Decodings of so many rows in one compiled call.
_BATCH = 4


@dataclass(frozen=True)
class Rung:
    """One estimate of the mean log p(x) of the ladder's rows.

    Attributes:
        name: of the estimator, with its draws.
        value: in nats per row.
        stderr: its Monte Carlo standard error.
        kind: as of an `Estimate`; "upper side" of the last, which is the annealed rung and the
            gap of simulated rows, and a bound as far as the rows behave like those.
        effective: median effective sample size of a row's weights; `None` where it has none.
    """

    name: str
    value: float
    stderr: float
    kind: str
    effective: float | None


@dataclass(frozen=True)
class Ladder:
    """Rungs from the worst bound to the best, the upper side last.

    Attributes:
        rungs: of the same rows.
        rows: which of the rows given, shape (rows,).
        bracket: of simulated rows, whose gap lies between the last two rungs.
    """

    rungs: list[Rung]
    rows: np.ndarray
    bracket: Bracket = field(repr=False)

    def words(self) -> str:
        """What it rests on, in a sentence or two."""
        found = self.bracket
        return (
            f"This is of {len(self.rows)} of the held-out rows, with {found.lower.chains} chains"
            f" of {found.lower.temperatures} temperatures for the annealed rung; the upper side is"
            f" that rung plus {found.gap:.2f} ± {found.gap_stderr:.2f} nats, by which both sides"
            f" differ on {len(found.gaps)} rows simulated from the model, and it holds for the"
            " held-out rows as far as they behave like simulated ones."
        )


def ladder(model: Model, X: Data, key: PRNGKey, bound: Bound, importance: Estimate) -> Ladder:
    """Prior mixture, ELBO, importance with few and with many draws, annealed, upper side.

    Args:
        model: a `Model`.
        X: rows, shape (rows, *event), or a `Datum` of such, of which up to twenty are taken,
            evenly spread.
        key: a typed JAX key.
        bound: the ELBO of all rows, which need not be computed again.
        importance: their importance estimate, of many draws.
    """
    total = count(X)
    chosen = np.unique(np.linspace(0, total - 1, min(_ROWS, total)).round().astype(int))
    rows = taken(X, chosen)
    for_chains, for_bracket, for_weights = split(key, 3)
    how = Annealing(chains=_CHAINS)
    best = annealed(model, rows, for_chains, _TEMPERATURES, how=how)
    bracket = bidirectional(model, for_bracket, _ROWS, _TEMPERATURES, how=how, like=rows)
    keys = row_keys(for_weights, rows)
    from_encoder, from_prior = map_rows(_log_weights, model, rows, keys, batch=_BATCH)
    upper = Rung(
        "upper side",
        best.value + bracket.gap,
        float(np.hypot(best.stderr, bracket.gap_stderr)),
        "upper side",
        None,
    )
    rungs = [
        _of_weights("prior mixture", from_prior),
        _of_rows("ELBO", bound, chosen),
        *(_of_weights("importance", from_encoder[:, :draws]) for draws in _FEW),
        _of_rows(f"importance, {importance.draws:,} draws", importance, chosen),
        _of_rows("annealed", best, np.arange(len(best))),
        upper,
    ]
    return Ladder(rungs, chosen, bracket)


def _log_weights(model: Model, x: Any, key: PRNGKey) -> tuple[Array, Array]:
    """Log weights of draws from the encoder and from the prior, in one program that decodes
    once: to compile one for each rung would take longer than all the rest."""
    q, p = model.posterior(x), model.latent_prior(condition_of(x))
    for_q, for_p = jax.random.split(key)
    few, many = draw(q, for_q, max(_FEW)), draw(p, for_p, _FROM_PRIOR)
    z = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), few, many)
    log_likelihood = jax.vmap(lambda z: model.log_likelihood(x, z))(z)
    ratio = jax.vmap(lambda z: p.log_prob(z) - q.log_prob(z))(few)
    return log_likelihood[: max(_FEW)] + ratio, log_likelihood[max(_FEW) :]


def _of_weights(name: str, log_weights: np.ndarray) -> Rung:
    each = np.asarray(log_weights, np.float64)
    draws = each.shape[1]
    log_total = logsumexp(each, axis=1)
    # Where no draw has any weight there is nothing to count.
    with np.errstate(invalid="ignore"):
        effective = np.exp(2 * log_total - logsumexp(2 * each, axis=1))
    variances = np.maximum(draws / effective - 1, 0) / (draws - 1)
    return Rung(
        f"{name}, {draws:,} draws",
        float(np.mean(log_total - np.log(draws))),
        float(np.sqrt(variances.sum()) / len(each)),
        "lower bound",
        float(np.median(effective)),
    )


def _of_rows(name: str, found: Estimate, rows: np.ndarray) -> Rung:
    errors = found.standard_errors[rows]
    return Rung(
        name,
        float(found.values[rows].mean()),
        float(np.sqrt(np.sum(errors**2)) / len(rows)),
        found.kind,
        None if found.ess is None else float(np.median(found.ess[rows])),
    )
