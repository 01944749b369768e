"""Denoising: the posterior of x given a noisy row, its mean and its standard deviation."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jensen._batching import map_rows
from jensen._sampling import row_keys
from jensen._types import Data, Datum, PRNGKey, as_datum, condition_of
from jensen.errors import OptionError
from jensen.inference import METHODS, caution, checked_method, row_draws, rows_of
from jensen.linear_gaussian import LinearGaussian
from jensen.model import Model
from jensen.queries._far_out import refuse_far_out
from jensen.queries.denoising.noise import Clean, GaussianNoise, Noise

__all__ = ["Denoised", "NoisyLikelihood", "denoise"]

_DRAWS = 200
# The encoder's draws are far from the posterior of a noisy row, so that many are weighed.
_CANDIDATES = 2000
# Rows in one compiled call; where many numbers are added up for each entry, a row is work enough,
# but of one alone XLA makes a program that is four times as slow on a CPU.
_ROWS, _ROWS_OF_MANY = 32, 2
# Entries of draws that are weighed side by side: of each, sums over many numbers are held.
_ENTRIES = 2**18


class _Noisy(eqx.Module):
    """p(x̃ | z): p(x | z) with the noise folded in."""

    p: Any
    noise: Noise
    likelihood: Any
    rough: bool = eqx.field(static=True)

    def log_prob(self, noisy: Array) -> Array:
        find = self.noise.rough_log_prob if self.rough else self.noise.log_prob
        return find(self.p, noisy, self.likelihood)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        from_p, from_noise = jax.random.split(key)
        return self.noise.add(self.p.sample(from_p, sample_shape), from_noise)

    def clean(self, noisy: Array) -> Clean:
        return self.noise.clean(self.p, noisy, self.likelihood)


class NoisyLikelihood(eqx.Module):
    """h -> p(x̃ | z), so that a model of rows becomes a model of noisy rows.

    A `rough` one takes less work, and is near it.
    """

    likelihood: Any
    noise: Noise
    rough: bool = eqx.field(static=True, default=False)

    def __call__(self, h: Array) -> _Noisy:
        """The distribution of noisy rows that `h` stands for."""
        return _Noisy(self.likelihood(h), self.noise, self.likelihood, self.rough)


@dataclass(frozen=True)
class Denoised:
    """What rows were before the noise.

    Attributes:
        mean: E[x | x̃], rows by event shape, in the form of the data.
        std: the standard deviation of x given x̃, likewise.
        ess: effective sample size of each row's draws of z; NaN where nothing was drawn.
        method: how z was drawn.
        draws: of z for each row: 200, of "resampled" 2,000, of "exact" none.
        khat: Pareto k̂ of each row's weights, or `None`.
        rhat: R-hat of each row's chains, or `None`.
    """

    mean: Any
    std: Any
    ess: np.ndarray
    method: str = "refined"
    draws: int = _DRAWS
    khat: np.ndarray | None = None
    rhat: np.ndarray | None = None

    def warning(self) -> str | None:
        """What is wrong with the draws of z, in words and with a remedy; `None` if nothing."""
        if not self.draws:
            return None
        # What counts is how many are effective, not how many it took.
        return caution(self.method, min(self.draws, _DRAWS), self.ess, self.khat, self.rhat)


class _Context(eqx.Module):
    """What all rows share; `method` and `draws` are part of the compiled program."""

    model: Model
    noise: Noise
    method: str = eqx.field(static=True)
    draws: int = eqx.field(static=True)

    @property
    def rough(self) -> bool:
        """Whether z is searched for by another density than it is weighed by."""
        return self.noise.is_rough(self.model.likelihood)

    @property
    def searched(self) -> Model:
        """The model of noisy rows that z is searched for by, all of which is observed."""
        return Model(
            prior=self.model.prior,
            decoder=self.model.decoder,
            likelihood=NoisyLikelihood(self.model.likelihood, self.noise, self.rough),
            encoder=self.model.encoder,
        )


def _one_row(context: _Context, noisy: Data, key: PRNGKey) -> tuple[Array, ...]:
    # Draws are searched for by the rough density, and then weighed by the density itself, of which
    # the moments of x come with it.
    by_encoder = context.method == "encoder"
    method = "resampled" if by_encoder else context.method
    found = row_draws(context.searched, noisy, key, method, context.draws)
    seen: Any = as_datum(noisy)

    def weighed(z: Any) -> tuple[Array, Clean]:
        p = context.model.conditional(z, seen.condition)
        clean = context.noise.clean(p, seen.x, context.model.likelihood)
        if not context.rough:
            return jnp.zeros(()), clean
        near = context.noise.rough_log_prob(p, seen.x, context.model.likelihood)
        return jnp.sum(clean.log_prob - near), clean

    side_by_side = min(context.draws, max(1, _ENTRIES // seen.x.size))
    ratio, clean = jax.lax.map(weighed, found.draws.z, batch_size=side_by_side)
    draws = found.draws.reweighted(ratio) if context.rough else found.draws
    # Draws of chains are worth less than as many that do not depend on each other.
    share = found.ess / context.draws if context.method == "hmc" else 1.0
    ess, khat = share * draws.ess, draws.khat
    kept = draws.unweighted() if by_encoder else draws
    mean = kept.expectation(clean.mean)
    # The law of total variance, over z.
    variance = kept.expectation(clean.variance + (clean.mean - mean[None]) ** 2)
    return mean, jnp.sqrt(variance), ess, khat, found.rhat


def _rows_at_once(method: str, rows: int, many: bool) -> int:
    if many:
        return _ROWS_OF_MANY
    # Every draw is decoded and kept until its row is done.
    return _ROWS if method in ("encoder", "refined") else rows_of(method, rows)


def denoise(
    model: Model,
    noisy: Data,
    noise: Noise,
    key: PRNGKey,
    method: str = "refined",
) -> Denoised:
    """E[x | x̃] and sd[x | x̃] of each noisy row, under the model and a known noise.

    The noise is folded into the likelihood, which makes a model of noisy rows. Of its
    posterior the encoder, which has seen clean rows only, gives no more than a start.

    Args:
        model: a model of clean rows.
        noisy: rows, shape (rows, *event), or a `Datum` of such with their conditions.
        noise: what was done to them.
        key: a typed JAX key.
        method: where draws of z come from:

            - "refined": draws from the encoder are reweighted to the posterior of z given x̃,
              whose normal approximation is then refined by raising its ELBO, and 200 draws from
              that are reweighted in turn.
            - "encoder": 200 draws of q(z | x̃) as they come, as if x̃ had no noise.
            - "resampled": 2,000 draws of q(z | x̃), weighted.
            - "hmc": 200 draws of four chains.
            - "exact": no draws; the closed form of linear-Gaussian models under Gaussian noise.

    Raises:
        OptionError: an unknown method, "exact" where there is no closed form, or a likelihood
            whose entries depend on each other given z.
        DataError: a row so far out that the model has no density for it.
    """
    checked_method(method, _DRAWS, legal=METHODS)
    # Noise is taken off entry by entry.
    if getattr(model.likelihood, "couples_entries", False):
        raise OptionError(
            f"denoise: under likelihood={model.likelihood.name!r} the channels of a colour depend"
            " on each other, and noise is only taken off entries that do not; fit the clean rows"
            " with likelihood='discretised-logistic' or 'beta-binomial', say."
        )
    given = condition_of(noisy)
    noisy = np.asarray(as_datum(noisy).x, dtype=np.float32)
    if method == "exact":
        return _exactly(model, noisy, noise)
    rows: Data = noisy if given is None else Datum(noisy, None, given)
    draws = _CANDIDATES if method == "resampled" else _DRAWS
    context = _Context(model, noise, method, draws)
    many = noise.adds_up_many(model.likelihood)
    found = map_rows(
        _one_row,
        context,
        rows,
        row_keys(key, rows),
        batch=_rows_at_once(method, len(noisy), many),
        optimised=many,
    )
    mean, std, ess, khat, rhat = found
    refuse_far_out(mean)
    refuse_far_out(std)
    chains = method == "hmc"
    return Denoised(
        mean, std, ess, method, draws, None if chains else khat, rhat if chains else None
    )


def _exactly(model: Model, noisy: np.ndarray, noise: Noise) -> Denoised:
    """Conditioning of a normal: x̃ has the model's W and m, and σ² more noise."""
    if not isinstance(noise, GaussianNoise):
        raise OptionError("method='exact' needs Gaussian noise: give noise='gaussian:SIGMA'.")
    lg = LinearGaussian.from_model(model)
    flat = noisy.reshape(len(noisy), -1).astype(np.float64)
    total = lg.noise_variance + noise.sigma**2
    z, covariance = LinearGaussian(lg.weights, lg.mean, total).posterior(flat)
    # Given z an entry is drawn from its own mean towards x̃ by the share that noise has not.
    kept = lg.noise_variance / total
    mean = (1 - kept) * (z @ lg.weights.T + lg.mean) + kept * flat
    spread = np.einsum("fi,ij,fj->f", lg.weights, covariance, lg.weights)
    std = np.sqrt(kept * noise.sigma**2 + (1 - kept) ** 2 * spread)
    std = np.broadcast_to(std, flat.shape).reshape(noisy.shape)
    unknown = np.full(len(noisy), np.nan)
    return Denoised(mean.reshape(noisy.shape), std, unknown, "exact", 0)
