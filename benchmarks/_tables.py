"""The real tables of numbers that benchmarks of tables share."""

from pathlib import Path

import polars as pl

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
TABLES = {"concrete": "concrete", "energy": "energy", "wine": "wine_quality_red"}


def table(name: str) -> pl.DataFrame:
    """One of `TABLES`, as it was published."""
    return pl.read_csv(DATA / f"{TABLES[name]}.csv", infer_schema_length=None)
