"""Draws of p(z | x) for rows, how far each row's can be relied on, and as an ArviZ object."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import Array

from jensen._batching import count, map_rows
from jensen._files import tree_arrays
from jensen._sampling import row_keys
from jensen._types import Data, PRNGKey
from jensen._words import counted
from jensen.errors import OptionError
from jensen.inference.chains import CHAINS
from jensen.inference.methods import (
    RowDraws,
    checked_method,
    row_draws,
    with_exact_encoder,
)
from jensen.inference.tails import RELIABLE_KHAT
from jensen.model import Model

__all__ = ["PosteriorDraws", "caution", "posterior", "rows_of"]

# Chains that agree better than this are taken to have met (Vehtari et al. 2021, section 4).
_RELIABLE_RHAT = 1.01
# Fewer effective draws than this share of them say little that a handful would not.
_FEW = 0.1
# Weighted draws for each that is wanted, so that few of these are the same.
_CANDIDATES = {"resampled": 10, "refined": 4}
_ROWS = 8
# Chains take one gradient a chain and row at a time: more rows, for its matrix products. They also
# take long, so that few rows are not filled up to many: one costs a twentieth of 32.
_ROWS_OF_CHAINS = (1, 8, 32)

_REMEDIES = {
    "encoder": "They are draws of q(z | x), not of p(z | x): use method='resampled', or 'refined'.",
    "resampled": "Use method='refined' or 'hmc', or more draws.",
    "refined": "No normal fits their posterior: use method='hmc'.",
    "hmc": "Take more draws; chains that stay apart are in different modes, of which"
    " method='resampled' with more draws weighs each.",
}


@dataclass(frozen=True, repr=False)
class PosteriorDraws:
    """Draws of p(z | x), or of what a method takes for it, all of the same weight.

    Attributes:
        z: shape (rows, draws, *latent), or a pytree of such arrays. Those of "hmc" are one chain
            after another.
        method: how they were come by.
        ess: of each row, the effective sample size as draws of p(z | x), at most `draws`: of
            the importance weights (Kong 1992), or in bulk of the worst latent of the chains.
        khat: Pareto k̂ of each row's weights p(x, z) / q(z), or `None`. NaN below 25 draws.
        rhat: rank-normalised split R-hat of each row's worst latent (Vehtari et al. 2021), or
            `None`.
        acceptance: mean acceptance probability of each row's chains, or `None`.
        chains: of each row; 1 where draws are independent.
    """

    z: Any
    method: str
    ess: np.ndarray
    khat: np.ndarray | None = None
    rhat: np.ndarray | None = None
    acceptance: np.ndarray | None = None
    chains: int = 1

    @property
    def draws(self) -> int:
        """How many each row has."""
        return int(jax.tree.leaves(self.z)[0].shape[1])

    @property
    def mean(self) -> Any:
        """The mean of each row's draws, shape (rows, *latent), or a pytree of such."""
        return jax.tree.map(lambda leaf: leaf.mean(axis=1), self.z)

    def warning(self) -> str | None:
        """What is wrong with the draws, in words and with a remedy; `None` if nothing."""
        return caution(self.method, self.draws, self.ess, self.khat, self.rhat)

    def unreliable(self) -> np.ndarray:
        """Which rows the warning is about, shape (rows,)."""
        bad = [each for each, _ in _complaints(self.draws, self.ess, self.khat, self.rhat)]
        return np.any(bad, axis=0)

    def to_arviz(self) -> Any:
        """An ArviZ `DataTree`: group `posterior` and, by row, group `diagnostics`.

        Variables have dimensions (chain, draw, row, *latent) and are called z, or by their
        place in the pytree. Raises `OptionError` where ArviZ is not installed.
        """
        try:
            import arviz_base
            import xarray
        except ImportError:
            raise OptionError(
                "to_arviz() needs ArviZ, which is not installed: pip install 'jensen[arviz]'."
            ) from None
        named = tree_arrays(self.z) if not hasattr(self.z, "shape") else {"z": self.z}
        chained = {name: self._by_chain(np.asarray(leaf)) for name, leaf in named.items()}
        dims = {
            name: ["row", *(f"{name}_dim_{axis}" for axis in range(leaf.ndim - 3))]
            for name, leaf in chained.items()
        }
        tree = arviz_base.from_dict(
            {"posterior": chained}, dims=dims, attrs={"posterior": {"method": self.method}}
        )
        told = {
            "ess": self.ess,
            "khat": self.khat,
            "rhat": self.rhat,
            "acceptance": self.acceptance,
        }
        known = {name: ("row", each) for name, each in told.items() if each is not None}
        tree["diagnostics"] = xarray.DataTree(xarray.Dataset(known))
        return tree

    def _by_chain(self, leaf: np.ndarray) -> np.ndarray:
        rows, draws, *latent = leaf.shape
        split = leaf.reshape(rows, self.chains, draws // self.chains, *latent)
        return np.moveaxis(split, 0, 2)

    def __len__(self) -> int:
        return len(self.ess)

    def __repr__(self) -> str:
        shapes = ", ".join(str(leaf.shape) for leaf in jax.tree.leaves(self.z))
        lines = [f"posterior by {self.method}: z of shape {shapes}"]
        named = {"effective draws": self.ess, "Pareto k̂": self.khat, "R-hat": self.rhat}
        lines += [
            f"{name}: median {np.median(each):.3g}, from {each.min():.3g} to {each.max():.3g}"
            for name, each in named.items()
            if each is not None
        ]
        warning = self.warning()
        return "\n".join([*lines, *([f"Warning: {warning}"] if warning else [])])


def _complaints(
    draws: int, ess: np.ndarray, khat: np.ndarray | None, rhat: np.ndarray | None
) -> list[tuple[np.ndarray, str]]:
    """Which rows fall short of what is asked of draws, and the words for it."""
    # Written so that what is not a number counts as bad, but for k̂ of too few draws.
    complaints = [(~(ess >= _FEW * draws), f"fewer than {_FEW:.0%} of the draws effective")]
    if khat is not None:
        complaints.append((khat > RELIABLE_KHAT, f"Pareto k̂ above {RELIABLE_KHAT}"))
    if rhat is not None:
        complaints.append((~(rhat <= _RELIABLE_RHAT), f"R-hat above {_RELIABLE_RHAT}"))
    return complaints


def caution(
    method: str,
    draws: int,
    ess: np.ndarray,
    khat: np.ndarray | None = None,
    rhat: np.ndarray | None = None,
) -> str | None:
    """What is wrong with each row's draws by a method, in words and with a remedy.

    `None` where nothing is; diagnostics as in `PosteriorDraws`.
    """
    complaints = _complaints(draws, ess, khat, rhat)
    found = [f"{text} for {int(bad.sum())}" for bad, text in complaints if bad.any()]
    if not found:
        return None
    rows = counted(len(ess), "row")
    return f"Unreliable draws, of {rows}: {'; '.join(found)}. {_REMEDIES[method]}"


class _Context(eqx.Module):
    """What all rows share; `method` and `draws` are part of the compiled program."""

    model: Model
    method: str = eqx.field(static=True)
    draws: int = eqx.field(static=True)


def rows_of(method: str, rows: int) -> int:
    """How many of so many rows are best drawn for in one compiled call."""
    if method != "hmc":
        return _ROWS
    return next((size for size in _ROWS_OF_CHAINS if size >= rows), _ROWS_OF_CHAINS[-1])


def _one_row(context: _Context, x: Any, key: PRNGKey) -> tuple[Any, tuple[Array, ...]]:
    for_draws, for_choice = jax.random.split(key)
    method, draws = context.method, context.draws
    many = draws * _CANDIDATES.get(method, 1)
    found: RowDraws = row_draws(context.model, x, for_draws, method, many)
    z = found.draws.z
    if method in _CANDIDATES:
        z = found.draws.resample(for_choice, draws)
    ess = jax.numpy.minimum(found.ess, jax.numpy.float32(draws))
    return z, (ess, found.khat, found.rhat, found.acceptance)


def posterior(
    model: Model, X: Data, key: PRNGKey, method: str = "encoder", draws: int = 1000
) -> PosteriorDraws:
    """Draws of p(z | x) for each row of X, and how far they can be relied on.

    Args:
        model: a `Model`; z may be any pytree of arrays.
        X: rows, shape (rows, *event), or a `Datum` of such arrays.
        key: a typed JAX key.
        method: where the draws come from:

            - "encoder": q(z | x). What they are worth as draws of p(z | x) is told by their
              importance weights, which are not used.
            - "resampled": ten times as many draws of q(z | x), resampled by their weights.
            - "refined": the normal of highest ELBO for the row (`refine`), four times as many
              draws of it, resampled by their weights.
            - "hmc": four chains of Hamiltonian Monte Carlo (`chain_draws`), from resampled
              draws of q(z | x). The model must have gradients.
            - "exact": the closed form of linear-Gaussian models.
        draws: for each row; a multiple of 4 and at least 16 for "hmc".

    Raises:
        OptionError: an impossible option, or "exact" where there is no closed form.

    Example:
        >>> import jax, jensen, numpy as np
        >>> lg = jensen.LinearGaussian.random(jax.random.key(0), features=3, latent=1)
        >>> X = lg.sample(np.random.default_rng(0), 5).astype("float32")
        >>> found = posterior(lg.model(), X, jax.random.key(1), "resampled", draws=100)
        >>> found.z.shape, found.warning()
        ((5, 100, 1), None)
    """
    draws = checked_method(method, draws)
    if method == "exact":
        model = with_exact_encoder(model)
    context = _Context(model, method, draws)
    z, told = map_rows(_one_row, context, X, row_keys(key, X), batch=rows_of(method, count(X)))
    ess, khat, rhat, acceptance = (np.asarray(each, np.float64) for each in told)
    chains = method == "hmc"
    weighted = method not in ("hmc", "exact")
    return PosteriorDraws(
        z=z,
        method=method,
        ess=ess,
        khat=khat if weighted else None,
        rhat=rhat if chains else None,
        acceptance=acceptance if chains else None,
        chains=CHAINS if chains else 1,
    )
