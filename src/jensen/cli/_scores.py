"""Scores of rows as plain values; the estimating is done elsewhere."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen.cli._options import remedy_as_typed

if TYPE_CHECKING:
    from jensen import VAE, Estimate
    from jensen.cli._held_out import HeldOut
    from jensen.queries import Check

__all__ = ["brief", "checked", "outliers", "summary"]

_BRIEF = ("value", "stderr", "method", "kind", "draws", "ess", "khat")
_ANNEALED = (
    "lower", "bracket", "temperatures", "chains", "acceptance", "carries_over",
    "tolerance", "closed", "misfits", "beside",
)  # fmt: skip


def brief(estimate: "Estimate") -> dict[str, Any]:
    """The keys of an estimate that scripts rely on."""
    told = estimate.to_json()
    return {name: told[name] for name in (*_BRIEF, *_ANNEALED) if name in told}


def outliers(vae: "VAE", scores: np.ndarray) -> np.ndarray:
    """True for each score that `predict` would call an outlier's."""
    # A model whose training failed has no threshold.
    return scores < getattr(vae, "offset_", -np.inf)


def checked(vae: "VAE", held_out: "HeldOut") -> "Check":
    """The check of held-out rows, its advice in the words of the command line."""
    check = vae.check(held_out.scored, held_out.training)
    return replace(check, verdict=[remedy_as_typed(each) for each in check.verdict])


def summary(vae: "VAE", check: "Check", seconds: float) -> dict[str, Any]:
    """What a fit amounts to, in nats per held-out row."""
    from jensen.training import pace_of

    schema, evidence, elbo = vae.schema_, check.evidence, check.elbo
    # Bits are of probabilities: whole numbers under a likelihood of whole numbers.
    discrete = getattr(vae.model_.likelihood, "discrete", schema.discrete)
    pace = pace_of(vae.history_)
    return {
        "rows": {
            "train": vae.training_rows_,
            "validation": vae.validation_rows_,
            "test": len(evidence),
        },
        "features": schema.width,
        "likelihood": vae.likelihood_,
        "elbo": elbo.value,
        "reconstruction": float(np.mean(elbo.reconstruction)),
        "kl": float(np.mean(elbo.kl)),
        "log_evidence": brief(evidence),
        "bits_per_dim": evidence.bits_per_dim(schema.width) if discrete else None,
        "baselines": check.baselines,
        "active_units": check.active_units,
        "epochs": vae.n_iter_,
        "seconds": round(seconds, 3),
        "throughput": None if pace is None else pace.to_json(),
    }
