"""Estimators of the evidence log p(x), and the `Estimate` that each returns."""

from jensen.evidence.annealing import (
    Annealed,
    Annealing,
    Bracket,
    Certified,
    annealed,
    bidirectional,
    certify,
)
from jensen.evidence.bound import Bound, elbo
from jensen.evidence.closed_form import exact
from jensen.evidence.estimate import RELIABLE_KHAT, Estimate, joined
from jensen.evidence.methods import METHODS, by_method
from jensen.evidence.mixed import probability_of_cells
from jensen.evidence.monte_carlo import importance, prior_monte_carlo

__all__ = [
    "METHODS",
    "RELIABLE_KHAT",
    "Annealed",
    "Annealing",
    "Bound",
    "Bracket",
    "Certified",
    "Estimate",
    "annealed",
    "bidirectional",
    "by_method",
    "certify",
    "elbo",
    "exact",
    "importance",
    "joined",
    "prior_monte_carlo",
    "probability_of_cells",
]
