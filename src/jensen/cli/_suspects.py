"""How unlikely a row is beside training rows, and which of its cells make it so."""

from typing import TYPE_CHECKING, Any

import numpy as np

from jensen._batching import count, taken
from jensen.data import TableSchema

if TYPE_CHECKING:
    import polars as pl

    from jensen import VAE

__all__ = ["print_suspects", "suspects", "tails"]

# Training rows that others are held beside: enough for a share of a hundredth, and for a median.
_FOR_TAILS, _FOR_USUAL = 500, 100
_DRAWS = 200
_COLUMNS = 3
# Nats below what is usual of the column, from which on a cell is worth a look.
_WORTH = 1.0


def tails(vae: "VAE", scores: np.ndarray) -> np.ndarray:
    """The share of training rows kept that are less likely, (1 + count) / (1 + n), of each score.

    Of a row like those, it is at most p with a probability of p, the model being right. NaN where
    no rows were kept, or the score is unknown.
    """
    import jax

    from jensen import evidence

    if not count(vae.rows_):
        return np.full(len(scores), np.nan)
    known = _some(vae, _FOR_TAILS)
    found = np.sort(evidence.importance(vae.model_, known, jax.random.key(0), vae.draws).values)
    below = np.searchsorted(found, scores, side="right")
    return np.where(np.isnan(scores), np.nan, (1 + below) / (1 + len(found)))


def suspects(
    vae: "VAE", rows: "pl.DataFrame", scores: np.ndarray, tail: np.ndarray, most: int
) -> list[dict[str, Any]]:
    """The least likely rows of a table, and of each the columns that make it so.

    "columns" are those whose log p(cell | the row's other cells) lies furthest below "usual", its
    median over training rows kept; at most three, each at least a nat below.
    """
    import jax

    from jensen.cli._frames import records
    from jensen.queries import column_scores

    schema: TableSchema = vae.schema_
    worst = np.argsort(scores, kind="stable")[:most]
    chosen = rows[worst]
    each = column_scores(vae.model_, schema.check(chosen), jax.random.key(0), _DRAWS)[0]
    usual = np.zeros(schema.width)
    if count(vae.rows_):
        kept = column_scores(vae.model_, _some(vae, _FOR_USUAL), jax.random.key(0), _DRAWS)[0]
        seen = ~np.isnan(kept).all(axis=0)
        usual[seen] = np.nanmedian(kept[:, seen], axis=0)
    cells = records(chosen)
    names = [column.name for column in schema.modelled]
    result = []
    for place, row in enumerate(worst):
        short = np.where(np.isnan(each[place]), -np.inf, usual - each[place])
        order = [j for j in np.argsort(-short)[:_COLUMNS] if short[j] >= _WORTH]
        result.append(
            {
                "row": int(row),
                "log_evidence": float(scores[row]),
                "tail": float(tail[row]),
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


def print_suspects(found: list[dict[str, Any]]) -> None:
    """The same for reading."""
    print(f"{'row':>8}  {'log evidence':>12}  {'tail':>7}  unlikely given the row's other cells")
    for each in found:
        why = "; ".join(
            f"{one['column']}={one['value']} ({one['log_p']:.1f}, usually {one['usual']:.1f})"
            for one in each["columns"]
        )
        score, tail = each["log_evidence"], each["tail"]
        print(f"{each['row']:>8}  {score:12.2f}  {tail:7.4f}  {why or 'no single column'}")
    print("in nats; tail is the share of training rows that are less likely")


def _some(vae: "VAE", most: int) -> Any:
    """So many of the training rows kept, which are in no order."""
    return taken(vae.rows_, np.arange(min(most, count(vae.rows_))))
