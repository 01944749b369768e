"""How good synthetic rows of a table are, beside what real rows would have."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from jensen._batching import count, spread_out
from jensen._types import Datum
from jensen._words import counted
from jensen.data import TableSchema
from jensen.errors import OptionError
from jensen.queries.fidelity.boosting import boosted, target_of
from jensen.queries.fidelity.impossible import impossible_rows
from jensen.queries.fidelity.marginals import by_column, by_pair
from jensen.queries.fidelity.nearest import nearest
from jensen.queries.fidelity.words import line, on_copies, on_distances, on_unseen

__all__ = ["Fidelity", "fidelity"]


@dataclass(frozen=True, repr=False)
class Fidelity:
    """What there is to say for and against synthetic rows.

    Attributes:
        rows: how many there are, `synthetic`, `training` and `held_out`; and `compared`, how many
            synthetic and as many training rows the shares and boosting are of.
        columns: for each its name as `column`, `tv`, the total variation distance of synthetic
            from held-out rows, and `reference`, that of training rows from them.
        pairs: `pairs`, how many; means of `tv` and `reference`; and the `worst`; or `None`.
        boosting: `target`, `rows`, `tested`, and scores of boosting trained on `synthetic` and on
            `real` rows; `None` of a table of one column.
        nearest: distances to the closest training row, of `synthetic` and of `held_out` rows:
            `median`, `p5`, `copies`; `nearer`, the share of synthetic rows nearer than 95 % of
            the held-out ones; `nearer_held_out`; `p_nearer`, `p_copies`, the probability of so
            many if nothing is copied; `rows`.
        impossible: `rows` and `share` that the schema rules out, and the `first`.
        notes: sentences on how this was counted.
        verdict: sentences.
    """

    rows: dict[str, int]
    columns: list[dict[str, Any]]
    pairs: dict[str, Any] | None
    boosting: dict[str, Any] | None
    nearest: dict[str, Any]
    impossible: dict[str, Any]
    notes: list[str]
    verdict: list[str]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __repr__(self) -> str:
        lines = [line("total variation from held-out rows", "synthetic", "real")]
        lines += [
            line(f"  {each['column']}", each["tv"], each["reference"]) for each in self.columns
        ]
        if self.pairs is not None:
            name = f"  mean of {counted(self.pairs['pairs'], 'pair')} of columns"
            lines.append(line(name, self.pairs["tv"], self.pairs["reference"]))
            worst = self.pairs["worst"]
            name = f"  furthest: {' and '.join(worst['columns'])}"
            lines.append(line(name, worst["tv"], worst["reference"]))
        if self.boosting is not None:
            lines.append(line(f"boosting of {self.boosting['target']}", "synthetic", "real"))
            one, other = self.boosting["synthetic"], self.boosting["real"]
            lines += [line(f"  {self._named(name)}", one[name], other[name]) for name in one]
        lines += on_distances(self.nearest)
        lines.append(f"{'impossible rows':42}{self.impossible['rows']:>12,}")
        return "\n".join([*lines, *self.notes, *self.verdict])

    def _named(self, score: str) -> str:
        rarer = (self.boosting or {}).get("rarer")
        return {
            "rarer_f1": f"F1 of the rarer, {rarer}", "macro_f1": "F1, mean of categories",
            "accuracy": "accuracy", "r2": "R²",
        }[score]  # fmt: skip


def fidelity(
    synthetic: Datum,
    training: Datum,
    held_out: Datum,
    schema: TableSchema,
    target: str | None = None,
    fitted_to: int | None = None,
) -> Fidelity:
    """Hold synthetic rows of a table against rows that their generator has not seen.

    Beside each figure stands what real rows have: as many training rows against the same
    held-out rows, whose distance is chance alone; and held-out rows against training rows, which
    they cannot have been copied from.

    Args:
        synthetic: rows as models draw them, before `restore`, shape (rows, width). With a mask
            its missing cells are counted too; without one shares are of observed cells.
        training: the rows that the generator was fitted to.
        held_out: rows that it was not fitted to.
        schema: of all of them.
        target: the column that boosting predicts; the last of categories, or else the last.
        fitted_to: how many rows the generator was fitted to, where `training` are some of them.

    Raises:
        OptionError: no rows or cells, or a target that the model does not see or that no
            held-out row has.
    """
    sets = {"synthetic": synthetic, "training": training, "held_out": held_out}
    for name, rows in sets.items():
        if not count(rows):
            raise OptionError(f"{name}: no rows; at least 1 is needed.")
    place = target_of(schema, target)
    drawn = np.asarray(synthetic.x)
    there = np.ones(drawn.shape, bool) if synthetic.mask is None else np.asarray(synthetic.mask)
    impossible = impossible_rows(drawn, there, schema)
    own, known, truth = (_numbers(rows) for rows in sets.values())
    for name, numbers in (("training", known), ("held_out", truth)):
        if not np.isfinite(numbers).any():
            raise OptionError(f"{name}: no cell is observed; give rows that have some.")
    if target is not None and not np.isfinite(truth[:, place]).any():
        raise OptionError(
            f"target={target!r}: no held-out row has a value of it; choose another column."
        )
    holes = synthetic.mask is not None
    compared = min(len(own), len(known))
    some, others = spread_out(own, compared), spread_out(known, compared)
    if holes:
        trained_on = some
    else:
        # Rows without holes would teach nothing of those in the rows that are predicted.
        absent = np.isnan(others)
        absent[:, place] = False
        trained_on = np.where(absent, np.nan, some)
    boosting = boosted(trained_on, others, truth, schema, place)
    near = nearest(own, known, truth, schema, holes)
    notes = [_on_rows(compared, near["rows"])]
    if not holes and (np.isnan(known).any() or np.isnan(truth).any()):
        notes.append(
            "Synthetic rows have no missing cells: shares are of observed cells, and synthetic rows"
            " have the holes of training rows for boosting, of held-out rows for distances."
        )
    notes += on_unseen(len(known), fitted_to)
    if target is None and boosting is not None:
        notes.append(f"No target was named: boosting predicts {boosting['target']!r}.")
    return Fidelity(
        rows={name: count(rows) for name, rows in sets.items()} | {"compared": compared},
        columns=by_column(some, others, truth, known, schema, holes),
        pairs=by_pair(some, others, truth, known, schema, holes),
        boosting=boosting,
        nearest=near,
        impossible=impossible,
        notes=notes,
        verdict=list(
            filter(None, [on_copies(near), _on_boosting(boosting), _on_impossible(impossible)])
        ),
    )


def _numbers(rows: Datum) -> np.ndarray:
    """Numbers as float64, NaN where a cell is missing or is no number."""
    x = np.array(rows.x, np.float64)
    there = np.isfinite(x)
    if rows.mask is not None:
        there &= np.asarray(rows.mask)
    return np.where(there, x, np.nan)


def _on_rows(compared: int, near: dict[str, int]) -> str:
    return (
        f"Shares and boosting are of {counted(compared, 'row')} of each, evenly spread; distances"
        f" of {near['synthetic']:,} synthetic and {near['held_out']:,} held-out rows to"
        f" {near['training']:,} training rows."
    )


def _on_boosting(found: dict[str, Any] | None) -> str | None:
    if found is None:
        return None
    score = "macro_f1" if "macro_f1" in found["real"] else "r2"
    name = {"macro_f1": "F1, mean of categories,", "r2": "R²"}[score]
    one, other = found["synthetic"][score], found["real"][score]
    if not np.isfinite([one, other]).all():
        return f"Boosting of {found['target']!r} cannot be judged on these rows."
    return (
        f"Boosting predicts {found['target']!r} of held-out rows with {name} {one:.2f} trained on"
        f" synthetic rows and {other:.2f} on as many real ones."
    )


def _on_impossible(found: dict[str, Any]) -> str | None:
    first = found["first"]
    if first is None:
        return None
    are = "row is" if found["rows"] == 1 else "rows are"
    return (
        f"{found['rows']:,} synthetic {are} impossible: row {first['row']} (counting from 0),"
        f" column {first['column']!r}, {first['why']}."
    )
