"""Posteriors p(z | x): the encoder's, resampled, refined, and of all rows together."""

from jensen.inference.in_family import best_in_family
from jensen.inference.posterior import (
    ACTIVE,
    active_units,
    aggregate_posterior,
    posterior_means,
    prior_variance,
)
from jensen.inference.refined import FlatNormal, refine
from jensen.inference.weighted import WeightedDraws, importance_draws

__all__ = [
    "ACTIVE",
    "FlatNormal",
    "WeightedDraws",
    "active_units",
    "aggregate_posterior",
    "best_in_family",
    "importance_draws",
    "posterior_means",
    "prior_variance",
    "refine",
]
