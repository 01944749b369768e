"""From a model and held-out rows to the content of the report."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen._batching import count, taken
from jensen._types import as_datum
from jensen._words import counted
from jensen.cli._columns import as_text, column_pictures, filled_cells
from jensen.cli._held_out import HeldOut
from jensen.cli._images import image_shape, value_range
from jensen.cli._output import plain
from jensen.cli._scores import summary
from jensen.data import TableSchema, values_of
from jensen.errors import OptionError

if TYPE_CHECKING:
    from jensen import VAE
    from jensen.evidence import Estimate
    from jensen.queries import Check
    from jensen.report import ReportData

__all__ = ["report_data", "report_on"]

_SAMPLES = 48
_PAIRS = 40
_LEAST_LIKELY = 16
# Of images: ways between two of them, steps of each, latents, samples beside training images.
_WAYS, _STEPS, _LATENTS, _CLOSEST = 6, 11, 10, 24
_DOTS = 2000
# Of a conditional model: labels to show, and how many samples of each.
_LABELS, _OF_EACH = 20, 8
# Of a table: rows drawn, to count by, and how many of them to show.
_DRAWN, _SHOWN = 2000, 16


def report_on(vae: "VAE", held_out: HeldOut, check: "Check", page: Path, *, seconds: float) -> Path:
    """Write the page."""
    from jensen.report import write_report

    return write_report(page, report_data(vae, held_out, check, seconds))


def report_data(vae: "VAE", held_out: HeldOut, check: "Check", seconds: float) -> "ReportData":
    """The report's content; its numbers are in nats per held-out row."""
    import jax

    from jensen.estimator.arguments import describe_likelihood
    from jensen.evidence.ladder import ladder
    from jensen.report import ReportData

    schema, X, evidence = vae.schema_, held_out.scored, check.evidence
    worst = np.argsort(evidence.values)[:_LEAST_LIKELY]
    # The page shows more of the estimate than scripts rely on.
    told = summary(vae, check, seconds) | {"log_evidence": evidence.to_json()}
    table = isinstance(schema, TableSchema)
    what = "table" if table else vae.likelihood_
    rows = vae.checked(X)
    steps = ladder(vae.model_, rows, jax.random.key(0), check.elbo, check.evidence)
    return ReportData(
        title=f"{held_out.name}: {what} VAE with {counted(vae.latent_dim_, 'latent')}",
        summary=plain(told),
        event_shape=schema.shape,
        assumptions=[
            *schema.describe(),
            *([] if vae.condition_ is None else [vae.condition_.describe()]),
            describe_likelihood(vae.likelihood, schema, vae.model_.likelihood),
        ],
        verdict=check.verdict,
        checks=plain(check.checks),
        history=vae.history_,
        best_epoch=vae.best_epoch_,
        ladder=plain([asdict(rung) for rung in steps.rungs]),
        ladder_note=steps.words(),
        row_evidence=evidence.values,
        row_errors=evidence.standard_errors,
        row_indices=held_out.indices,
        least_likely=taken(as_datum(rows).x, worst),
        least_likely_evidence=evidence.values[worst],
        least_likely_rows=held_out.indices[worst],
        **_latent_picture(vae, held_out),
        **_of_labels(vae, X, evidence),
        **(_of_table(vae, held_out, worst) if table else _of_arrays(vae, X)),
    )


def _of_arrays(vae: "VAE", X: np.ndarray) -> dict[str, Any]:
    """Rows as pictures, or as lines of numbers."""
    # Rows that were read as images though they are flat come back flat.
    shaped = lambda rows: rows.reshape(len(rows), *vae.schema_.shape)
    drawn = vae.sample(_SAMPLES, random_state=0)
    found = {
        "image_shape": image_shape(vae.schema_),
        "value_range": value_range(vae.schema_),
        "feature_names": vae.schema_.names,
        "prior_samples": shaped(drawn),
        "posterior_samples": (
            shaped(vae.sample(_SAMPLES, "posterior")) if count(vae.rows_) else None
        ),
        "originals": shaped(values_of(X[:_PAIRS])),
        "reconstructions": shaped(vae.reconstruct(X[:_PAIRS])),
    }
    if found["image_shape"] is None or not count(vae.rows_):
        return found
    return found | _of_images(vae, X, drawn)


def _of_images(vae: "VAE", X: np.ndarray, drawn: np.ndarray) -> dict[str, Any]:
    """Walks through the latent space, and the training images closest to samples."""
    walked = lambda rows: rows.reshape(*rows.shape[:2], *vae.schema_.shape)
    near = vae.closest(drawn[:_CLOSEST])
    # Of the same z as the samples are, as the seed is the same.
    means = vae.sample(_SAMPLES, mean=True, random_state=0)
    found: dict[str, Any] = {
        "prior_means": means.reshape(len(means), *vae.schema_.shape),
        "closest": near.rows.reshape(len(near.rows), *vae.schema_.shape),
        "closest_nearer": near.nearer,
    }
    ways = min(_WAYS, len(X) // 2)
    if ways:
        between = vae.interpolate(X[:ways], X[ways : 2 * ways], _STEPS)
        found["between"] = walked(between)
    try:
        moved = vae.traverse(steps=_STEPS)
    except OptionError:
        # No latent is active, which the verdict tells.
        return found
    return found | {
        "traversals": walked(moved.rows[:_LATENTS]),
        "traversed": moved.latents[:_LATENTS],
    }


def _of_labels(vae: "VAE", X: Any, evidence: "Estimate") -> dict[str, Any]:
    """Of a model of rows given a label: evidence by label, and samples given each."""
    if vae.condition_ is None or vae.condition_.labels is None:
        return {}
    # Each label is a number of its own, and the row's is the one that is not zero.
    which = np.argmax(vae.condition_.check(X.condition, len(X)), axis=1)
    rows = np.bincount(which, minlength=len(vae.condition_.labels))
    # The most frequent, in the labels' order.
    shown = np.sort(np.argsort(-rows, kind="stable")[:_LABELS])
    labels = [vae.condition_.labels[number] for number in shown]
    found: dict[str, Any] = {
        "conditions": [
            _of_label(str(label), evidence, which == number)
            for label, number in zip(labels, shown, strict=True)
        ],
        "conditions_left": len(rows) - len(shown),
    }
    if image_shape(vae.schema_) is None:
        return found
    asked = np.repeat(np.array(labels), _OF_EACH)
    for name, mean in (("given_labels", False), ("given_labels_means", True)):
        drawn = vae.sample(len(asked), condition=asked, mean=mean, random_state=0)
        found[name] = drawn.reshape(len(labels), _OF_EACH, *vae.schema_.shape)
    return found


def _of_label(name: str, evidence: "Estimate", has_it: np.ndarray) -> dict[str, Any]:
    values = evidence.values[has_it]
    finite = values[np.isfinite(values)]
    return {
        "name": name,
        "rows": len(values),
        "value": float(values.mean()) if len(values) else None,
        "stderr": float(finite.std(ddof=1) / len(finite) ** 0.5) if len(finite) > 1 else None,
        "unreliable": int(evidence.unreliable[has_it].sum()),
    }


def _of_table(vae: "VAE", held_out: HeldOut, worst: np.ndarray) -> dict[str, Any]:
    """Columns beside those of rows drawn from the model, and rows as text."""
    drawn = vae.sample(_DRAWN, random_state=0)
    names, cells = as_text(drawn.head(_SHOWN))
    return {
        "columns": plain(column_pictures(vae.schema_, held_out.rows, drawn)),
        # Rows given to an untrained model want chains, which take longer than they would rehearse.
        "filled_cells": (
            filled_cells(vae, held_out.scored, held_out.indices) if vae.history_ else []
        ),
        "cell_names": names,
        "sample_cells": cells,
        "least_likely_cells": as_text(held_out.scored.select(drawn.columns)[worst])[1],
    }


def _latent_picture(vae: "VAE", held_out: HeldOut) -> dict[str, Any]:
    """The posterior means in at most two dimensions."""
    from sklearn.decomposition import PCA

    count = len(held_out.rows)
    chosen = np.sort(np.random.default_rng(0).permutation(count)[:_DOTS])
    Z = vae.transform(held_out.rows[chosen])
    note = "its posterior mean of z"
    if Z.shape[1] > 2 and len(Z) > 2:
        # Of rows that are all alike it has no share of a variance.
        with np.errstate(invalid="ignore", divide="ignore"):
            pca = PCA(2, svd_solver="full").fit(Z)
        share = np.nan_to_num(pca.explained_variance_ratio_.sum())
        Z = pca.transform(Z)
        note = f"the first two principal axes of the posterior means, {share:.0%} of their variance"
    labels = None if held_out.labels is None else held_out.labels[chosen]
    return {"latent": Z[:, :2], "latent_note": note, "latent_labels": labels}
