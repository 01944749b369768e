"""Are synthetic rows of a table good, and are they copies?"""

from jensen.queries.fidelity.judging import Fidelity, fidelity

__all__ = ["Fidelity", "fidelity"]
