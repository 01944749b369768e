"""What the law of a column is: p(x | z) of columns of one kind, side by side."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Shaped

from jensen._types import PRNGKey

__all__ = ["Facts", "Law", "LawDistribution", "on_scale", "put", "single"]


@dataclass(frozen=True)
class Facts:
    """What is known of a column apart from its rows, in the numbers that models see.

    Attributes:
        law: what it is distributed by: the name of a law, or "hurdle:LAW", "inflated:LAW".
        low: no value lies below.
        high: no value lies above.
        atom: the value that a hurdle stands at.
        levels: how many categories there are: x is one of 0..levels − 1, or `levels`, which
            stands for all that were never seen.
    """

    law: str
    low: float = -inf
    high: float = inf
    atom: float = 0.0
    levels: int = 0


class LawDistribution(eqx.Module):
    """p(x | z) of k columns, each a term of its own.

    One must lie in the support, or be harmless there: it stands for what is missing.
    """

    @abstractmethod
    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        """log p of each value, in nats: of a density in the column's unit, or a probability."""

    @abstractmethod
    def sample(self, key: PRNGKey) -> Float[Array, " k"]:
        """A draw of each column."""

    @property
    @abstractmethod
    def mean(self) -> Float[Array, " k"]:
        """E[x | z]; of categories, which have no mean, the most likely one."""

    @abstractmethod
    def nodes(self) -> tuple[Float[Array, "nodes k"], Float[Array, "nodes k"]]:
        """Values and the logarithms of their weights, by which E[f(x)] ≈ Σ w f(value).

        They lie where this distribution does, however narrow it is, and weights add up to one.
        Of densities it is the trapezoidal rule, of many whole numbers they stand for groups of
        them; both are for an f that is smooth on the scale of the distribution's spread.
        """


class Law(eqx.Module):
    """h -> p(x | z) of k columns.

    Class attributes:
        name: what a schema calls it.
        discrete: whether its terms are of probabilities, and not of densities.
        categories: whether its values are numbers of categories, which have no arithmetic.
        logarithmic: whether networks see the columns by their logarithm.
    """

    name: ClassVar[str]
    discrete: ClassVar[bool]
    categories: ClassVar[bool] = False
    logarithmic: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "Law":
        """The law of columns of which this is known; `rows`, (n, k), has no missing cell."""

    @abstractmethod
    def initial(self, rows: np.ndarray) -> np.ndarray:
        """The h, shape (size,), by which each column is spread about as in `rows`."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many numbers h has."""

    @abstractmethod
    def __call__(self, h: Float[Array, " size"]) -> LawDistribution:
        """The distribution that `h` stands for."""


def single(values: Any) -> np.ndarray:
    """Numbers in single precision; infinity as the largest number, which has a difference."""
    largest = float(np.finfo(np.float32).max) / 4
    return np.clip(np.asarray(values, np.float64), -largest, largest).astype(np.float32)


def on_scale(x: Any, logarithmic: np.ndarray, xp: Any) -> Any:
    """Columns as they are, or by a logarithm of both signs through nought; `xp` is NumPy or JAX."""
    return xp.where(logarithmic, xp.sign(x) * xp.log1p(xp.abs(x)), x)


def put(
    values: Shaped[Array, " d"], where: Sequence[int], new: Shaped[Array, " k"]
) -> Shaped[Array, " d"]:
    """`values` with `new` in some places: taken from both, where to write is slow on a CPU."""
    order = np.arange(len(values))
    order[list(where)] = len(values) + np.arange(len(new))
    return jnp.concatenate([values, new])[order]
