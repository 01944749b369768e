"""Are rows drawn from a model good, and are they copies?"""

from jensen.queries.fidelity.arrays import ArrayFidelity, array_fidelity
from jensen.queries.fidelity.features import Features
from jensen.queries.fidelity.judging import Fidelity, fidelity

__all__ = ["ArrayFidelity", "Features", "Fidelity", "array_fidelity", "fidelity"]
