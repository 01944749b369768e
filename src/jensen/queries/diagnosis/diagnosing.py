"""Where a fitted model loses evidence, and what would mend it."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jensen import evidence
from jensen._batching import spread_out, spread_positions
from jensen._sampling import split
from jensen._types import Data, PRNGKey, condition_of
from jensen._words import counted
from jensen.errors import OptionError
from jensen.evidence import RELIABLE_KHAT, Estimate
from jensen.model import Model
from jensen.queries.diagnosis.calibration import FALSE_ALARMS, Calibration, calibrate
from jensen.queries.diagnosis.gaps import Gaps, annealed_evidence, gaps
from jensen.queries.diagnosis.information import Information, information
from jensen.queries.diagnosis.measured import Measured
from jensen.queries.diagnosis.residuals import Residuals, residuals
from jensen.queries.diagnosis.verdict import Remedies, named, verdict

__all__ = ["MOST_ANNEALED", "Diagnosis", "diagnose"]

# Rows whose evidence is annealed, on either side: as many as take some seconds, and give means
# to a few hundredths of a nat where gaps differ by half of one from row to row.
MOST_ANNEALED = 100
# Rows whose mutual information is taken, at a cost that grows with their square.
_MOST_INFORMING = 2000
_DRAWS = 1000


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """Where a model loses evidence on rows, what its latents carry, and what would mend it.

    Attributes:
        gaps: log p(x) − ELBO and its parts, of at most `MOST_ANNEALED` of the rows, evenly
            spread.
        annealed: the positions of those among the rows, ascending, shape (annealed,).
        training: log p(x) of as many training rows, annealed in the same way, or `None`.
        information: of all rows.
        importance: log p(x) of all rows by importance sampling: ESS and k̂ of each.
        calibration: of the encoder, on rows simulated from the model.
        residuals: of rows, beside those of simulated ones.
        verdict: sentences.
    """

    gaps: Gaps
    annealed: np.ndarray
    training: Estimate | None
    information: Information
    importance: Estimate
    calibration: Calibration
    residuals: Residuals
    verdict: list[str]

    @property
    def generalisation(self) -> Measured | None:
        """Training rows' log evidence less that of these rows, or `None`.

        The rows are not paired: the error is that of the difference of two means.
        """
        return _generalisation(self.training, self.gaps)

    def to_json(self, per_row: bool = False) -> dict[str, Any]:
        """Plain values; with `per_row` also each row's k̂, effective sample size and gaps.

        `["gaps"]["per_row"]["rows"]` are the positions of the rows whose gaps they are.
        """
        generalisation = self.generalisation
        gaps = self.gaps.to_json(per_row)
        weights: dict[str, Any] = self.importance.to_json()
        if per_row:
            weights["per_row"] = {
                "ess": _of(self.importance.ess),
                "khat": _of(self.importance.khat),
            }
            gaps["per_row"] = {"rows": self.annealed.tolist()} | gaps["per_row"]
        return {
            "gaps": gaps,
            "generalisation": None if generalisation is None else generalisation.to_json(),
            "information": self.information.to_json(),
            "importance": weights,
            "calibration": self.calibration.to_json(),
            "residuals": self.residuals.to_json(),
            "verdict": self.verdict,
        }

    def __repr__(self) -> str:
        return "\n".join([*_gap_lines(self), *_latent_lines(self), *self.verdict])


def _of(values: np.ndarray | None) -> list[float] | None:
    return None if values is None else values.tolist()


def _line(name: str, mean: Measured | None, remark: str = "") -> str:
    return f"{name:40}{'unknown' if mean is None else mean!r:>16}   {remark}".rstrip()


def _gap_lines(found: Diagnosis) -> list[str]:
    gaps = found.gaps
    mean = lambda gap: None if gap is None else gap.mean
    count, known = len(gaps.evidence), int(gaps.known.sum())
    whose = counted(count, "row") if known == count else f"{known} of {counted(count, 'row')}"
    lines = [
        f"nats per row, {whose}",
        _line("log evidence, annealed", gaps.mean(gaps.evidence)),
        _line("ELBO", gaps.mean(gaps.elbo)),
        _line("gap = log evidence − ELBO", mean(gaps.total)),
        _line("  approximation: the family's best q", mean(gaps.approximation)),
        _line("  amortisation: the encoder's own", mean(gaps.amortisation)),
    ]
    if found.training is not None:
        remark = f"{counted(len(found.training), 'training row')}"
        lines.append(_line("training less these rows", found.generalisation, remark))
    return lines


def _latent_lines(found: Diagnosis) -> list[str]:
    known, weights, ranks = found.information, found.importance, found.calibration
    khat, ess = weights.khat, weights.ess
    lines = [
        f"latents, {counted(known.rows, 'row')}",
        _line("KL(q ‖ prior)", known.kl),
        _line("  mutual information I(x; z)", known.mutual, f"at most log N = {known.most:.2f}"),
        _line("  KL(aggregate q ‖ prior)", known.aggregate_kl),
    ]
    names = f"collapsed: {named(known.collapsed)}" if known.collapsed else ""
    plain = lambda name, value, remark: f"{name:40}{value:>16}   {remark}".rstrip()
    lines.append(plain("active latents", f"{known.active_units} of {len(known.spread)}", names))
    if khat is not None and ess is not None:
        bad = f"k̂ above {RELIABLE_KHAT} in {counted(int(weights.unreliable.sum()), 'row')}"
        name = f"importance, {counted(weights.draws, 'draw')}: median ESS"
        lines.append(plain(name, f"{np.median(ess):.1f}", bad))
    verdict = "uniform" if ranks.passed else f"not uniform in {named(ranks.rejected)}"
    told = f"{verdict} ({FALSE_ALARMS:.0%} false alarms)"
    lines.append(plain("ranks on simulated rows, p", f"{ranks.p_value:.2g}", told))
    spread = found.residuals.ratio
    if np.isfinite(spread):
        name = "squared residuals, of simulated rows' own"
        lines.append(plain(name, f"{spread:.2f}", "1 where the likelihood spreads as the data do"))
    return lines


def _generalisation(training: Estimate | None, gaps: Gaps) -> Measured | None:
    if training is None:
        return None
    there, here = (Measured.over_rows(each.values) for each in (training, gaps.evidence))
    return Measured(there.value - here.value, float(np.hypot(there.stderr, here.stderr)))


def diagnose(model: Model, X: Data, key: PRNGKey, training: Data | None = None) -> Diagnosis:
    """Say where a model loses evidence, what its latents carry, and what would mend it.

    Args:
        model: a `Model`.
        X: rows that it was not trained on, shape (rows, *event), or a `Datum` of such. At most
            `MOST_ANNEALED` of them, evenly spread, are annealed and searched.
        key: a typed JAX key.
        training: rows that it was trained on, for the generalisation gap.

    Raises:
        OptionError: no rows; or rows with conditions that the model's prior heeds.

    Example:
        >>> import jax, jensen, numpy as np
        >>> lg = jensen.LinearGaussian.random(jax.random.key(0), features=3, latent=1)
        >>> X = lg.sample(np.random.default_rng(0), 20).astype("float32")
        >>> found = diagnose(lg.model(), X, jax.random.key(1))
        >>> abs(found.gaps.total.mean.value) < 0.01, found.calibration.passed
        (True, True)
    """
    if condition_of(X) is not None and model.prior.heeds_condition:
        raise OptionError(
            "diagnose: holds the posterior of all rows together against one prior, and this model"
            " has another for each condition; check and log_evidence take it, and so does diagnose"
            " the same model with prior='normal'."
        )
    for_gaps, for_training, for_information, for_weights, for_ranks, for_residuals = split(key, 6)
    some = lambda rows, most: jax.tree.map(lambda leaf: spread_out(leaf, most), rows)
    found = gaps(model, some(X, MOST_ANNEALED), for_gaps)
    annealed = spread_positions(len(jax.tree.leaves(X)[0]), MOST_ANNEALED)
    fitted = None
    if training is not None:
        fitted = annealed_evidence(model, some(training, MOST_ANNEALED), for_training)
    known = information(model, some(X, _MOST_INFORMING), for_information)
    weights = evidence.importance(model, X, for_weights, _DRAWS)
    ranks = calibrate(model, for_ranks, like=X)
    spread = residuals(model, some(X, _MOST_INFORMING), for_residuals)
    generalisation = _generalisation(fitted, found)
    words = verdict(found, generalisation, known, weights, ranks, spread, Remedies.beyond(model))
    return Diagnosis(found, annealed, fitted, known, weights, ranks, spread, words)
