"""Checks of a model on rows that it has not seen."""

from jensen.queries.check.baselines import baselines
from jensen.queries.check.checking import Check, check
from jensen.queries.check.predictive import predictive_checks

__all__ = ["Check", "baselines", "check", "predictive_checks"]
