"""Objectives: what training maximises, per datum, in nats, larger is better."""

from jensen.objectives._base import Objective, Terms
from jensen.objectives.divergence import closed_form_kl
from jensen.objectives.fresh_draws import FreshDraws
from jensen.objectives.importance_weighted import IWAE, iwae, log_mean_weight
from jensen.objectives.lower_bound import ELBO, elbo, elbo_terms
from jensen.objectives.rows import elbo_terms_of_rows, terms_of_rows
from jensen.objectives.weighted_kl import BetaELBO

__all__ = [
    "ELBO",
    "IWAE",
    "BetaELBO",
    "FreshDraws",
    "Objective",
    "Terms",
    "closed_form_kl",
    "elbo",
    "elbo_terms",
    "elbo_terms_of_rows",
    "iwae",
    "log_mean_weight",
    "terms_of_rows",
]
