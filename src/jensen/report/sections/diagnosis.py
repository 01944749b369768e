"""The sections of a diagnosis, from its JSON form: where evidence is lost, and to what."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import stats

from jensen._words import counted
from jensen.report.charts import BLUE, GREY, ORANGE, axis, bar_count, chart, plain
from jensen.report.markup import Section, figure, lines
from jensen.report.numbers import count, fixed, known, p_value, with_error

__all__ = ["DIAGNOSIS"]

Told = Mapping[str, Any]

# Rank histograms shown: as many as a page bears, in lines of so many.
_MOST_RANKS, _A_LINE = 12, 4
_BAND = 0.99
# Where weights cease to be reliable (Vehtari et al. 2024).
RELIABLE = 0.7


def _verdict(told: Told) -> Section:
    return Section("verdict", "Verdict", lines(told["verdict"]))


def _gaps(told: Told) -> Section:
    """A bar for each loss, with two standard errors, and what a long one asks for."""
    gaps = told["gaps"]
    losses = [
        ("the ELBO's gap to log p(x)", gaps["total"], BLUE, ""),
        (
            "of it, the posterior family's",
            gaps["approximation"],
            BLUE,
            " What is the family's asks for another posterior family.",
        ),
        (
            "of it, the encoder's",
            gaps["amortisation"],
            BLUE,
            " What is the encoder's asks for a better trained or wider one.",
        ),
        (
            "held-out rows, below training rows",
            told["generalisation"],
            ORANGE,
            " The orange bar asks for less overfitting: it alone costs evidence, the others what is"
            " known of it.",
        ),
    ]
    shown = [each for each in losses if each[1] is not None and known(each[1]["value"])]
    names, found, colours, advice = zip(*shown, strict=True) if shown else ((), (), (), ())
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": plain([each["value"] for each in found]),
        "y": list(names),
        # An error that is not known is not drawn.
        "error_x": {"type": "data", "array": [_twice(each["stderr"]) for each in found]},
        "marker": {"color": list(colours)},
        "customdata": [with_error(*_pair(each)) for each in found],
        "hovertemplate": "%{y}: %{customdata} nats<extra></extra>",
    }
    layout = {
        "xaxis": axis("nats per row"),
        "yaxis": axis(autorange="reversed"),
        "showlegend": False,
    }
    label = "; ".join(f"{name} {fixed(each['value'])}" for name, each, *_ in shown)
    caption = (
        "What is lost, in nats per row, with two standard errors over"
        f" {counted(gaps['known'], 'row')}.{''.join(advice)}"
    )
    picture = chart("gaps", [bars], layout, label=label, height=240)
    return Section("gaps", "Where evidence is lost", figure(picture, caption))


def _twice(error: Any) -> float | None:
    return 2 * error if known(error) else None


def _pair(estimate: Mapping[str, Any]) -> tuple[Any, Any]:
    return estimate["value"], estimate["stderr"]


def _latents(told: Told) -> Section:
    """What each latent carries, the collapsed ones apart."""
    known_of = told["information"]
    by_kl = known_of["kl_by_latent"]
    values = np.array(known_of["spread_of_means"] if by_kl is None else by_kl, float)
    order = np.argsort(-values, kind="stable")
    # Of one row nothing can vary.
    judged = known_of["rows"] > 1
    collapsed = set(known_of["collapsed"]) if judged else set()
    what = "mean KL(q ‖ prior), nats" if by_kl is not None else "spread of means, prior's variances"
    bars = {
        "type": "bar",
        "x": [f"z{d}" for d in order],
        "y": plain(values[order]),
        "marker": {"color": [GREY if d in collapsed else BLUE for d in order]},
        "hovertemplate": "%{x}: %{y:.3f}<extra></extra>",
    }
    grey = "; grey ones have collapsed" if judged else ""
    mutual, aggregate = known_of["mutual_information"], known_of["aggregate_kl"]
    caption = (
        f"What each latent carries of a row ({what}), the most telling first{grey}. Together z"
        f" costs {with_error(*_pair(known_of['kl']))} nats a row, of which"
        f" {with_error(*_pair(mutual))} tell rows apart (the mutual information of x and z, of"
        f" {counted(known_of['rows'], 'row')} at most {fixed(mutual['most'])}), and"
        f" {with_error(*_pair(aggregate))} are lost because all rows' posteriors together are"
        " not the prior."
    )
    layout = {"xaxis": axis(type="category"), "yaxis": axis(what, rangemode="tozero")}
    label = f"{known_of['active_units']} of {counted(len(values), 'latent')} are used"
    picture = chart("latents", [bars], layout, label=label)
    return Section("latents", "What the latents carry", figure(picture, caption))


def _weights(told: Told) -> Section | None:
    """k̂ of each row, those of no finite one in a bar of their own."""
    weights = told["importance"]
    khat = np.array((weights.get("per_row") or {}).get("khat") or [], float)
    if not len(khat):
        return None
    finite = khat[np.isfinite(khat)]
    least, most = (min(finite), max(finite)) if len(finite) else (RELIABLE, RELIABLE)
    width = max(most - least, 0.1) / bar_count(len(khat))
    # One edge is where reliability ends.
    first, last = np.floor((least - RELIABLE) / width), np.ceil((most - RELIABLE) / width)
    ends = RELIABLE + width * np.arange(first, max(last, first + 1) + 1)
    heights, _ = np.histogram(finite, ends)
    middles = (ends[1:] + ends[:-1]) / 2
    lost = len(khat) - len(finite)
    if lost:
        heights, middles = np.append(heights, lost), np.append(middles, ends[-1] + 2 * width)
    bars = {
        "type": "bar",
        "x": plain(middles),
        "y": heights.tolist(),
        "width": width,
        "marker": {"color": [ORANGE if x > RELIABLE else BLUE for x in middles]},
        "hovertemplate": "k̂ near %{x:.2f}: %{y} rows<extra></extra>",
    }
    line = {
        "type": "line", "x0": RELIABLE, "x1": RELIABLE, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": GREY, "dash": "dot"},
    }  # fmt: skip
    share = weights["unreliable_rows"] / len(khat)
    beyond = f" The last bar is of {counted(lost, 'row')} whose k̂ is not finite." if lost else ""
    caption = (
        f"Pareto k̂ of the importance weights of {counted(len(khat), 'row')},"
        f" {count(weights['draws'])} draws each. Of {share:.0%} of the rows it is above"
        f" {RELIABLE}, the line: there weighing the encoder's draws is not reliable whatever their"
        f" number, and annealed evidence is to be used.{beyond}"
    )
    layout = {"xaxis": axis("k̂"), "yaxis": axis("rows"), "shapes": [line], "showlegend": False}
    label = f"k̂ is above {RELIABLE} for {share:.0%} of the rows"
    picture = chart("weights", [bars], layout, label=label)
    return Section("weights", "Whether draws can be weighed", figure(picture, caption))


def _ranks(told: Told) -> Section:
    """A histogram of ranks for each latent, those furthest from uniform first."""
    found = told["calibration"]
    histograms, p_values = np.array(found["histograms"]), np.array(found["p_values"])
    shown = np.argsort(p_values, kind="stable")[:_MOST_RANKS]
    bins = histograms.shape[1]
    # Of so many bins each lies within the band with this probability where ranks are uniform.
    low, high = stats.binom.interval(_BAND, found["rows"], 1 / bins)
    positions = (np.arange(bins) + 0.5) * (found["draws"] + 1) / bins
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"showlegend": False, "shapes": [], "annotations": []}
    rows = -(-len(shown) // _A_LINE)
    for place, latent in enumerate(shown):
        row, column = divmod(place, _A_LINE)
        name = "" if place == 0 else str(place + 1)
        left, top = column / _A_LINE, 1 - row / rows
        bottom = top - 0.72 / rows
        rejected = int(latent) in found["rejected"]
        traces.append({
            "type": "bar", "x": plain(positions), "y": histograms[latent].tolist(),
            "xaxis": f"x{name}", "yaxis": f"y{name}",
            "marker": {"color": ORANGE if rejected else BLUE},
            "hovertemplate": f"z{latent}, rank near %{{x:.0f}}: %{{y}} rows<extra></extra>",
        })  # fmt: skip
        layout[f"xaxis{name}"] = axis(
            domain=[left, left + 0.2], anchor=f"y{name}", showticklabels=False, showgrid=False
        )
        layout[f"yaxis{name}"] = axis(
            domain=[bottom, top - 0.12 / rows], anchor=f"x{name}", rangemode="tozero", nticks=3
        )
        layout["shapes"].append({
            "type": "rect", "xref": f"x{name} domain", "yref": f"y{name}", "x0": 0, "x1": 1,
            "y0": float(low), "y1": float(high), "fillcolor": GREY, "opacity": 0.25,
            "line": {"width": 0}, "layer": "below",
        })  # fmt: skip
        fault = f": {found['faults'][str(latent)]}" if rejected else ""
        layout["annotations"].append({
            "text": f"z{latent}{fault}", "xref": f"x{name} domain", "yref": f"y{name} domain",
            "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom", "showarrow": False,
        })  # fmt: skip
    least = f", the {len(shown)} least even" if len(shown) < len(p_values) else ""
    caption = (
        f"Where the z that {count(found['rows'])} simulated rows were made of ranks among"
        f" {count(found['draws'])} draws of q(z | x){least}. An even histogram, nearly all of it"
        " within the grey band, is that of the exact posterior; a valley says that q is too"
        " narrow, a hill too wide, a slope that it is shifted. Orange latents are rejected by a"
        f" test that has {found['false_alarms']:.0%} false alarms over all of them (p"
        f" {p_value(found['p_value'])})."
    )
    label = f"Ranks are not uniform for {counted(len(found['rejected']), 'latent')}"
    picture = chart("ranks", traces, layout, label=label, height=60 + 150 * rows)
    return Section("ranks", "Whether the encoder is calibrated", figure(picture, caption))


DIAGNOSIS: tuple[Callable[[Told], Section | None], ...] = (
    _verdict,
    _gaps,
    _latents,
    _weights,
    _ranks,
)
