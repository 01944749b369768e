"""Laws of columns: what a cell of a table is distributed by, given z."""

from jensen.parts.columns._base import Facts, Law, LawDistribution, PlainLaw, on_scale
from jensen.parts.columns.hurdle import Hurdle, Inflated
from jensen.parts.columns.levels import Categorical, OrderedLogistic
from jensen.parts.columns.real import Gamma, LogNormal, Normal, StudentT
from jensen.parts.columns.table import Columns, ColumnsDistribution, law_of
from jensen.parts.columns.whole import NegativeBinomial, Rounded, RoundedLogNormal

__all__ = [
    "Categorical",
    "Columns",
    "ColumnsDistribution",
    "Facts",
    "Gamma",
    "Hurdle",
    "Inflated",
    "Law",
    "LawDistribution",
    "LogNormal",
    "NegativeBinomial",
    "Normal",
    "OrderedLogistic",
    "PlainLaw",
    "Rounded",
    "RoundedLogNormal",
    "StudentT",
    "law_of",
    "on_scale",
]
