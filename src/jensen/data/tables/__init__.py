"""Tables of mixed columns: numbers, counts, categories, dates and missing cells."""

from jensen.data.tables.choosing import is_table, mixes_kinds
from jensen.data.tables.columns import CellError, Column
from jensen.data.tables.containers import frame_of
from jensen.data.tables.inferring import infer_table
from jensen.data.tables.reading import Reading, pieces, read, read_table
from jensen.data.tables.schema import TableSchema
from jensen.data.tables.unseen import Unseen

__all__ = [
    "CellError",
    "Column",
    "Reading",
    "TableSchema",
    "Unseen",
    "frame_of",
    "infer_table",
    "is_table",
    "mixes_kinds",
    "pieces",
    "read",
    "read_table",
]
