"""Zeros and ones that are drawn anew whenever a row is met."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from jensen._types import Data, Datum, PRNGKey, Scalar, as_datum
from jensen.objectives._base import Objective, Terms

__all__ = ["FreshDraws"]


class FreshDraws(Objective):
    """The mean of another objective over binary data of which only the probabilities are known.

        E_b[L(b)],  b_i ~ Bernoulli(x_i)

    Rows are probabilities, grey values over the largest, of which each step draws zeros and ones:
    dynamic binarisation (Burda et al. 2016, section 5). It has no name to be chosen by, as it goes
    with rows that are no data of the model. Held-out rows are zeros and ones already, by which the
    objective within judges.
    """

    of: Objective

    @property
    def settles(self) -> float:
        return self.of.settles

    @property
    def judge(self) -> Objective | None:
        return self.of.judge

    def __call__(self, model: Any, x: Data, key: PRNGKey, epoch: Scalar) -> Terms:
        for_pixels, for_latents = jax.random.split(key)
        datum = as_datum(x)
        probabilities = jnp.asarray(datum.x)
        ones = jax.random.uniform(for_pixels, probabilities.shape) < probabilities
        drawn = replace(datum, x=ones.astype(probabilities.dtype))
        return self.of(model, drawn if isinstance(x, Datum) else drawn.x, for_latents, epoch)
