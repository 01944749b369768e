"""The page of a diagnosis: each section from its numbers, and from those that are unknown."""

from typing import Any

import numpy as np
import pytest

from jensen.queries.diagnosis.calibration import calibration_of
from jensen.report import write_diagnosis
from jensen.report.charts import BLUE, ORANGE

from .pages import Page

_EVEN = np.arange(1000)[:, None] % 100 * np.ones(3, int)
# The second latent's ranks gather at both ends.
_EVEN[:, 1] = np.where(_EVEN[:, 1] < 50, _EVEN[:, 1] // 2, 99 - (99 - _EVEN[:, 1]) // 2)
_MEAN = {"value": 1.5, "stderr": 0.1}
TOLD: dict[str, Any] = {
    "gaps": {
        "rows": 100,
        "known": 99,
        "log_evidence": {"value": -82.5, "stderr": 0.02},
        "elbo": {"value": -84.0, "stderr": 0.03},
        "total": _MEAN,
        "approximation": {"value": 0.9, "stderr": 0.05},
        "amortisation": {"value": 0.6, "stderr": 0.04},
    },
    "generalisation": {"value": 4.1, "stderr": 0.9},
    "information": {
        "rows": 180,
        "mutual_information": {"value": 5.1, "stderr": 0.01, "most": 5.19},
        "aggregate_kl": _MEAN,
        "kl": {"value": 6.6, "stderr": 0.2},
        "kl_by_latent": [3.0, 0.0, 3.6],
        "spread_of_means": [0.9, 0.0, 0.95],
        "active_units": 2,
        "collapsed": [1],
    },
    "importance": {
        "draws": 1000,
        "unreliable_rows": 3,
        "per_row": {"khat": [0.2, 0.65, 0.72, np.inf, np.inf], "ess": [9.0] * 5},
    },
    "calibration": calibration_of(_EVEN, 99).to_json(),
    "residuals": {},
    "verdict": ["The ELBO loses 1.5 nats a row: <both> count.", "No collapse."],
}
UNKNOWN = TOLD | {
    "gaps": TOLD["gaps"] | {"approximation": None, "amortisation": None},
    "generalisation": None,
    "information": TOLD["information"] | {"kl_by_latent": None},
    "importance": {"draws": 1000, "per_row": {"khat": None, "ess": None}},
}


@pytest.fixture(params=[TOLD, UNKNOWN], ids=["whole", "unknown"])
def case(request, tmp_path):
    return request.param, Page(write_diagnosis(tmp_path / "d.html", "digits", request.param))


def test_every_figure_says_how_to_read_it(case):
    told, page = case
    sections = [attributes["id"] for attributes in page.all("section")]
    weighed = ["weights"] if told is TOLD else []
    assert sections == ["verdict", "gaps", "latents", *weighed, "ranks"]
    assert len(page.captions) == len(sections) - 1
    assert all(caption.endswith(".") and len(caption) > 40 for caption in page.captions)
    assert "<both>" in page.words


def test_bars_are_the_numbers(tmp_path):
    charts = Page(write_diagnosis(tmp_path / "d.html", "digits", TOLD)).charts()
    assert charts["gaps"][0][0]["x"] == [1.5, 0.9, 0.6, 4.1]
    assert charts["latents"][0][0]["x"] == ["z2", "z0", "z1"]
    assert charts["latents"][0][0]["y"] == [3.6, 3.0, 0.0]
    weights = charts["weights"][0][0]
    assert sum(weights["y"]) == 5
    # Rows of no finite k̂ are the last bar, and each bar lies on one side of the line.
    assert weights["y"][-1] == 2
    orange = [c == ORANGE for c in weights["marker"]["color"]]
    assert sum(y for y, far in zip(weights["y"], orange, strict=True) if far) == 3
    ranks, layout = charts["ranks"]
    # The least even first, and named with its fault.
    assert ranks[0]["y"] == TOLD["calibration"]["histograms"][1]
    assert layout["annotations"][0]["text"] == "z1: too narrow"
    band = layout["shapes"][0]
    assert band["y0"] < 50 < band["y1"]


def test_what_is_unknown_has_no_bar(tmp_path):
    charts = Page(write_diagnosis(tmp_path / "d.html", "digits", UNKNOWN)).charts()
    assert charts["gaps"][0][0]["x"] == [1.5]
    assert charts["latents"][0][0]["y"] == [0.95, 0.9, 0.0]
    assert "weights" not in charts


def test_colours_follow_what_is_shown(tmp_path):
    alone = UNKNOWN | {"generalisation": TOLD["generalisation"]}
    page = Page(write_diagnosis(tmp_path / "d.html", "digits", alone))
    bars = page.charts()["gaps"][0][0]
    assert bars["marker"]["color"] == [BLUE, ORANGE]
    assert "posterior family" not in page.words
    one = TOLD["information"] | {"rows": 1, "active_units": 0, "collapsed": [0, 1, 2]}
    page = Page(write_diagnosis(tmp_path / "d.html", "digits", TOLD | {"information": one}))
    assert set(page.charts()["latents"][0][0]["marker"]["color"]) == {BLUE}
    assert "collapsed" not in page.words
