"""How much of the evidence of a mixed row is a probability, and how much a density."""

import numpy as np
from jax import Array

from jensen._batching import map_rows
from jensen._types import Datum, PRNGKey
from jensen.evidence.estimate import Estimate
from jensen.evidence.monte_carlo import importance
from jensen.model import Model

__all__ = ["probability_of_cells"]


def probability_of_cells(model: Model, rows: Datum, key: PRNGKey, draws: int = 1000) -> Estimate:
    """log P of the observed cells of each row whose terms are probabilities, all others left out.

    What the evidence has beyond it is the log-density of the other cells given these: it depends
    on their units, and the probability on none.

    Args:
        model: a `Model` of a table without a model of what is missing, whose mask would count.
        rows: of the table, with their mask, shape (rows, d).
        key: a typed JAX key.
        draws: samples of z a row, from the encoder.

    Raises:
        OptionError: no rows, or `draws` below 1.
    """
    discrete = map_rows(_is_probability, model, np.asarray(rows.x))
    observed = np.ones(np.shape(rows.x), bool) if rows.mask is None else np.asarray(rows.mask)
    return importance(model, Datum(rows.x, observed & discrete), key, draws)


def _is_probability(model: Model, x: Array) -> Array:
    found: Array = model.likelihood.is_probability(x)
    return found
