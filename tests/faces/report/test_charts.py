"""The charts: their traces hold the numbers that they were given."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from jensen.report.charts import thin

from .pages import CASES, LADDER, history


def test_charts_are_valid(case):
    data, page = case
    charts = page.charts()
    assert len(charts) == sum(a.get("class") == "plotly-graph-div" for a in page.all("div"))
    assert bool(charts) == bool(data.history)
    for traces, layout in charts.values():
        figure = go.Figure(data=traces, layout=layout)
        assert len(figure.data) == len(traces) >= 1
    for attributes in page.all("div"):
        assert attributes.get("class") != "chart" or attributes["aria-label"]


def test_training_marks_the_best_epoch(page_of):
    traces, layout = page_of(CASES["images"]).charts()["training"]
    best = max(CASES["images"].history, key=lambda r: r["validation_elbo"])["epoch"]
    assert 1 < best < 60
    assert [shape["x0"] for shape in layout["shapes"]] == [best]
    assert sorted({trace["name"] for trace in traces}) == ["train", "validation"]
    assert len(traces) == 6
    _, layout = page_of(replace(CASES["images"], best_epoch=17)).charts()["training"]
    assert layout["shapes"][0]["x0"] == 17


def test_without_validation_nothing_is_said_of_it(page_of):
    page = page_of(CASES["no validation"])
    traces, layout = page.charts()["training"]
    assert {trace["name"] for trace in traces} == {"train"}
    assert "shapes" not in layout
    assert "validation (blue)" not in page.words


def test_gaps_in_a_history_are_left_out(page_of):
    records = history(30)
    for record in records[::2]:
        del record["validation_elbo"]
    records[3]["train_elbo"] = float("nan")
    records[5]["train_kl"] = None
    traces, _ = page_of(replace(CASES["table"], history=records)).charts()["training"]
    lengths = {(trace["name"], trace["yaxis"]): len(trace["y"]) for trace in traces}
    assert lengths["validation", "y"] == 15
    assert lengths["train", "y"] == lengths["train", "y3"] == 29


def test_long_histories_are_thinned_but_keep_their_peaks(page_of):
    traces, _ = page_of(CASES["long"]).charts()["training"]
    assert all(len(trace["x"]) <= 600 for trace in traces)
    y = np.random.default_rng(0).normal(size=10_000)
    y[4321] = 50
    x, thinned = thin(np.arange(10_000), y)
    assert (x[0], x[-1]) == (0, 9999)
    assert {y.min(), y.max()} <= set(thinned)
    assert (np.diff(x) > 0).all()


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (None, [""]),
        ([10, 9, 2] * 8, ["2", "9", "10"]),
        (["b", "a"] * 12, ["a", "b"]),
        (np.arange(24) / 7, [""]),
        ([f"class {i % 20:02}" for i in range(24)], None),
    ],
)
def test_latent_labels(page_of, labels, names):
    for latent in (CASES["table"].latent, CASES["table"].latent[:, :1]):
        data = replace(CASES["table"], latent=latent, latent_labels=labels)
        traces, _ = page_of(data).charts()["latent"]
        found = [trace["name"] for trace in traces]
        assert found == names if names is not None else (len(found), found[-1]) == (12, "other")
        drawn = [trace["x"] if trace["type"] == "scatter" else trace["y"] for trace in traces]
        count = len if traces[0]["type"] == "scatter" else sum
        assert sum(map(count, drawn)) == 24


def test_many_points_are_drawn_in_part_and_said_so(page_of):
    data = replace(CASES["table"], latent=np.zeros((10_001, 2)), latent_labels=None)
    page = page_of(data)
    assert len(page.charts()["latent"][0][0]["x"]) == 3334
    assert "One row in 3 is drawn." in page.words


def test_a_row_far_out_does_not_squash_the_histogram(page_of):
    values = CASES["table"].row_evidence.copy()
    values[0], values[1] = -1e6, -np.inf
    page = page_of(replace(CASES["table"], row_evidence=values))
    bars = page.charts()["evidence"][0][0]
    assert min(bars["x"]) > -500
    assert sum(bars["y"]) == 23
    assert "The leftmost bar also holds 1 of less than" in page.words
    assert "Rows without a finite evidence, left out: 1." in page.words


def test_the_ladder_shows_each_rung_with_its_error(page_of):
    page = page_of(CASES["table"])
    traces, layout = page.charts()["ladder"]
    lower, upper = traces
    assert lower["x"] == [-96.5, -86.1, -84.9, -84.21]
    assert lower["error_x"]["array"] == [0.42, 0.1, 0.14, 0.06]
    assert lower["marker"]["symbol"] == ["circle-open", "circle", "circle", "circle"]
    assert (upper["x"], upper["y"]) == ([-84.12], ["upper side"])
    assert upper["error_x"]["array"] == [0.12]
    # The band goes from the best lower bound to the upper one, and rungs stand in order.
    (band,) = layout["shapes"]
    assert (band["x0"], band["x1"]) == (-84.21, -84.12)
    assert layout["yaxis"]["categoryarray"] == [rung["name"] for rung in LADDER]
    assert "Hollow rungs rest on fewer than ten effective draws" in page.words
    assert "On 20 rows, and as many simulated ones." in page.words
    told = next(a["aria-label"] for a in page.all("div") if "Estimates" in a.get("aria-label", ""))
    assert "annealed −84.210 ± 0.030 (14.2 effective draws)" in told


def test_a_ladder_without_doubt_does_not_speak_of_it(page_of):
    rungs = [rung | {"effective": 10.0} for rung in LADDER]
    page = page_of(replace(CASES["table"], ladder=rungs))
    assert "Hollow" not in page.words
    assert all("open" not in symbol for symbol in page.charts()["ladder"][0][0]["marker"]["symbol"])


def test_a_rung_far_below_does_not_squash_the_others(page_of):
    rungs = [LADDER[0] | {"value": -500.0}, *LADDER[1:]]
    traces, layout = page_of(replace(CASES["table"], ladder=rungs)).charts()["ladder"]
    assert min(traces[0]["x"]) == -86.1
    (arrow,) = layout["annotations"]
    assert (arrow["y"], arrow["text"]) == ("prior mixture", "← −500.0")


def test_rungs_that_are_not_numbers_are_left_out(page_of):
    rungs = [LADDER[0] | {"value": None}, LADDER[1] | {"value": -np.inf}, *LADDER[2:4]]
    traces, layout = page_of(replace(CASES["table"], ladder=rungs)).charts()["ladder"]
    assert [trace["x"] for trace in traces] == [[-84.9, -84.21]]
    assert layout["shapes"] == []
    page = page_of(replace(CASES["table"], ladder=rungs[:3]))
    assert "ladder" not in page.charts()


def test_tables_show_values_by_feature(page_of):
    names = [f"feature {i}" for i in range(300)]
    page = page_of(replace(CASES["wide table"], feature_names=names))
    assert "row log evidence feature 0 feature 1" in page.words
    assert "The first 8 of 300 features are shown." in page.words
    charts = page.charts()
    assert {traces[0]["type"] for name, (traces, _) in charts.items() if "samples" in name} == {
        "heatmap"
    }
    assert np.shape(charts["originals"][0][0]["z"]) == (24, 200)
    lines = page_of(CASES["table"]).charts()["samples-prior"][0][0]
    assert len(lines["x"]) == len(lines["y"]) == 24 * 7


def test_missing_cells_and_constant_features_are_drawn(page_of):
    rows = np.random.default_rng(0).normal(size=(24, 6))
    rows[:, 1], rows[:, 2], rows[0, 3], rows[1, 3] = 5.0, np.nan, np.nan, np.inf
    data = replace(
        CASES["table"],
        prior_samples=rows,
        posterior_samples=rows,
        originals=rows,
        reconstructions=rows,
    )
    z = np.array(page_of(data).charts()["originals"][0][0]["z"], dtype=float)
    assert (z[:, 1] == 0.5).all()
    assert np.isnan(z[:, 2]).all()
    assert np.nanmin(z) == 0
    assert np.nanmax(z) == 1
