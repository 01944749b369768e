"""What fills a report: NumPy arrays and plain values, made by whoever has a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from jensen._words import counted
from jensen.errors import OptionError

__all__ = ["ReportData"]

# One event a row, in the data's own units.
_EVENTS = (
    "prior_samples",
    "prior_means",
    "posterior_samples",
    "originals",
    "reconstructions",
    "closest",
    "least_likely",
)
# Several events a row.
_WALKS = ("traversals", "between", "given_labels", "given_labels_means")
# One value a row.
_VALUES = (
    "latent_labels",
    "row_evidence",
    "row_errors",
    "row_indices",
    "least_likely_evidence",
    "least_likely_rows",
    "traversed",
    "closest_nearer",
)
# Each of these goes with the other, row by row.
_PAIRS = (
    ("originals", "reconstructions"),
    ("prior_samples", "prior_means"),
    ("row_evidence", "row_errors"),
    ("row_evidence", "row_indices"),
    ("least_likely", "least_likely_evidence"),
    ("least_likely", "least_likely_rows"),
    ("latent", "latent_labels"),
    ("traversals", "traversed"),
    ("closest", "closest_nearer"),
    ("given_labels", "given_labels_means"),
    ("conditions", "given_labels"),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportData:
    """The content of a report. A section whose content is left out is left out of the page.

    Attributes:
        title: of the page.
        summary: the JSON of `jensen fit`: scores in nats per held-out row.
        event_shape: shape of one datum.
        image_shape: (h, w), (h, w, 1) or (h, w, 3) where rows are to be shown as images.
        value_range: least and greatest value: black and white in images.
        feature_names: one name for each entry of a flat datum, or `None` for their numbers.
        assumptions: sentences: what the schema assumed of the data.
        verdict: sentences: what the checks amount to.
        checks: predictive checks: "name", "observed", "model_mean", "p_value".
        history: one record an epoch, as in `history.jsonl`.
        best_epoch: whose weights were kept; by default the best by the rows held out.
        columns: of a table, each column's "name", "kind", "likelihood", "missing" (a share), and,
            of those that the model sees, "data" and "model": shares of your rows and of rows drawn
            from it, for each of "labels" or for bars whose middles are "at".
        cell_names: what the columns are called in rows that are shown as text.
        sample_cells: rows drawn from the model, as text.
        least_likely_cells: those of `least_likely`, as text.
        conditions: of a model of rows given a label, each label's "name", how many held-out "rows"
            have it, their mean log evidence, "value" and "stderr", and of how many the estimate is
            "unreliable".
        conditions_left: how many more labels there are.
        given_labels: samples given each of these labels, shape (labels, n, *event).
        given_labels_means: E[x | z] of their z, alike.
        filled_cells: of a table, cells of held-out rows and what the model puts there: "row" (its
            number in the user's data), "column", "known" (`None` where the cell is missing, else
            what was hidden), "filled", "low" and "high" (`None` of categories), as text, and
            "inside", whether what was hidden lies between them.
        prior_samples: shape (n, *event).
        prior_means: E[x | z] of the z of `prior_samples`, shape (n, *event).
        posterior_samples: shape (n, *event).
        originals: held-out rows, shape (n, *event).
        reconstructions: of `originals`, shape (n, *event).
        traversals: what one latent after the other does to a row, shape (latents, steps, *event).
        traversed: the numbers of these latents.
        between: ways from one row to another, shape (ways, steps, *event).
        closest: the training rows closest to the first of `prior_samples`, shape (k, *event).
        closest_nearer: of each the share of held-out rows that lie as near to a training row.
        latent: a point for each row, shape (n, 2) or (n, 1).
        latent_note: what its axes are.
        latent_labels: a label for each point, numbers or words.
        ladder: estimates of the same evidence, the worst first: "name", "value", "stderr",
            "kind" (as of an `Estimate`), and "effective", the median effective draws of a row.
        ladder_note: on which rows, and how.
        row_evidence: log evidence of each held-out row, shape (n,).
        row_errors: its standard errors, shape (n,).
        row_indices: the rows' numbers in the user's data, shape (n,).
        least_likely: rows of least evidence, the least first, shape (k, *event).
        least_likely_evidence: theirs, shape (k,).
        least_likely_rows: their numbers in the user's data, shape (k,).

    Raises:
        OptionError: arrays whose shapes do not fit each other.

    >>> data = ReportData(title="t", summary={}, event_shape=(2,), originals=[[1, 2]])
    >>> data.originals.shape
    (1, 2)
    """

    title: str
    summary: Mapping[str, Any]
    event_shape: tuple[int, ...]
    image_shape: tuple[int, ...] | None = None
    value_range: tuple[float, float] = (0.0, 1.0)
    feature_names: Sequence[str] | None = None
    assumptions: Sequence[str] = ()
    verdict: Sequence[str] = ()
    checks: Sequence[Mapping[str, Any]] = ()
    history: Sequence[Mapping[str, Any]] = ()
    best_epoch: int | None = None
    columns: Sequence[Mapping[str, Any]] = ()
    cell_names: Sequence[str] = ()
    sample_cells: Sequence[Sequence[str]] = ()
    least_likely_cells: Sequence[Sequence[str]] = ()
    filled_cells: Sequence[Mapping[str, Any]] = ()
    conditions: Sequence[Mapping[str, Any]] = ()
    conditions_left: int = 0
    given_labels: np.ndarray | None = None
    given_labels_means: np.ndarray | None = None
    prior_samples: np.ndarray | None = None
    prior_means: np.ndarray | None = None
    posterior_samples: np.ndarray | None = None
    originals: np.ndarray | None = None
    reconstructions: np.ndarray | None = None
    traversals: np.ndarray | None = None
    traversed: np.ndarray | None = None
    between: np.ndarray | None = None
    closest: np.ndarray | None = None
    closest_nearer: np.ndarray | None = None
    latent: np.ndarray | None = None
    latent_note: str = ""
    latent_labels: np.ndarray | None = None
    ladder: Sequence[Mapping[str, Any]] = ()
    ladder_note: str = ""
    row_evidence: np.ndarray | None = None
    row_errors: np.ndarray | None = None
    row_indices: np.ndarray | None = None
    least_likely: np.ndarray | None = None
    least_likely_evidence: np.ndarray | None = None
    least_likely_rows: np.ndarray | None = None

    def __post_init__(self):
        for axes, names in ((1, _EVENTS), (2, _WALKS)):
            for name in names:
                self._take(name, ndim=axes + len(self.event_shape))
                array = getattr(self, name)
                if array is not None and array.shape[axes:] != tuple(self.event_shape):
                    before = ("rows", "steps")[:axes]
                    raise OptionError(
                        f"{name} has shape {array.shape}; give"
                        f" ({', '.join(before)}, *{tuple(self.event_shape)})"
                    )
        for name in _VALUES:
            self._take(name, ndim=1)
        self._take("latent", ndim=2)
        if self.latent is not None and self.latent.shape[1] not in (1, 2):
            raise OptionError(f"latent has shape {self.latent.shape}; give (rows, 1) or (rows, 2)")
        for one, other in _PAIRS:
            a, b = getattr(self, one), getattr(self, other)
            if b is not None and (a is None or len(a) != len(b)):
                raise OptionError(f"{other} has {counted(len(b), 'row')}; give as many as {one}")
        if self.feature_names is not None and len(self.feature_names) != self.width:
            raise OptionError(
                f"feature_names: {len(self.feature_names)} for {counted(self.width, 'feature')}"
            )
        shape = self.image_shape
        if shape is not None and (
            prod(shape) != self.width
            or len(shape) not in (2, 3)
            or (len(shape) == 3 and shape[2] not in (1, 3))
        ):
            raise OptionError(
                f"image_shape={shape}; legal are (h, w), (h, w, 1) and (h, w, 3) with"
                f" {self.width} values in all, or None"
            )

    @property
    def width(self) -> int:
        """Numbers in one datum."""
        return prod(self.event_shape)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Rows as images, shape (n, h, w) or (n, h, w, 3)."""
        shape = self.image_shape or ()
        return rows.reshape(len(rows), *(shape[:2] if shape[2:] == (1,) else shape))

    def _take(self, name: str, ndim: int) -> None:
        value = getattr(self, name)
        if value is None:
            return
        array = np.asarray(value)
        if array.ndim != ndim:
            raise OptionError(f"{name} has {array.ndim} axes; give {ndim}")
        object.__setattr__(self, name, array if len(array) else None)
