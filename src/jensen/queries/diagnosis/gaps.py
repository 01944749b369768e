"""Where log p(x) − ELBO is lost: to the posterior family, or to the encoder."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import Array

from jensen import evidence
from jensen._batching import map_rows
from jensen._sampling import draw, row_keys, split
from jensen._types import Data, PRNGKey
from jensen._words import counted
from jensen.evidence import Annealed, Annealing, Estimate
from jensen.inference import best_in_family
from jensen.model import Model
from jensen.parts.encoders import Encoder
from jensen.queries.diagnosis.measured import Measured

__all__ = ["Gap", "Gaps", "annealed_evidence", "gaps"]

# Of both ELBOs, over the same noise, so that their difference has little of it.
_DRAWS = 256
# Rows in a compiled call: few enough for a handful of rows not to wait for many empty ones.
_ROWS = 25
# Standard errors by which a search must end below where it began to be given up.
_CLEAR = 3.0
# A short schedule: on digits it leaves less than a tenth of a nat, and gaps are tenths and more.
_HOW = Annealing(chains=32)
_TEMPERATURES = 50


@dataclass(frozen=True, repr=False)
class Gap:
    """A difference in nats of each row.

    Attributes:
        values: shape (rows,).
        errors: their Monte Carlo standard errors, shape (rows,).
    """

    values: np.ndarray
    errors: np.ndarray

    @property
    def mean(self) -> Measured:
        """Their mean over rows; its error holds the Monte Carlo errors, which spread the values."""
        return Measured.over_rows(self.values)

    def to_json(self) -> list[float | None]:
        """Its values; `None` for each that is not known."""
        return [value if np.isfinite(value) else None for value in self.values.tolist()]

    def __repr__(self) -> str:
        return f"{self.mean} nats, {counted(len(self.values), 'row')}"


@dataclass(frozen=True, repr=False)
class Gaps:
    """log p(x) of rows, and what the encoder's bound loses of it (Cremer, Li & Duvenaud 2018).

    Attributes:
        evidence: log p(x), annealed; a lower bound in the mean, and so are the gaps to it.
        elbo: of the encoder's q.
        best: the ELBO of the best q of the encoder's family, found row by row; `None` for an
            encoder that is no `Encoder` and has no family to search.
        amortisation: the best ELBO − the encoder's, what the encoder misses of its family; `None`
            where `best` is.
    """

    evidence: Estimate
    elbo: Estimate
    best: Estimate | None
    amortisation: Gap | None

    @property
    def known(self) -> np.ndarray:
        """True for each row all of whose estimates are finite; means are over these rows."""
        estimates = [self.evidence, self.elbo, *([] if self.best is None else [self.best])]
        return np.all([np.isfinite(each.values) for each in estimates], axis=0)

    def mean(self, of: Estimate) -> Measured:
        """The mean of one of the estimates over the rows that are `known`."""
        return Measured.over_rows(of.values[self.known])

    def _less(self, above: Estimate, below: Estimate) -> Gap:
        # Parts add up only if all are of the same rows.
        with np.errstate(invalid="ignore"):
            values = np.where(self.known, above.values - below.values, np.nan)
        return Gap(values, np.hypot(above.standard_errors, below.standard_errors))

    @property
    def total(self) -> Gap:
        """log p(x) − ELBO = KL(q(z | x) ‖ p(z | x)): approximation and amortisation, added up."""
        return self._less(self.evidence, self.elbo)

    @property
    def approximation(self) -> Gap | None:
        """log p(x) − the best ELBO: what no q of the family can reach."""
        return None if self.best is None else self._less(self.evidence, self.best)

    def to_json(self, per_row: bool = False) -> dict[str, Any]:
        """Plain values; with `per_row` also each row's gaps, `None` where they are not known."""
        parts = {
            "total": self.total,
            "approximation": self.approximation,
            "amortisation": self.amortisation,
        }
        told = {
            "rows": len(self.evidence),
            "known": int(self.known.sum()),
            "log_evidence": self.evidence.to_json(),
            "elbo": self.elbo.to_json(),
            "best_elbo": None if self.best is None else self.best.to_json(),
            **{name: None if gap is None else gap.mean.to_json() for name, gap in parts.items()},
        }
        if per_row:
            told["per_row"] = {
                name: None if gap is None else gap.to_json() for name, gap in parts.items()
            }
        return told


class _Context(eqx.Module):
    """What all rows share; `searches` is part of the compiled program."""

    model: Model
    searches: bool = eqx.field(static=True)


def _log_weights_of_row(context: _Context, x: Any, key: PRNGKey) -> tuple[Array, Array | None]:
    """log p(x, z) − log q(z) at draws of the encoder's q, and of the family's best."""
    model = context.model
    for_search, for_draws = jax.random.split(key)

    def of(q: Any) -> Array:
        z = draw(q, for_draws, _DRAWS)
        return jax.vmap(lambda z: model.log_joint(x, z) - q.log_prob(z))(z)

    encoder = of(model.posterior(x))
    if not context.searches:
        return encoder, None
    return encoder, of(model.encoder.family(best_in_family(model, x, for_search)))


def _bound(log_weights: np.ndarray) -> Estimate:
    return Estimate(log_weights.mean(axis=1), _error(log_weights), "lower bound", "elbo", _DRAWS)


def _error(each: np.ndarray) -> np.ndarray:
    # Of draws without a density no error is known, which `Gaps.known` tells.
    with np.errstate(invalid="ignore"):
        return each.std(axis=1, ddof=1) / np.sqrt(each.shape[1])


def annealed_evidence(model: Model, X: Data, key: PRNGKey) -> Annealed:
    """log p(x) of each row as `gaps` anneals it, with few chains and temperatures."""
    return evidence.annealed(model, X, key, _TEMPERATURES, how=_HOW)


def gaps(model: Model, X: Data, key: PRNGKey) -> Gaps:
    """Split log p(x) − ELBO of each row into what the family and what the encoder loses.

        log p(x) − ELBO(q) = [log p(x) − ELBO(q*)] + [ELBO(q*) − ELBO(q)]

    with q* the q of the encoder's family that is best for this row, found by searching from the
    encoder's (see `inference.best_in_family`). What the search misses is counted as the family's.
    A flow's couplings, which all rows share, are held: its family is what the encoder's numbers
    make of these couplings, and what others might follow is counted as the family's too.

    Args:
        model: a `Model`.
        X: rows, shape (rows, *event), or a `Datum` of such.
        key: a typed JAX key.

    Raises:
        OptionError: no rows.
    """
    for_evidence, for_bounds = split(key)
    found = annealed_evidence(model, X, for_evidence)
    context = _Context(model, isinstance(model.encoder, Encoder))
    encoder, best = map_rows(_log_weights_of_row, context, X, row_keys(for_bounds, X), batch=_ROWS)
    encoder = encoder.astype(np.float64)
    if best is None:
        return Gaps(found, _bound(encoder), None, None)
    best = best.astype(np.float64)
    # Both were drawn with the same noise, of which their difference has less.
    with np.errstate(invalid="ignore"):
        difference = best - encoder
    gained = Gap(difference.mean(axis=1), _error(difference))
    # The encoder's q is of the family too: where the search ended clearly below it, or nowhere,
    # the best that is known is the encoder's.
    lost = ~(gained.values >= -_CLEAR * gained.errors)
    best[lost] = encoder[lost]
    amortisation = Gap(np.where(lost, 0.0, gained.values), np.where(lost, 0.0, gained.errors))
    result = Gaps(found, _bound(encoder), _bound(best), amortisation)
    amortisation.values[~result.known] = np.nan
    return result
