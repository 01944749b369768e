"""Data in and out: raw data becomes checked float32 rows, samples become the user's own type."""

from jensen.data.inferring import infer
from jensen.data.kinds import KINDS
from jensen.data.schema import Schema
from jensen.data.sources import BUILT_IN, Dataset, load
from jensen.data.splits import Split, require_training_rows, split

__all__ = [
    "BUILT_IN",
    "KINDS",
    "Dataset",
    "Schema",
    "Split",
    "infer",
    "load",
    "require_training_rows",
    "split",
]
