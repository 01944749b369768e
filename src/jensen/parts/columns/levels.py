"""Laws of categories, which are numbered 0..levels − 1; `levels` stands for any never seen."""

from collections.abc import Sequence
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import Precision
from jax.nn import log_sigmoid, log_softmax, softplus
from jaxtyping import Float

from jensen._runtime import on_device
from jensen._types import Constant, PRNGKey
from jensen.parts._special import log1mexp
from jensen.parts.columns._base import Facts, Law, LawDistribution

__all__ = ["Categorical", "OrderedLogistic"]

# A logit that stands for no probability at all, and has a gradient of zero.
_NONE = -1e9
# A cut beyond which there is nothing.
_FAR = 1e9


class LevelsDistribution(LawDistribution):
    """A probability for each category, and a share ε for all that were never seen.

    Columns with fewer categories than others have log-probabilities of −10⁹ at the end.
    """

    log_probs: Float[Array, "k levels"]
    levels: Float[Array, " k"]
    log_unseen: Float[Array, " k"]

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        last = self.log_probs.shape[1] - 1
        chosen = jnp.arange(last + 1.0)[None] == jnp.minimum(x, float(last))[:, None]
        known = jnp.sum(jnp.where(chosen, self.log_probs, 0.0), axis=1)
        seen = known + jnp.log1p(-jnp.exp(self.log_unseen))
        return jnp.where(x < self.levels, seen, self.log_unseen)

    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        """Categories that were seen, and no other."""
        below = jnp.cumsum(jnp.exp(self.log_probs), axis=1)
        u = jax.random.uniform(key, (len(self.levels), 1))
        passed = u >= jnp.broadcast_to(below, below.shape)
        return jnp.minimum(jnp.sum(passed, axis=1).astype(jnp.float32), self.levels - 1.0)

    @property
    def mean(self) -> Float[Array, " k"]:
        """The most likely category."""
        return jnp.argmax(self.log_probs, axis=1).astype(jnp.float32)

    def nodes(self) -> tuple[Float[Array, "nodes k"], Float[Array, "nodes k"]]:
        """All categories that were seen."""
        log_weights = self.log_probs.T
        number = jnp.arange(float(len(log_weights)))[:, None]
        return jnp.broadcast_to(number, log_weights.shape), log_weights


class _Levels(Law):
    """What laws of categories share: how many there are, and the share of the unseen."""

    discrete: ClassVar[bool] = True
    categories: ClassVar[bool] = True

    levels: Constant
    log_unseen: Constant
    counts: tuple[int, ...] = eqx.field(static=True)

    @staticmethod
    def known(facts: Sequence[Facts], rows: np.ndarray) -> tuple[Constant, Constant, tuple]:
        """The fields that all of them begin with."""
        counts = tuple(each.levels for each in facts)
        # Of n rows and one more, the one more.
        unseen = np.full(len(counts), -np.log(len(rows) + 2.0))
        return (
            Constant(on_device(np.array(counts, np.float32))),
            Constant(on_device(unseen)),
            counts,
        )


def _shares(rows: np.ndarray, counts: Sequence[int]) -> list[np.ndarray]:
    """How often each category of each column comes, none of them never."""
    found = []
    for column, count in zip(rows.T, counts, strict=True):
        often = np.bincount(column.astype(int), minlength=count + 1)[:count] + 0.1
        found.append(often / often.sum())
    return found


class Categorical(_Levels):
    """Categories without an order: a logit for each; of two categories, one logit."""

    name: ClassVar[str] = "categorical"

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Law":
        return cls(*cls.known(facts, rows))

    @property
    def size(self) -> int:
        """A logit for each category but the first of two."""
        return sum(1 if count == 2 else count for count in self.counts)

    def initial(self, rows: np.ndarray) -> np.ndarray:
        logits = [np.log(share) for share in _shares(rows, self.counts)]
        return np.concatenate([each[1:] - each[0] if len(each) == 2 else each for each in logits])

    def _places(self) -> np.ndarray:
        """Where in h, with a nought and an impossible logit behind it, each logit stands."""
        widest = max(self.counts)
        places = np.full((len(self.counts), widest), self.size + 1)
        start = 0
        for row, count in zip(places, self.counts, strict=True):
            if count == 2:
                row[:2] = self.size, start
                start += 1
            else:
                row[:count] = np.arange(start, start + count)
                start += count
        return places

    def __call__(self, h: Float[Array, " size"]) -> LevelsDistribution:
        places = self._places()
        # By a product with noughts and ones, whose gradient is another one: that of an index is
        # written number by number on a CPU.
        taken = jnp.asarray(np.arange(self.size)[:, None] == places.reshape(-1)[None], h.dtype)
        fixed = jnp.asarray(np.where(places > self.size, _NONE, 0.0), h.dtype)
        logits = jnp.dot(h, taken, precision=Precision.HIGHEST).reshape(places.shape) + fixed
        return LevelsDistribution(log_softmax(logits), self.levels.value, self.log_unseen.value)


class OrderedLogistic(_Levels):
    """Categories in an order: P(x ≤ j) = σ(c_j − h), with cutpoints c learned for each column.

    McCullagh (1980). With the cutpoints in order each category takes an interval of a logistic
    variable about h.
    """

    name: ClassVar[str] = "ordered-logistic"

    first: Float[Array, " k"]
    gaps: Float[Array, "k gaps"]

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Law":
        levels, unseen, counts = cls.known(facts, rows)
        widest = max(counts)
        first, gaps = np.zeros(len(facts)), np.zeros((len(facts), max(widest - 2, 0)))
        for j, share in enumerate(_shares(rows, counts)):
            below = np.cumsum(share)[:-1]
            cuts = np.log(below / (1 - below))
            first[j] = cuts[0] if len(cuts) else 0.0
            steps = np.maximum(np.diff(cuts), 1e-3)
            gaps[j, : len(steps)] = np.log(np.expm1(steps))
        start = on_device(first), on_device(gaps)
        return cls(levels, unseen, counts, *start)

    @property
    def size(self) -> int:
        """The location of each column."""
        return len(self.counts)

    def initial(self, rows: np.ndarray) -> np.ndarray:
        return np.zeros(len(self.counts))

    def __call__(self, h: Float[Array, " size"]) -> LevelsDistribution:
        widths = jnp.concatenate([jnp.zeros((len(h), 1)), softplus(self.gaps)], axis=1)
        cuts = self.first[:, None] + jnp.cumsum(widths, axis=1) - h[:, None]
        # A category's interval, from the cut below it to the one above; the ends are open.
        number = np.arange(max(self.counts))[None]
        counts = np.array(self.counts)[:, None]
        first, last = number == 0, number >= counts - 1
        around = jnp.pad(cuts, ((0, 0), (1, 1)))[:, : number.size + 1]
        above = jnp.where(last, _FAR, around[:, 1:])
        below = jnp.where(first, -_FAR, around[:, :-1])
        width = jnp.pad(widths, ((0, 0), (0, 1)))[:, : number.size]
        width = jnp.where(first | last, _FAR, width)
        log_probs = log_sigmoid(above) + log_sigmoid(-below) + log1mexp(width)
        log_probs = jnp.where(number < counts, log_probs, _NONE)
        return LevelsDistribution(log_probs, self.levels.value, self.log_unseen.value)
