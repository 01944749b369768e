"""What a diagnosis amounts to in words, each with the remedy that fits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jensen._words import counted
from jensen.evidence import RELIABLE_KHAT, Estimate
from jensen.model import Model
from jensen.parts._families import members
from jensen.parts.likelihoods import Likelihood
from jensen.parts.posteriors import DiagonalNormal, Flow, FullNormal
from jensen.parts.priors import StandardNormal
from jensen.queries.diagnosis.calibration import Calibration
from jensen.queries.diagnosis.gaps import Gaps
from jensen.queries.diagnosis.information import Information
from jensen.queries.diagnosis.measured import Measured
from jensen.queries.diagnosis.residuals import Residuals

__all__ = ["Remedies", "named", "verdict"]

# Differences below this many standard errors are not spoken of.
SURE = 3.0
# Nats a row below which a gap is left alone: likelihoods and priors differ by more, so that
# nothing is to be won here.
WORTH = 0.5
# The share of the gap that one of its two parts must have to be called the greater by far.
DOMINATES = 2 / 3
# The share of rows with a k̂ above 0.7 from which importance sampling is advised against: one in
# twenty moves the mean of all by its own error's size.
MANY_UNRELIABLE = 0.05
# The share of the mean KL that the aggregate's own KL may have before the prior is blamed: what
# is not information about rows, and would be saved by a prior of the right shape.
MISPLACED = 0.25
# How many times the squared residuals of simulated rows those of real ones must be, or the other
# way round, before the likelihood is blamed: a standard deviation off by an eighth.
SPREADS = 1.25
# What follows more than each of the posterior families.
_WIDER: dict[type, tuple[str, ...]] = {
    DiagonalNormal: ("full", "flow"),
    FullNormal: ("flow",),
}
# Nats below log N from which on a mutual information is that of the rows' small number.
SATURATED = 0.5


@dataclass(frozen=True)
class Remedies:
    """What a model does not have yet and could be given, in the words of `jensen.VAE`.

    Attributes:
        families: names of posteriors that follow more than the one that it has.
        free_bits: whether its KL has a part for each latent, of which some can be free.
        priors: names.
        likelihoods: names of others for the same kind of data; none where that is not known.
        couplings: whether its family has some, which the search for its best q holds.
    """

    families: tuple[str, ...]
    free_bits: bool
    priors: tuple[str, ...]
    likelihoods: tuple[str, ...]
    couplings: bool = False

    @classmethod
    def beyond(cls, model: Model) -> "Remedies":
        """Those that this model has not been given."""
        family = getattr(model.encoder, "family", None)
        prior = getattr(model.prior, "name", None)
        here = model.likelihood
        # Of 0 and 1 all likelihoods are the same.
        known = isinstance(here, Likelihood) and here.largest > 1
        others = [
            name
            for name, each in members(Likelihood).items()
            if known
            and each.discrete == here.discrete
            and set(here.kinds) <= set(each.kinds)
            and not isinstance(here, each)
            and not each.takes_value
        ]
        return cls(
            families=() if getattr(family, "latent_dim", 1) == 1 else _WIDER.get(type(family), ()),
            free_bits=isinstance(family, DiagonalNormal) and prior == StandardNormal.name,
            priors=tuple(name for name in ("mixture", "vamp") if name != prior),
            likelihoods=tuple(others),
            couplings=isinstance(family, Flow),
        )

    def likelihood(self) -> str:
        """In a phrase."""
        if not self.likelihoods:
            return "Another likelihood may follow them, or a wider decoder."
        return f"Another likelihood may follow them: likelihood={_either(self.likelihoods)}."

    def family(self) -> str:
        """In a sentence."""
        if not self.families:
            held = " with its couplings held" if self.couplings else ""
            return (
                f"The family: no q of its kind comes nearer{held}, so weigh its draws, or anneal"
                " them."
            )
        follows = {
            "full": "posterior='full' follows correlations",
            "flow": "posterior='flow' follows bends and skews",
        }
        return (
            f"The family: {', '.join(follows[each] for each in self.families)}, which it does not."
        )

    def more_kl(self) -> str:
        """What may raise the KL, the surest first."""
        free = "free bits (objective='beta:1,free_bits=0.1') or " if self.free_bits else ""
        return f"{free}a lower beta (objective='beta:0.5')"

    def prior(self) -> str:
        """In a phrase."""
        return f"a prior={_either(self.priors)} may save some of it"


def _either(names: Sequence[str]) -> str:
    *most, last = [repr(name) for name in names]
    return f"{', '.join(most)} or {last}" if most else last


def verdict(
    gaps: Gaps,
    generalisation: Measured | None,
    information: Information,
    importance: Estimate,
    calibration: Calibration,
    residuals: Residuals,
    remedies: Remedies,
) -> list[str]:
    """Sentences, the most telling first."""
    sentences = [
        _on_unknown(gaps),
        _on_collapse(information, remedies),
        _on_gap(gaps, remedies),
        _on_residuals(residuals, remedies),
        _on_generalisation(generalisation, gaps),
        _on_prior(information, remedies),
        _on_calibration(calibration, remedies),
        _on_importance(importance),
        gaps.evidence.warning() or "",
    ]
    return [sentence for sentence in sentences if sentence]


def _clear(gap: Measured) -> bool:
    """Whether it is worth a word and no accident."""
    return gap.value > WORTH and not gap.value < SURE * gap.stderr


def _on_collapse(found: Information, remedies: Remedies) -> str:
    latents = len(found.spread)
    if found.rows < 2:
        return "Collapse cannot be judged on one row."
    if not found.active_units:
        return (
            f"Collapse: none of {counted(latents, 'latent')} is used. Try {remedies.more_kl()}, a"
            " warm-up (objective='beta:1,warmup=50'), a smaller weight_decay, or more epochs."
        )
    if not found.collapsed:
        return f"No collapse: all of {counted(latents, 'latent')} are used."
    names = named(found.collapsed)
    if found.active_units < len(found.collapsed):
        return (
            f"{found.active_units} of {counted(latents, 'latent')} are used; {names} have"
            " collapsed. If the data have no more to tell,"
            f" latent_dim={found.active_units} does the same for less; else try"
            f" {remedies.more_kl()}."
        )
    return (
        f"{found.active_units} of {counted(latents, 'latent')} are used; {names}"
        f" {'has' if len(found.collapsed) == 1 else 'have'} switched off, which costs nothing."
    )


def named(latents: list[int]) -> str:
    """Latents by name, those that are many not one by one.

    >>> named([0, 3]), named(list(range(12)))
    ('z0, z3', 'z0, z1, z2 and 9 others')
    """
    names = [f"z{each}" for each in latents]
    return (
        ", ".join(names)
        if len(names) <= 6
        else f"{', '.join(names[:3])} and {len(names) - 3} others"
    )


def _on_unknown(gaps: Gaps) -> str:
    lost = int(np.sum(~gaps.known))
    if not lost:
        return ""
    return (
        f"{counted(lost, 'row')} of {len(gaps.known)} left out of the means: their evidence or"
        " ELBO is not finite. They lie too far out for this model, or hold values it was not"
        " made for."
    )


def _on_residuals(found: Residuals, remedies: Remedies) -> str:
    difference, ratio = found.difference, found.ratio
    if not abs(difference.value) > SURE * difference.stderr:
        return ""
    told = f"Squared residuals are {ratio:.2f} times those of rows of the model's own making"
    if ratio > SPREADS:
        return f"{told}: the data spread more than the likelihood allows. {remedies.likelihood()}"
    if ratio < 1 / SPREADS:
        return (
            f"{told}: the likelihood spreads more than the data. Train longer, so that it may"
            f" learn to spread less. {remedies.likelihood()}"
        )
    return ""


def _on_gap(gaps: Gaps, remedies: Remedies) -> str:
    total = gaps.total.mean
    if np.isnan(total.value):
        return "The gap is unknown: no row has a finite evidence and ELBO."
    if not _clear(total):
        return (
            f"The ELBO is {total} nats below log p(x): little is to be won from a better encoder."
        )
    begin = f"The ELBO loses {total} nats a row"
    if gaps.approximation is None or gaps.amortisation is None:
        return (
            f"{begin}. Whether to the posterior's family or to the encoder is unknown: this"
            " encoder is a callable of your own, which names no family to search. Make it"
            " parts.encoders.Encoder(network, family, ...) to learn which."
        )
    approximation, amortisation = gaps.approximation.mean, gaps.amortisation.mean
    family = remedies.family()
    encoder = (
        "The encoder: train longer (more epochs, a larger patience), widen it (hidden), or give"
        " it more rows."
    )
    split = f"{begin}: {approximation} to its family, {amortisation} to the encoder."
    if approximation.value > DOMINATES * total.value:
        return f"{split} {family}"
    if amortisation.value > DOMINATES * total.value:
        return f"{split} {encoder}"
    return f"{split} Both count. {family} {encoder}"


def _on_generalisation(gap: Measured | None, gaps: Gaps) -> str:
    if gap is None:
        return "Overfit cannot be judged without training rows."
    if np.isnan(gap.stderr):
        return "Overfit cannot be judged on one row."
    told = f"training rows have {gap} nats more log evidence than these"
    if not _clear(gap):
        return f"No sign of harmful overfit: {told}."
    beside = (
        " It is more than the ELBO loses, and the first thing to mend."
        if gap.value > gaps.total.mean.value
        else ""
    )
    return (
        f"Overfit: {told}.{beside} Try more rows, early stopping, a larger weight_decay, or a"
        " smaller model (hidden, latent_dim)."
    )


def _on_prior(found: Information, remedies: Remedies) -> str:
    mutual, aggregate, kl = found.mutual.value, found.aggregate_kl, found.kl.value
    if found.rows < 2 or not found.active_units:
        return ""
    if mutual > found.most - SATURATED:
        return (
            f"Each row's z tells it from the other {counted(found.rows - 1, 'row')}"
            f" ({mutual:.2f} nats of at most {found.most:.2f}), so that how far the prior is off"
            " cannot be told: give more rows."
        )
    if _clear(aggregate) and aggregate.value > MISPLACED * kl:
        return (
            f"The rows' posteriors together lie {aggregate} nats off the prior,"
            f" of {kl:.2f} that z costs: {remedies.prior()}."
        )
    return ""


def _on_calibration(found: Calibration, remedies: Remedies) -> str:
    level = "1 false alarm in 100"
    if found.passed:
        return f"Calibrated on rows of its own making, as far as {len(found.ranks)} show ({level})."
    faults, coverage = found.faults, found.coverage
    worst = sorted(found.rejected, key=lambda d: abs(coverage[d] - 0.9), reverse=True)
    told = "; ".join(f"z{d} is {faults[d]}, its 90 % holds {coverage[d]:.0%}" for d in worst[:3])
    more = f"; and {len(worst) - 3} more" if len(worst) > 3 else ""
    train = (
        f"longer, wider, or with posterior={_either(remedies.families)}"
        if remedies.families
        else "longer or wider"
    )
    return (
        f"Miscalibrated ({level}) in {len(worst)} of {counted(len(faults), 'latent')}:"
        f" {told}{more}. Do not read q as the posterior: weigh its draws, or train the encoder"
        f" {train}."
    )


def _on_importance(found: Estimate) -> str:
    share = float(found.unreliable.mean())
    if share <= MANY_UNRELIABLE:
        return ""
    return (
        f"Importance sampling is unreliable for {share:.0%} of the rows (k̂ above {RELIABLE_KHAT}):"
        " rely on annealed evidence."
    )
