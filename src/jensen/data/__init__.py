"""Data in and out: raw data becomes checked float32 rows, samples become the user's own type."""

from jensen.data.conditions import (
    Conditioned,
    ConditionSchema,
    infer_condition,
    unpaired,
    values_of,
)
from jensen.data.frames import container_of
from jensen.data.inferring import infer
from jensen.data.kinds import KINDS
from jensen.data.schema import Schema
from jensen.data.sources import BUILT_IN, Dataset, load
from jensen.data.splits import Split, require_training_rows, split
from jensen.data.tables import Column, TableSchema, infer_table, is_table

AnySchema = Schema | TableSchema
"""What is assumed of rows: one kind of number in all columns, or a kind for each."""

__all__ = [
    "BUILT_IN",
    "KINDS",
    "AnySchema",
    "Column",
    "ConditionSchema",
    "Conditioned",
    "Dataset",
    "Schema",
    "Split",
    "TableSchema",
    "container_of",
    "infer",
    "infer_condition",
    "infer_table",
    "is_table",
    "load",
    "require_training_rows",
    "split",
    "unpaired",
    "values_of",
]
