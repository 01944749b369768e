"""The page's sections, in order. A new one is a function here: content in, `Section` out.

A function returns `None` where its content was left out of the data.
"""

from collections.abc import Callable

from jensen.report.content import ReportData
from jensen.report.markup import Section
from jensen.report.sections.checks import checks
from jensen.report.sections.closest import closest
from jensen.report.sections.columns import columns
from jensen.report.sections.conditions import conditions
from jensen.report.sections.evidence import evidence
from jensen.report.sections.filled import filled
from jensen.report.sections.headline import headline
from jensen.report.sections.ladder import ladder
from jensen.report.sections.latent import latent
from jensen.report.sections.reconstructions import reconstructions
from jensen.report.sections.samples import samples
from jensen.report.sections.training import training
from jensen.report.sections.walks import walks
from jensen.report.sections.words import assumptions, verdict

__all__ = ["SECTIONS"]

SECTIONS: tuple[Callable[[ReportData], Section | None], ...] = (
    headline,
    assumptions,
    verdict,
    training,
    columns,
    samples,
    conditions,
    closest,
    reconstructions,
    filled,
    walks,
    latent,
    ladder,
    evidence,
    checks,
)
