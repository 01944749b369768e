"""Is the assumption right? Evidence beside plain baselines, predictive checks, a verdict."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jensen import evidence
from jensen._batching import spread_out
from jensen._sampling import split
from jensen._types import Data, Datum, PRNGKey, as_datum
from jensen._words import counted
from jensen.data import AnySchema, Schema, TableSchema
from jensen.evidence import Bound, Estimate
from jensen.inference import active_units, means_beyond_prior, prior_variance
from jensen.model import Model
from jensen.queries.checks.baselines import baselines, constant_columns
from jensen.queries.checks.predictive import predictive_checks
from jensen.queries.checks.tables import independent_columns, predictive_checks_of_tables

__all__ = ["Check", "check"]

_DRAWS = 1000
# Training rows whose ELBO stands for all of them beside the held-out rows'.
_TRAINING_ROWS = 500
# Of fewer held-out rows an error says too little of itself: the mean of ten normal numbers lies
# three of its standard errors off once in 67 times (Student's t), that of three once in 10.
_FEWEST = 10
# Differences below this many standard errors are not spoken of.
_SURE = 3.0
# Of five checks, one in a hundred right models is called strange (Bonferroni 1936).
_SMALL_P = 0.01 / 5


@dataclass(frozen=True, repr=False)
class Check:
    """What there is to say for and against a model on rows it has not seen.

    Attributes:
        evidence: of the rows.
        elbo: of the rows, with its two terms.
        training_elbo: of training rows.
        baselines: mean log p of plain models, by name, in the units of the evidence.
        differences: by name, evidence less baseline over the same rows: (mean, standard error).
        checks: name, observed, model_mean and p_value of each predictive check.
        active_units: latents whose posterior mean varies over the rows, of `latent_dim`.
        latent_dim: how many latents there are.
        verdict: sentences.
    """

    evidence: Estimate
    elbo: Bound
    training_elbo: Bound
    baselines: dict[str, float]
    differences: dict[str, tuple[float, float]]
    checks: list[dict[str, Any]]
    active_units: int
    latent_dim: int
    verdict: list[str]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "log_evidence": self.evidence.to_json(),
            "elbo": self.elbo.value,
            "training_elbo": self.training_elbo.value,
            "baselines": self.baselines,
            "differences": {
                name: {"value": value, "stderr": error}
                for name, (value, error) in self.differences.items()
            },
            "checks": self.checks,
            "active_units": self.active_units,
            "verdict": self.verdict,
        }

    def __repr__(self) -> str:
        lines = [f"{'nats per row':42}{'value':>12}{'model better by':>24}"]
        lines.append(f"{'log evidence':42}{self.evidence.value:12.2f}")
        for name, value in self.baselines.items():
            difference, error = self.differences[name]
            lines.append(f"{name:42}{value:12.2f}{f'{difference:.2f} ± {error:.2f}':>24}")
        lines.append(f"{'predictive check':42}{'data':>12}{'model':>12}{'p':>12}")
        lines += [
            f"{each['name']:42}{each['observed']:12.4g}{each['model_mean']:12.4g}"
            f"{each['p_value']:12.3f}"
            for each in self.checks
        ]
        return "\n".join([*lines, *self.verdict])


def check(model: Model, rows: Data, training: Data, schema: AnySchema, key: PRNGKey) -> Check:
    """Hold a model against plain baselines, against its own samples and against training rows.

    Args:
        model: a `Model`.
        rows: rows that it was not trained on, shape (rows, *event); of a table, or with
            conditions, a `Datum`.
        training: rows that it was, to which the baselines are fitted.
        schema: of both.
        key: a typed JAX key.
    """
    for_evidence, for_elbo, for_samples = split(key, 3)
    codes = means_beyond_prior(model, rows)
    codes = codes.reshape(len(codes), -1)
    found = evidence.importance(model, rows, for_evidence, _DRAWS)
    if isinstance(schema, TableSchema):
        own, others = as_datum(rows), as_datum(training)
        plain = {"independent columns": independent_columns(model, others, own)}
        checks = predictive_checks_of_tables(model, own, others, schema, for_samples)
    else:
        x, known = (np.asarray(as_datum(each).x) for each in (rows, training))
        constant = _of_constants(model, as_datum(rows), known, schema, found, for_evidence)
        discrete = getattr(model.likelihood, "discrete", None)
        plain = baselines(known, x, schema, codes.shape[1], discrete, constant)
        checks = predictive_checks(model, rows, known, for_samples)
    differences = {name: _paired(found.values - scores) for name, scores in plain.items()}
    elbo = evidence.elbo(model, rows, for_elbo)
    training_elbo = evidence.elbo(model, spread_out(training, _TRAINING_ROWS), for_elbo)
    active = active_units(codes, prior_variance(model, rows).reshape(-1))
    return Check(
        evidence=found,
        elbo=elbo,
        training_elbo=training_elbo,
        baselines={name: float(scores.mean()) for name, scores in plain.items()},
        differences=differences,
        checks=checks,
        active_units=active,
        latent_dim=codes.shape[1],
        verdict=[
            *_verdict(active, codes.shape[1], (training_elbo, elbo), found, differences, checks),
            *filter(None, [found.warning()]),
        ],
    )


def _verdict(
    active: int,
    latent_dim: int,
    elbos: tuple[Bound, Bound],
    found: Estimate,
    differences: dict[str, tuple[float, float]],
    checks: list[dict[str, Any]],
) -> list[str]:
    """The sentences, or that there are too few rows; `elbos` are of training and held-out rows."""
    rows, lost = len(found.values), int(np.sum(~np.isfinite(found.values)))
    if rows < _FEWEST:
        return [_on_too_few(rows), *([_on_lost(lost)] if lost else [])]
    return [
        _on_collapse(active, latent_dim, elbos[1]),
        _on_overfit(*elbos, differences["independent columns"][0]),
        *_on_misfit(differences, checks, lost),
    ]


def _of_constants(
    model: Model,
    rows: Datum,
    training: np.ndarray,
    schema: Schema,
    found: Estimate,
    key: PRNGKey,
) -> np.ndarray | float:
    """What columns that never change add to the evidence, where they have a density."""
    discrete = getattr(model.likelihood, "discrete", schema.discrete)
    still = constant_columns(training)
    if discrete or not still.any():
        return 0.0
    # The same again, without them.
    mask = np.broadcast_to(~still.reshape(rows.x.shape[1:]), rows.x.shape)
    without = evidence.importance(model, replace(rows, mask=mask), key, _DRAWS)
    return found.values - without.values


def _paired(differences: np.ndarray) -> tuple[float, float]:
    many = len(differences) > 1 and np.isfinite(differences).all()
    error = np.std(differences, ddof=1) / np.sqrt(len(differences)) if many else np.nan
    return float(differences.mean()), float(error)


def _on_too_few(rows: int) -> str:
    return (
        f"No verdict on {counted(rows, 'held-out row')}: collapse, overfit and misfit are judged on"
        f" {_FEWEST} or more. The figures stand, and say little; give more rows."
    )


def _on_lost(lost: int) -> str:
    return f"Misfit: the model has no density for {counted(lost, 'row')}, and plain models have."


def _on_collapse(active: int, latent_dim: int, elbo: Bound) -> str:
    kl = float(elbo.kl.mean())
    if not active:
        return (
            "Collapse: no latent is used, so every row has the prior as its posterior. Try"
            " objective='beta:1,warmup=50' or 'beta:0.5', a smaller weight_decay, or"
            " more epochs."
        )
    idle = latent_dim - active
    rest = f"; {idle} switched themselves off, which costs nothing" if idle else ""
    carry = f"{counted(latent_dim, 'latent')} {'carries' if active == 1 else 'carry'}"
    return f"No collapse: {active} of {carry} {kl:.1f} nats about a row{rest}."


def _on_overfit(training: Bound, held_out: Bound, gain: float) -> str:
    gap = training.value - held_out.value
    error = float(np.hypot(training.row_stderr, held_out.row_stderr))
    side = "below" if gap < 0 else "above"
    figures = f"training rows score {abs(gap):.1f} ± {error:.1f} nats {side} held-out rows"
    if not np.isfinite(gap):
        return "Overfit cannot be judged: the model has no density for some rows."
    if not np.isfinite(error):
        return "Overfit cannot be judged beside one training row."
    # A gap matters by what it eats of what was gained over columns without any relation.
    if gap > _SURE * error and gap > 0.25 * max(gain, 0.0):
        return (
            f"Overfit: {figures}. Try a larger weight_decay, smaller hidden layers, a smaller"
            " latent_dim, or more rows."
        )
    return f"No sign of harmful overfit: {figures}."


def _on_misfit(
    differences: dict[str, tuple[float, float]], checks: list[dict[str, Any]], lost: int = 0
) -> list[str]:
    better = [
        f"{name} by {-value:.1f} ± {error:.1f} nats"
        for name, (value, error) in differences.items()
        if value < -_SURE * error
    ]
    sentences = []
    if lost:
        sentences.append(_on_lost(lost))
    elif better:
        sentences.append(
            f"Misfit: plain models explain held-out rows better ({', '.join(better)}). Try another"
            " likelihood, longer training, or wider layers."
        )
    else:
        sentences.append(f"No baseline explains held-out rows better by {_SURE:g} standard errors.")
    strange = [each["name"] for each in checks if each["p_value"] <= _SMALL_P]
    if strange:
        sentences.append(
            f"Samples differ from held-out rows in: {'; '.join(strange)}. Another likelihood or"
            " prior (mixture, vamp) may mend it."
        )
    else:
        sentences.append("Samples are like held-out rows in every predictive check.")
    return sentences
