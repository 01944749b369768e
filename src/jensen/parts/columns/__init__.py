"""Laws of columns: what a cell of a table is distributed by, given z."""

from jensen.parts.columns._base import Facts, Law, LawDistribution, on_scale
from jensen.parts.columns.atoms import Atoms, AtomsDistribution
from jensen.parts.columns.levels import Categorical, OrderedLogistic
from jensen.parts.columns.naming import law_of
from jensen.parts.columns.real import Gamma, LogNormal, Normal, StudentT
from jensen.parts.columns.table import Columns, ColumnsDistribution
from jensen.parts.columns.whole import NegativeBinomial, Rounded, RoundedLogNormal

__all__ = [
    "Atoms",
    "AtomsDistribution",
    "Categorical",
    "Columns",
    "ColumnsDistribution",
    "Facts",
    "Gamma",
    "Law",
    "LawDistribution",
    "LogNormal",
    "NegativeBinomial",
    "Normal",
    "OrderedLogistic",
    "Rounded",
    "RoundedLogNormal",
    "StudentT",
    "law_of",
    "on_scale",
]
