"""The figures that count: the ELBO and its terms, the evidence, and what plain models reach."""

from collections.abc import Mapping
from html import escape
from typing import Any

from jensen._words import counted
from jensen.report.content import ReportData
from jensen.report.markup import Section, paragraph, table
from jensen.report.numbers import count, fixed, known, with_error

__all__ = ["headline"]


def headline(data: ReportData) -> Section | None:
    """The sum, the table of scores, and the table of baselines."""
    summary = data.summary
    if summary.get("elbo") is None and not summary.get("log_evidence"):
        return None
    body = [
        _sum(summary),
        table(["", "value", "what it is"], _scores(summary), words=[2], label="Scores"),
    ]
    if summary.get("baselines"):
        body += [_baselines(summary)]
    return Section("headline", "Scores on held-out rows", "\n".join(body))


def _sum(summary: Mapping[str, Any]) -> str:
    kl = summary.get("kl")
    # A Monte Carlo KL can fall below zero; minus a minus would be misread.
    shown = f"({fixed(kl)})" if kl is not None and known(kl) and kl < 0 else fixed(kl)
    terms = [
        (fixed(summary.get("elbo")), "ELBO"),
        ("=", ""),
        (fixed(summary.get("reconstruction")), "reconstruction"),
        ("−", ""),
        (shown, "KL"),
    ]
    parts = "".join(
        f"<div>{escape(value)}<span>{name}</span></div>"
        if name
        else f'<div class="sign">{value}</div>'
        for value, name in terms
    )
    return f'<div class="sum">{parts}</div>'


def _scores(summary: Mapping[str, Any]) -> list[list[str]]:
    evidence = summary.get("log_evidence") or {}
    elbo, value = summary.get("elbo"), evidence.get("value")
    rows = [["ELBO", fixed(elbo), "nats per row; never above the log evidence, in the mean"]]
    if evidence:
        shown = with_error(value, evidence.get("stderr"))
        rows.append(["Log evidence", shown, _how(evidence)])
        if known(evidence.get("row_stderr")):
            row_stderr = fixed(evidence["row_stderr"])
            told = "nats; how far this mean would move were other rows held out"
            rows.append(["Sampling error", f"± {row_stderr}", told])
    if elbo is not None and value is not None and known(elbo) and known(value):
        least = "at least " if evidence.get("kind") == "lower bound" else ""
        told = f"nats per row; {least}what the ELBO loses as q(z | x) is not the posterior"
        rows.append(["Log evidence − ELBO", fixed(value - elbo), told])
    if known(summary.get("bits_per_dim")):
        told = "bits for each entry of a row, from the log evidence; smaller is better"
        rows.append(["Bits per dimension", fixed(summary["bits_per_dim"], 3), told])
    if known(summary.get("active_units")):
        told = "latent dimensions that carry something about the data"
        rows.append(["Active units", count(summary["active_units"]), told])
    if known(summary.get("seconds")):
        rows.append(["Seconds", fixed(summary["seconds"], 1), "from start to end"])
    return rows


def _how(evidence: Mapping[str, Any]) -> str:
    told = [f"nats per row; {evidence.get('kind', 'estimate')}"]
    if isinstance(evidence.get("method"), str):
        told[0] += f", by {evidence['method'].replace('_', ' ')}"
    if known(evidence.get("draws")) and evidence["draws"] > 0:
        told.append(f"{counted(evidence['draws'], 'draw')} a row")
    if known(evidence.get("ess")):
        told.append(f"median effective draws {fixed(evidence['ess'], 0)}")
    if known(evidence.get("khat")):
        told.append(f"median Pareto k̂ {fixed(evidence['khat'])}")
    if known(evidence.get("unreliable_rows")) and evidence["unreliable_rows"] > 0:
        told.append(f"unreliable for {counted(evidence['unreliable_rows'], 'row')} (k̂ above 0.7)")
    return ", ".join(told)


def _baselines(summary: Mapping[str, Any]) -> str:
    reached = (summary.get("log_evidence") or {}).get("value")

    def above(value: Any) -> str:
        if not (known(value) and known(reached)):
            return fixed(None)
        text = fixed(reached - value)
        return f"+{text}" if reached > value else text

    rows = [[name, fixed(value), above(value)] for name, value in summary["baselines"].items()]
    head = ["Baseline", "log evidence", "this model is above by"]
    told = "Baselines are plain models fitted to the same training rows, in nats per held-out row."
    return table(head, rows, label="Baselines") + paragraph(told)
