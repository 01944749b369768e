"""What z knows about x, and how far all rows' posteriors together are from the prior."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import logsumexp

from jensen._batching import as_real, batches, map_rows
from jensen._sampling import draw, row_keys
from jensen._types import Data, PRNGKey, condition_of
from jensen.inference import ACTIVE, means_beyond_prior, prior_variance
from jensen.model import Model
from jensen.objectives.divergence import kl_by_dimension
from jensen.queries.diagnosis.measured import Measured

__all__ = ["Information", "information"]

# Of each row; the error over rows is larger than theirs.
_DRAWS = 10
# Posteriors, and rows of draws, in a compiled call.
_BLOCK = 256


@dataclass(frozen=True, repr=False)
class Information:
    """E KL(q(z | x) ‖ p(z)) in its two parts (Hoffman & Johnson 2016), and latent by latent.

    With q(z) = 1/N Σ_i q(z | x_i) over *these* N rows,

        E KL(q(z | x) ‖ p(z)) = I(x; z) + KL(q(z) ‖ p(z)),    I ≤ log N.

    Attributes:
        rows: N.
        mutual: I(x; z) and its standard error, in nats.
        aggregate_kl: KL(q(z) ‖ p(z)) and its standard error.
        kl: their sum and its standard error.
        kl_by_latent: each latent's mean KL, shape (latent,); `None` unless posterior and prior
            are independent normals.
        spread: variance over rows of each latent's posterior mean, in units of its variance
            under the prior, shape (latent,).
    """

    rows: int
    mutual: Measured
    aggregate_kl: Measured
    kl: Measured
    kl_by_latent: np.ndarray | None
    spread: np.ndarray

    @property
    def most(self) -> float:
        """log N, which the mutual information of N rows cannot exceed."""
        return float(np.log(self.rows))

    @property
    def collapsed(self) -> list[int]:
        """Latents, counted from 0, whose posterior means do not vary (Burda et al. 2016)."""
        return np.flatnonzero(~(self.spread > ACTIVE)).tolist()

    @property
    def active_units(self) -> int:
        """How many latents do vary."""
        return len(self.spread) - len(self.collapsed)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rows": self.rows,
            "mutual_information": self.mutual.to_json() | {"most": self.most},
            "aggregate_kl": self.aggregate_kl.to_json(),
            "kl": self.kl.to_json(),
            "kl_by_latent": None if self.kl_by_latent is None else self.kl_by_latent.tolist(),
            "spread_of_means": self.spread.tolist(),
            "active_units": self.active_units,
            "collapsed": self.collapsed,
        }


def _of_row(model: Model, x: Any, key: PRNGKey) -> Any:
    q, p = model.posterior(x), model.latent_prior(condition_of(x))
    z = draw(q, key, _DRAWS)
    return z, jax.vmap(q.log_prob)(z), jax.vmap(p.log_prob)(z), kl_by_dimension(q, p)


def _log_total(block: tuple[Model, Any, Array], z: Any) -> Array:
    """log Σ_j q(z | x_j) of one row's draws, over a block of rows, those that are real."""
    model, rows, real = block
    (rows,) = as_real((rows,))
    each = jax.vmap(lambda x: jax.vmap(model.posterior(x).log_prob)(z))(rows)
    return logsumexp(jnp.where(real[:, None], each, -jnp.inf), axis=0)


def information(model: Model, X: Data, key: PRNGKey) -> Information:
    """Split the rows' mean KL from the prior, and find the latents that carry nothing.

    Each part is a mean over rows of ten draws z ~ q(z | x_i): of log q(z | x_i) − log q(z), and
    of log q(z) − log p(z). To first order a part changes with the rows by just the row's own
    term: in the mutual information the change of q(z) cancels, ∫ q(z) δ log q(z) dz = 0. So
    the standard error of that mean over rows is that of the part.

    Args:
        model: a `Model`.
        X: rows, shape (rows, *event), or a `Datum` of such. Cost grows with their square.
        key: a typed JAX key.

    Raises:
        OptionError: no rows.
    """
    z, log_q, log_p, by_latent = map_rows(_of_row, model, X, row_keys(key, X), batch=_BLOCK)
    log_total = np.full(log_q.shape, -np.inf)
    for rows, count in batches(X, _BLOCK):
        block = model, rows, jnp.arange(_BLOCK) < count
        here = map_rows(_log_total, block, z, batch=_BLOCK)
        log_total = np.logaddexp(log_total, here.astype(np.float64))
    log_aggregate = log_total - np.log(len(log_q))
    mean = lambda each: Measured.over_rows(each.mean(axis=1))
    codes = means_beyond_prior(model, X)
    flat = lambda tree: np.concatenate(
        [np.asarray(leaf, np.float64).reshape(len(log_q), -1) for leaf in jax.tree.leaves(tree)],
        axis=1,
    )
    variance = np.concatenate([
        np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(prior_variance(model, X))
    ])  # fmt: skip
    return Information(
        rows=len(log_q),
        mutual=mean(log_q - log_aggregate),
        aggregate_kl=mean(log_aggregate - log_p),
        kl=mean(log_q.astype(np.float64) - log_p),
        kl_by_latent=None if by_latent is None else flat(by_latent).mean(axis=0),
        spread=flat(codes).var(axis=0) / variance,
    )
