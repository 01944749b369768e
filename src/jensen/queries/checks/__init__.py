"""Checks of a model on rows that it has not seen."""

from jensen.queries.checks.baselines import baselines
from jensen.queries.checks.checking import Check, check
from jensen.queries.checks.predictive import predictive_checks

__all__ = ["Check", "baselines", "check", "predictive_checks"]
