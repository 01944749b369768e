"""How good rows drawn from a model of arrays are, beside what real rows have."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from jensen._batching import spread_out
from jensen._words import counted
from jensen.errors import OptionError
from jensen.queries.fidelity.features import (
    Features,
    frechet_distance,
    precision_and_recall,
    principal_features,
)
from jensen.queries.fidelity.nearest import nearest_arrays
from jensen.queries.fidelity.words import line, on_copies, on_distances, on_unseen

__all__ = ["ArrayFidelity", "array_fidelity"]

# Below so many rows of each there is no covariance to speak of.
_FEWEST = 10
# So many take seconds, and tell figures apart by some hundredths.
_MOST = 5000


@dataclass(frozen=True, repr=False)
class ArrayFidelity:
    """What there is to say for and against drawn rows; of real ones, as many training rows.

    Attributes:
        rows: how many there are, `synthetic`, `training` and `held_out`; and `compared`, how many
            of each the figures are of.
        features: what rows are seen through, in words.
        frechet: `synthetic` and `real`: the squared Fréchet distance from held-out rows.
        precision: of both the share that looks like held-out rows.
        recall: of both the share of held-out rows that they could have given.
        nearest: distances to the closest training row, as of `Fidelity`; and `to_training`, the
            share of synthetic rows that are nearer to a training row than to any held-out one,
            `to_training_by_chance`, and `p_to_training`, the probability of so many.
        notes: sentences on how this was counted.
        verdict: sentences.
    """

    rows: dict[str, int]
    features: str
    frechet: dict[str, float]
    precision: dict[str, float]
    recall: dict[str, float]
    nearest: dict[str, Any]
    notes: list[str]
    verdict: list[str]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __repr__(self) -> str:
        both = lambda name, found: line(f"  {name}", found["synthetic"], found["real"])
        lines = [
            line("beside held-out rows", "synthetic", "real"),
            both("Fréchet distance, squared", self.frechet),
            both("precision", self.precision),
            both("recall", self.recall),
            *on_distances(self.nearest),
        ]
        return "\n".join([*lines, *self.notes, *self.verdict])


def array_fidelity(
    synthetic: np.ndarray,
    training: np.ndarray,
    held_out: np.ndarray,
    features: Features | None = None,
    fitted_to: int | None = None,
) -> ArrayFidelity:
    """Hold drawn rows of numbers of one kind against rows that their model has not seen.

    Args:
        synthetic: rows from the model, shape (rows, *event).
        training: rows that it was fitted to.
        held_out: rows that it was not fitted to.
        features: what rows are seen through, (rows, *event) -> (rows, k), such as a layer of a
            classifier; their principal components by default.
        fitted_to: how many rows the model was fitted to, where `training` are some of them.

    Raises:
        OptionError: fewer than ten rows of a kind, or features that are none.
    """
    sets = {"synthetic": synthetic, "training": training, "held_out": held_out}
    for name, rows in reversed(sets.items()):
        if len(rows) < _FEWEST:
            raise OptionError(
                f"{name.replace('_', '-')} rows: {len(rows)}; at least {_FEWEST} are needed."
            )
    compared = min(_MOST, *(len(rows) for rows in sets.values()))
    words = "features of your own"
    if features is None:
        features, words = principal_features(training)
    own, known, truth = (_features(features, spread_out(rows, compared)) for rows in sets.values())
    figures = {
        name: (frechet_distance(truth, each), *precision_and_recall(truth, each))
        for name, each in (("synthetic", own), ("real", known))
    }
    frechet, precision, recall = (
        {name: found[place] for name, found in figures.items()} for place in range(3)
    )
    near = nearest_arrays(*(each.reshape(len(each), -1) for each in sets.values()))
    notes = [
        f"Seen through {words}; {counted(compared, 'row')} of each, evenly spread. A Fréchet"
        " distance depends on both, so that only those of one table are to be compared."
    ]
    return ArrayFidelity(
        rows={name: len(rows) for name, rows in sets.items()} | {"compared": compared},
        features=words,
        frechet=frechet,
        precision=precision,
        recall=recall,
        nearest=near,
        notes=[*notes, *on_unseen(len(training), fitted_to)],
        verdict=[on_copies(near)],
    )


def _features(features: Features, rows: np.ndarray) -> np.ndarray:
    found = np.asarray(features(rows), np.float64)
    if found.ndim != 2 or len(found) != len(rows) or not np.isfinite(found).all():
        raise OptionError(
            f"features: gave an array of shape {found.shape} for {len(rows)} rows; give finite"
            f" numbers of shape ({len(rows)}, k)."
        )
    return found
