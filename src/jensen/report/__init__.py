"""The report: plain numbers in, one self-contained page out. It holds no mathematics of models."""

from jensen.report.content import ReportData
from jensen.report.page import write_diagnosis, write_report

__all__ = ["ReportData", "write_diagnosis", "write_report"]
