"""What the encoder's network sees of a row of a table: numbers of one size."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from jensen._runtime import on_device
from jensen._types import Constant
from jensen.parts._standardise import standardisation
from jensen.parts.columns import Facts, law_of, on_scale

__all__ = ["ColumnFeatures"]


# Values further out than this many standard deviations are seen as lying there: a network that
# never met them says nothing of use, and the likelihood sees them as they are.
_FARTHEST = 8.0


class ColumnFeatures(eqx.Module):
    """Rows of a table as a network sees them.

    Numbers are standardised, skewed ones by their logarithm; whether a number is the one that a
    hurdle stands at is told apart; a category is a one among noughts. All of a missing cell is
    nought, and the mask follows.
    """

    shift: Constant
    scale: Constant
    atoms: Constant
    categories: Constant
    numbers: tuple[int, ...] = eqx.field(static=True)
    logarithmic: tuple[bool, ...] = eqx.field(static=True)
    with_atom: tuple[int, ...] = eqx.field(static=True)
    of_category: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def of(cls, facts: Sequence[Facts], rows: np.ndarray) -> "ColumnFeatures":
        """Features of columns of which `facts` are known; `rows` is (n, d), none missing."""
        numbers = tuple(j for j, each in enumerate(facts) if not each.levels)
        logarithmic = tuple(law_of(facts[j].law)[1].logarithmic for j in numbers)
        with_atom = tuple(j for j in numbers if law_of(facts[j].law)[0] is not None)
        atoms = [facts[j].atom for j in with_atom]
        pairs = [(j, k) for j, each in enumerate(facts) for k in range(each.levels)]
        seen = on_scale(rows[:, list(numbers)].astype(np.float64), np.array(logarithmic, bool), np)
        shift, scale = standardisation(seen) if numbers else (jnp.zeros(0), jnp.ones(0))
        return cls(
            Constant(shift),
            Constant(scale),
            Constant(on_device(np.array(atoms, np.float32))),
            Constant(on_device(np.array([k for _, k in pairs], np.float32))),
            numbers,
            logarithmic,
            with_atom,
            tuple(j for j, _ in pairs),
        )

    def __call__(self, x: Float[Array, " d"], mask: Bool[Array, " d"] | None) -> Array:
        seen = jnp.ones(x.shape, bool) if mask is None else mask
        # What stands in a missing cell is never looked at, and must not spoil a gradient.
        x = jnp.where(seen, x, 1.0)
        of = lambda columns: np.array(columns, dtype=np.int32)
        y = on_scale(x[of(self.numbers)], np.array(self.logarithmic, bool), jnp)
        y = jnp.clip((y - self.shift.value) / self.scale.value, -_FARTHEST, _FARTHEST)
        parts = [
            (y, self.numbers),
            (x[of(self.with_atom)] == self.atoms.value, self.with_atom),
            (x[of(self.of_category)] == self.categories.value, self.of_category),
        ]
        told = [jnp.where(seen[of(where)], part.astype(x.dtype), 0.0) for part, where in parts]
        return jnp.concatenate([*told, seen.astype(x.dtype)])

    @property
    def size(self) -> int:
        """How many numbers the network gets for each row."""
        columns = len(set(self.numbers) | set(self.of_category))
        return len(self.numbers) + len(self.with_atom) + len(self.of_category) + columns
