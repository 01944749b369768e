"""What was assumed, and what the checks amount to: sentences from elsewhere."""

from jensen.report.content import ReportData
from jensen.report.markup import Section, lines

__all__ = ["assumptions", "verdict"]


def assumptions(data: ReportData) -> Section | None:
    """What the schema assumed."""
    if not data.assumptions:
        return None
    return Section("assumptions", "What was assumed of the data", lines(data.assumptions))


def verdict(data: ReportData) -> Section | None:
    """Collapse, overfit and misfit, in words."""
    return Section("verdict", "Verdict", lines(data.verdict)) if data.verdict else None
