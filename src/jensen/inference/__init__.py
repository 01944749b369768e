"""Posteriors p(z | x): the encoder's, resampled, refined, by chains, and of all rows together."""

from jensen.inference.draws import PosteriorDraws, caution, posterior, rows_of
from jensen.inference.encoded import (
    ACTIVE,
    active_units,
    aggregate_posterior,
    is_active,
    means_beyond_prior,
    posterior_means,
    prior_variance,
)
from jensen.inference.in_family import best_in_family
from jensen.inference.methods import METHODS, Method, checked_method, row_draws, with_exact_encoder
from jensen.inference.refined import FlatNormal, refine
from jensen.inference.weighted import WeightedDraws, importance_draws

__all__ = [
    "ACTIVE",
    "METHODS",
    "FlatNormal",
    "Method",
    "PosteriorDraws",
    "WeightedDraws",
    "active_units",
    "aggregate_posterior",
    "best_in_family",
    "caution",
    "checked_method",
    "importance_draws",
    "is_active",
    "means_beyond_prior",
    "posterior",
    "posterior_means",
    "prior_variance",
    "refine",
    "row_draws",
    "rows_of",
    "with_exact_encoder",
]
