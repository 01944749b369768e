"""How unlikely a row is beside rows held out, and which of its cells make it so."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen._batching import count
from jensen.data import TableSchema

if TYPE_CHECKING:
    import polars as pl

    from jensen import VAE

__all__ = ["Suspects", "least_likely", "print_suspects", "suspects", "tails"]

# Rows of those held out that are enough for a median.
_FOR_USUAL = 100
_DRAWS = 200
_COLUMNS = 3
# Nats below what is usual of the column, from which on a cell is worth a look.
_WORTH = 1.0


@dataclass(frozen=True)
class Suspects:
    """Rows of a table, the numbers that they have in their file, and their log evidence."""

    numbers: np.ndarray
    rows: "pl.DataFrame"
    scores: np.ndarray


def least_likely(most: int, first: Suspects, second: Suspects | None = None) -> Suspects:
    """So many of the least likely rows of one or two of them, the least likely first."""
    import polars as pl

    both = [first] if second is None else [second, first]
    scores = np.concatenate([each.scores for each in both])
    worst = np.argsort(scores, kind="stable")[:most]
    numbers = np.concatenate([each.numbers for each in both])
    rows = pl.concat([each.rows for each in both], how="vertical_relaxed")
    return Suspects(numbers[worst], rows[worst], scores[worst])


def tails(vae: "VAE", scores: np.ndarray) -> np.ndarray:
    """The tail probability of each score; NaN where the model has kept no rows."""
    if count(vae.held_out_) or count(vae.rows_):
        return vae.tails(scores)
    return np.full(len(scores), np.nan)


def suspects(vae: "VAE", least: Suspects, tail: np.ndarray) -> list[dict[str, Any]]:
    """Rows of a table with their tails, and of each the columns that make it unlikely.

    "columns" are those whose log p(cell | the row's other cells) lies furthest below "usual", its
    median over rows held out; at most three, each at least a nat below.
    """
    import jax

    from jensen.cli._frames import records
    from jensen.queries import column_scores

    schema: TableSchema = vae.schema_
    each = vae.column_scores(least.rows, _DRAWS)
    usual = np.zeros(schema.width)
    if count(vae.held_out_) or count(vae.rows_):
        known = vae.reference_rows(_FOR_USUAL)
        kept = column_scores(vae.model_, known, jax.random.key(0), _DRAWS)[0]
        seen = ~np.isnan(kept).all(axis=0)
        usual[seen] = np.nanmedian(kept[:, seen], axis=0)
    cells = records(least.rows)
    names = [column.name for column in schema.modelled]
    result = []
    for place, number in enumerate(least.numbers):
        short = np.where(np.isnan(each[place]), -np.inf, usual - each[place])
        order = [j for j in np.argsort(-short)[:_COLUMNS] if short[j] >= _WORTH]
        result.append(
            {
                "row": int(number),
                "log_evidence": float(least.scores[place]),
                "tail": float(tail[place]),
                "columns": [
                    {
                        "column": names[j],
                        "value": cells[place][names[j]],
                        "log_p": float(each[place, j]),
                        "usual": float(usual[j]),
                    }
                    for j in order
                ],
                "cells": cells[place],
            }
        )
    return result


def print_suspects(found: list[dict[str, Any]], vae: "VAE") -> None:
    """The same for reading."""
    print(f"{'row':>8}  {'log evidence':>12}  {'tail':>7}  unlikely given the row's other cells")
    for each in found:
        why = "; ".join(
            f"{one['column']}={one['value']} ({one['log_p']:.1f}, usually {one['usual']:.1f})"
            for one in each["columns"]
        )
        score, tail = each["log_evidence"], each["tail"]
        print(f"{each['row']:>8}  {score:12.2f}  {tail:7.4f}  {why or 'no single column'}")
    which = "rows held out to stop training by" if count(vae.held_out_) else "training rows"
    print(f"in nats; tail is the share of the {which} that are less likely")
