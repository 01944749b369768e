"""Mixtures of discretised logistics: of grey values one an entry, of colours one a pixel."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import logsumexp
from jaxtyping import Float

from jensen._runtime import on_device
from jensen._types import PRNGKey
from jensen.errors import OptionError
from jensen.parts._rounded import rounded, rounded_terms
from jensen.parts.likelihoods._base import Likelihood
from jensen.parts.likelihoods._mixing import by_uniforms, chosen_by, log_sum, logit, overall
from jensen.parts.likelihoods.bounded import bound_of
from jensen.parts.likelihoods.colour_mixture import ColourMixtureDistribution
from jensen.parts.likelihoods.pixels import (
    in_levels,
    level_moments,
    log_probs_of_levels,
    require_few_levels,
    start,
)

__all__ = ["LogisticMixture", "LogisticMixtureDistribution", "require_whole_pixels"]

_COMPONENTS = 10
_MOST_COMPONENTS = 100


class LogisticMixtureDistribution(eqx.Module):
    """Σ_j w_j P_j(x) of discretised logistics on 0..n, each entry with its own.

    `loc` and `scale` are in levels; w = softmax(logits) along the first axis.
    """

    logits: Float[Array, "components *event"]
    loc: Float[Array, "components *event"]
    scale: Float[Array, "components *event"]
    n: int = eqx.field(static=True)

    def _moments(self) -> tuple[Array, Array]:
        return overall(self.logits, *level_moments(self.loc, self.scale, self.n))

    @property
    def mean(self) -> Float[Array, "*event"]:
        """Σ_k k P(k)."""
        return self._moments()[0]

    @property
    def variance(self) -> Float[Array, "*event"]:
        """Σ_k (k − mean)² P(k)."""
        return self._moments()[1]

    def log_prob(self, x: Float[Array, "*event"]) -> Float[Array, "*event"]:
        """log P(x) of whole numbers x in 0..n, in nats."""
        exponent, factor = rounded_terms(x[None], self.loc, self.scale, 0.0, float(self.n))
        return log_sum(self.logits + exponent, factor) - logsumexp(self.logits, axis=0)

    def log_probs(self) -> Float[Array, "*event levels"]:
        """log P of every number 0..n, along a new last axis."""
        blank = jnp.zeros_like(self.loc[0])
        return log_probs_of_levels(lambda k: self.log_prob(blank + k), self.n)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of x, as floats: first a component of each entry, then from it."""

        def draw(u: Array) -> Array:
            which = chosen_by(self.logits, u[0])
            loc, scale = (
                jnp.take_along_axis(each, which, axis=0)[0] for each in (self.loc, self.scale)
            )
            return rounded(loc + scale * logit(u[1]), 0.0, float(self.n))

        return by_uniforms(draw, key, sample_shape, (2, *self.loc.shape[1:]))


class LogisticMixture(Likelihood):
    """x is of a mixture of discretised logistics on {0, ..., n}: "logistic-mixture:5" has five.

    Salimans, Karpathy, Chen & Kingma (2017), "PixelCNN++", sections 2.1 and 2.2. A number behind
    the name says how many components, 1 to 100, without one they are 10.

    Entries have mixtures of their own, and h holds K logits, then K locations in units in which
    0..n is −1..1, then the logarithms of K scales there.

    In events of shape (height, width, 3) the last axis is taken for red, green and blue: a pixel's
    channels share the component, whose logits are the sums of theirs, and depend on each other
    linearly, by K coefficients more of each entry, the inverse hyperbolic tangents of α in the red
    ones, of β in the green and of γ in the blue; see `ColourMixtureDistribution`. The term of an
    entry is then log p of a channel given those before it. So a pixel's channels are to be missing
    together or not at all: where one alone is, the terms of those behind it are not given what
    was seen, but zero.
    """

    name: ClassVar[str] = "logistic-mixture"
    kinds: ClassVar[tuple[str, ...]] = ("binary", "bounded")
    discrete: ClassVar[bool] = True
    takes_value: ClassVar[bool] = True

    event_shape: tuple[int, ...] = eqx.field(static=True)
    n: int = eqx.field(static=True)
    components: int = eqx.field(static=True, default=_COMPONENTS)

    @classmethod
    def from_rows(
        cls, rows: np.ndarray, high: float | None, value: float | None
    ) -> "LogisticMixture":
        count = float(_COMPONENTS if value is None else value)
        if not (count.is_integer() and 1 <= count <= _MOST_COMPONENTS):
            raise OptionError(
                f"likelihood='{cls.name}:{value}': give a whole number of components, 1 to"
                f" {_MOST_COMPONENTS}."
            )
        return cls(rows.shape[1:], bound_of(rows, high), int(count))

    def __check_init__(self):
        """Refuse more levels than can be added up."""
        require_few_levels(self.name, self.n)

    @property
    def couples_entries(self) -> bool:
        """Whether entries depend on each other given h, as the channels of a colour do."""
        return len(self.event_shape) == 3 and self.event_shape[-1] == 3

    @property
    def largest(self) -> float:
        """The bound."""
        return float(self.n)

    @property
    def parameters(self) -> int:
        """Logit, location and log scale of each component; of colours a coefficient more."""
        return (4 if self.couples_entries else 3) * self.components

    def initial(self, rows: np.ndarray) -> Float[Array, "parameters *event"]:
        loc, log_scale = start(rows, self.n, self.components)
        # Equal weights; of colours no coupling to begin with.
        none = [np.zeros_like(loc)]
        parts = [*none, loc, log_scale, *(none if self.couples_entries else [])]
        return on_device(np.concatenate(parts))

    def __call__(
        self, h: Float[Array, "parameters *event"]
    ) -> LogisticMixtureDistribution | ColourMixtureDistribution:
        logits, h0, h1, *coupling = jnp.split(h, len(h) // self.components)
        loc, scale = in_levels(h0, h1, self.n)
        if not coupling:
            return LogisticMixtureDistribution(logits, loc, scale, self.n)
        (raw,) = coupling
        return ColourMixtureDistribution(
            jnp.sum(logits, axis=-1), loc, scale, jnp.tanh(raw), self.n
        )


def require_whole_pixels(likelihood: Any, mask: Any) -> None:
    """Raise `OptionError` where channels of one pixel are coupled, and only some are observed.

    `mask` has shape (rows, *event), or is `None`. The terms of the channels behind a missing one
    would be given a zero in its place.
    """
    if mask is None or not getattr(likelihood, "couples_entries", False):
        return
    seen = np.asarray(mask)
    if (seen.any(axis=-1) != seen.all(axis=-1)).any():
        raise OptionError(
            "the channels of a pixel depend on each other under this likelihood, and are to be"
            " missing together; hide whole pixels, or fit with likelihood='discretised-logistic'."
        )
