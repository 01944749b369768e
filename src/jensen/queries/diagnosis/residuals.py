"""Does the likelihood spread as the data do? Residuals of rows beside those of simulated ones."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jensen._batching import map_rows
from jensen._sampling import draw, mean, row_keys, split, variance
from jensen._types import Data, PRNGKey, as_datum
from jensen.evidence.annealing.bidirectional import simulate
from jensen.model import Model
from jensen.queries.diagnosis.measured import Measured

__all__ = ["Residuals", "residuals"]

_ROWS = 500
_DRAWS = 10
# Rows in a compiled call.
_BATCH = 50
# Draws of an entry whose likelihood does not know its own mean or variance.
_UNKNOWN = 100
# The least variance that is believed, in units of the squared mean and of one.
_LEAST = 1e-7


@dataclass(frozen=True, repr=False)
class Residuals:
    """Squared residuals in units of what the likelihood allows, means over a row's entries.

    Attributes:
        real: of each row, shape (rows,); not finite where a variance is not.
        simulated: of as many rows of the model's own making, which say what is to be expected.
    """

    real: np.ndarray
    simulated: np.ndarray

    @property
    def difference(self) -> Measured:
        """The mean of the real rows less that of the simulated ones."""
        ours, theirs = Measured.over_rows(self.real), Measured.over_rows(self.simulated)
        return Measured(ours.value - theirs.value, float(np.hypot(ours.stderr, theirs.stderr)))

    @property
    def ratio(self) -> float:
        """The mean of the real rows over that of the simulated ones; 1 where all is well."""
        theirs = Measured.over_rows(self.simulated).value
        return Measured.over_rows(self.real).value / theirs if theirs else float("nan")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rows": int(np.isfinite(self.real).sum()),
            "real": Measured.over_rows(self.real).to_json(),
            "simulated": Measured.over_rows(self.simulated).to_json(),
        }


def _of_row(model: Model, x: Any, key: PRNGKey) -> Array:
    datum = as_datum(x)
    values, mask = datum.x, datum.mask

    def squared(z: Any, key: PRNGKey) -> Array:
        p = model.conditional(z, datum.condition)
        centre, spread = mean(p, key, _UNKNOWN), variance(p, key, _UNKNOWN)
        # A probability next to 0 or 1 is rounded to it: what is then left of the variance is what
        # single precision can tell. A variance that is not finite tells nothing.
        floor = _LEAST * (1.0 + centre**2)
        each = (values - centre) ** 2 / jnp.maximum(spread, floor)
        each = jnp.where(jnp.isfinite(spread), each, jnp.nan)
        if mask is None:
            return jnp.mean(each)
        # What is masked may hold anything, even what is no number.
        seen = jnp.sum(mask, dtype=jnp.float32)
        return jnp.sum(jnp.where(mask, each, 0.0)) / jnp.maximum(seen, 1.0)

    for_z, for_moments = jax.random.split(key)
    z = draw(model.posterior(x), for_z, _DRAWS)
    return jnp.mean(jax.vmap(squared)(z, jax.random.split(for_moments, _DRAWS)))


def residuals(model: Model, X: Data, key: PRNGKey) -> Residuals:
    """Squared Pearson residuals (x − E[x | z])² / Var[x | z] at z ~ q(z | x).

    In the mean they need not be 1, since q has seen x; but whatever q is, rows simulated from the
    model have residuals of the same law as real ones, if the model is right (as predictive
    checks have it: Gelman, Meng & Stern 1996). Far more spread is what the likelihood cannot
    follow; far less is what it makes up.

    Args:
        model: a `Model`.
        X: rows, shape (rows, *event), or a `Datum` of such.
        key: a typed JAX key.

    Raises:
        OptionError: no rows.
    """
    for_rows, for_real, for_simulated = split(key, 3)
    simulated = simulate(model, for_rows, _ROWS, X).X
    of = lambda rows, key: np.asarray(
        map_rows(_of_row, model, rows, row_keys(key, rows), batch=_BATCH), np.float64
    )
    return Residuals(of(X, for_real), of(simulated, for_simulated))
