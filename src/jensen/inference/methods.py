"""Draws of p(z | x) for one row, by each of the ways to come by them."""

from collections.abc import Sequence
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jensen._sampling import draw
from jensen._types import Data, PRNGKey, Scalar
from jensen.errors import OptionError
from jensen.inference.chains import CHAINS, LEAST_DRAWS, chain_draws
from jensen.inference.refined import refine
from jensen.inference.weighted import WeightedDraws, importance_draws
from jensen.linear_gaussian import LinearGaussian
from jensen.model import Model

__all__ = [
    "METHODS",
    "Method",
    "RowDraws",
    "checked_method",
    "row_draws",
    "with_exact_encoder",
]

Method = Literal["encoder", "resampled", "refined", "hmc", "exact"]
METHODS: tuple[Method, ...] = ("encoder", "resampled", "refined", "hmc", "exact")


class RowDraws(eqx.Module):
    """Draws for one row, weighted by "resampled" and "refined", and what they are worth.

    Attributes:
        draws: z and weights.
        ess: effective sample size as draws of p(z | x).
        khat: Pareto k̂ of the weights p(x, z) / q(z); NaN where there are none.
        rhat: R-hat of the chains; NaN where there are none.
        acceptance: mean acceptance probability of the chains; likewise.
    """

    draws: WeightedDraws
    ess: Scalar
    khat: Scalar
    rhat: Scalar
    acceptance: Scalar


def checked_method(
    method: Any, draws: Any, *, legal: Sequence[str] = METHODS, option: str = "draws"
) -> int:
    """`draws` as an int.

    Raises `OptionError` for an unknown method, or a number of draws that it cannot give.
    """
    if method not in legal:
        raise OptionError(f"method={method!r} is unknown: choose one of {', '.join(legal)}.")
    if not (isinstance(draws, (int, np.integer)) and draws >= 1):
        raise OptionError(f"{option}={draws!r}: must be a whole number of at least 1.")
    if method == "hmc" and (draws % CHAINS or draws < LEAST_DRAWS):
        raise OptionError(
            f"{option}={draws}: method='hmc' runs {CHAINS} chains of equal length; give a multiple"
            f" of {CHAINS}, at least {LEAST_DRAWS}."
        )
    return int(draws)


def with_exact_encoder(model: Model) -> Model:
    """The same model, its encoder replaced by the exact posterior.

    Raises `OptionError` unless it is linear-Gaussian.
    """
    encoder = LinearGaussian.from_model(model).encoder()
    return Model(model.prior, model.decoder, model.likelihood, encoder)


def row_draws(model: Model, x: Data, key: PRNGKey, method: str, draws: int) -> RowDraws:
    """`draws` draws of p(z | x) for one datum.

    - "encoder": of q(z | x), as they come. Their weights p(x, z) / q(z | x) say what they are
      worth as draws of p(z | x), and are not used.
    - "resampled": of q(z | x), weighted.
    - "refined": of the best normal for this datum (`refine`), weighted.
    - "hmc": of chains (`chain_draws`).
    - "exact": of q(z | x) as they come, where the encoder is `with_exact_encoder`'s.
    """
    unknown = jnp.float32(jnp.nan)
    even = jnp.full(draws, -jnp.log(jnp.float32(draws)))
    if method == "hmc":
        found = chain_draws(model, x, key, draws)
        plain = WeightedDraws(found.z, even)
        ess = jnp.minimum(found.ess, jnp.float32(draws))
        return RowDraws(plain, ess, unknown, found.rhat, found.acceptance)
    q: Any = model.posterior(x)
    if method == "refined":
        for_q, key = jax.random.split(key)
        q = refine(model, x, for_q)
    if method == "exact":
        plain = WeightedDraws(draw(q, key, draws), even)
        return RowDraws(plain, jnp.float32(draws), unknown, unknown, unknown)
    weighted = importance_draws(model, x, q, key, draws)
    kept = weighted.unweighted() if method == "encoder" else weighted
    return RowDraws(kept, weighted.ess, weighted.khat, unknown, unknown)
