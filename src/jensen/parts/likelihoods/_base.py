"""The abstract likelihood."""

from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from jensen.errors import OptionError

__all__ = ["Likelihood", "parameters_of"]


def parameters_of(h: Float[Array, "parameters *event"]) -> list[Array]:
    """The decoder's numbers, apart: each of the event shape.

    Taken by index they have a gradient that is padded and added, and on a CPU whatever is
    computed of them is then computed once for each; this way the parts are laid side by side.
    """
    return [part[0] for part in jnp.split(h, len(h))]


class Likelihood(eqx.Module):
    """h -> p(x | z): makes the decoder's output into a distribution over x.

    The distribution has one `log_prob` term an entry of x, in nats, of the data as given:
    constants and log-Jacobians are counted in. It answers `sample`, `mean` and `variance`.

    Class attributes:
        name: what the option `likelihood=` calls it.
        kinds: the schema's kinds of data that lie in its support.
        discrete: whether `log_prob` is of a probability or of a density.
        takes_value: whether a number may follow the name, as in "normal-fixed:0.5".
    """

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    discrete: ClassVar[bool]
    takes_value: ClassVar[bool] = False

    @classmethod
    def build(
        cls, rows: np.ndarray, high: float | None = None, value: float | None = None
    ) -> "Likelihood":
        """A member for data like `rows`, shape (n, *event), with entries up to `high`.

        Raises `OptionError` where a `value` is given to a likelihood that has no use for one.
        """
        if value is not None and not cls.takes_value:
            raise OptionError(f"likelihood={cls.name!r} takes no value, but got {value}.")
        return cls.from_rows(rows, high, value)

    @classmethod
    @abstractmethod
    def from_rows(cls, rows: np.ndarray, high: float | None, value: float | None) -> "Likelihood":
        """What `build` returns once its arguments are checked."""

    @property
    @abstractmethod
    def largest(self) -> float:
        """The largest value in the support; infinity where there is none."""

    @property
    @abstractmethod
    def parameters(self) -> int:
        """How many numbers describe one entry of x: h has shape (parameters, *event)."""

    @abstractmethod
    def initial(self, rows: np.ndarray) -> Float[Array, "parameters *event"]:
        """The h at which each entry's distribution resembles that entry over `rows`."""

    @abstractmethod
    def __call__(self, h: Float[Array, "parameters *event"]) -> Any:
        """The distribution p(x | z) that `h` stands for."""
