"""Posteriors p(z | x): the encoder's, resampled, refined, and of all rows together."""

from jensen.inference.posterior import (
    active_units,
    aggregate_posterior,
    posterior_means,
    prior_variance,
)
from jensen.inference.refined import FlatNormal, refine
from jensen.inference.weighted import WeightedDraws, importance_draws

__all__ = [
    "FlatNormal",
    "WeightedDraws",
    "active_units",
    "aggregate_posterior",
    "importance_draws",
    "posterior_means",
    "prior_variance",
    "refine",
]
