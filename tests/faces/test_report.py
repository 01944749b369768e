"""The report: one page that opens without a network, and says how to read its pictures."""

import base64
import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from jensen.errors import FileError, OptionError
from jensen.report import ReportData, write_report
from jensen.report.charts import thin
from jensen.report.pictures import png_grid
from jensen.report.sections import SECTIONS

VOID = {"meta", "img", "br", "link", "input", "hr"}
SUMMARY = {
    "rows": {"train": 1437, "validation": 180, "test": 180},
    "features": 64,
    "likelihood": "beta-binomial",
    "elbo": -86.12,
    "reconstruction": -70.25,
    "kl": 15.87,
    "log_evidence": {
        "value": -84.312,
        "stderr": 0.021,
        "row_stderr": 1.04,
        "method": "importance",
        "kind": "lower bound",
        "draws": 1000,
        "ess": 41.3,
        "khat": None,
        "unreliable_rows": 12,
    },
    "bits_per_dim": 1.9004,
    "baselines": {"independent columns": -108.1, "full Gaussian": -80.0, "unknown": None},
    "active_units": 10,
    "epochs": 120,
    "seconds": 14.2,
}


class Page(HTMLParser):
    """What a test asks of a page: its elements, its words, and that its tags are closed."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.open, self.tags, self.text, self.captions = [], [], [], []
        self.feed(self.source)
        assert not self.open
        self.words = re.sub(r"\s+", " ", " ".join(self.text))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "figure":
            self.captions.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)
        if "figcaption" in self.open:
            self.captions[-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def images(self):
        found = []
        for attributes in self.all("img"):
            head, data = attributes["src"].split(",")
            assert head == "data:image/png;base64"
            image = Image.open(BytesIO(base64.b64decode(data)))
            image.load()
            assert (str(image.width), str(image.height)) == (
                attributes["width"],
                attributes["height"],
            )
            found.append(image)
        return found

    def charts(self):
        """Name -> traces and layout, as plotly.js is handed them."""
        found, decoder = {}, json.JSONDecoder()
        for match in re.finditer(r'Plotly\.newPlot\(\s*"chart-([\w-]+)",\s*', self.source):
            traces, end = decoder.raw_decode(self.source, match.end())
            start = end + re.match(r",\s*", self.source[end:]).end()
            found[match.group(1)] = (traces, decoder.raw_decode(self.source, start)[0])
        return found


def history(n, validated=True):
    def record(epoch):
        reconstruction, kl = -70 - 120 * np.exp(-8 * epoch / n), 16 * (1 - np.exp(-9 * epoch / n))
        terms = {"elbo": reconstruction - kl, "reconstruction": reconstruction, "kl": kl}
        found = {"epoch": epoch, "grad_norm": 3.0, "seconds": 0.1, "train_active_units": 9}
        found |= {f"train_{name}": value for name, value in terms.items()}
        late = 9.0 * (epoch / n) ** 4
        return found | (
            {f"validation_{k}": v - late for k, v in terms.items()} if validated else {}
        )

    return [record(epoch) for epoch in range(1, n + 1)]


def content(event, n=24, image=None, epochs=60, validated=True, latent=2, title="digits"):
    rng = np.random.default_rng(0)

    def rows(k):
        return rng.integers(0, 17, (k, *event))

    return ReportData(
        title=title,
        summary=SUMMARY,
        event_shape=event,
        image_shape=image,
        value_range=(0, 16),
        assumptions=["kind: bounded integers 0..16", "scores: probabilities"],
        verdict=["No collapse."],
        checks=[
            {"name": "mean", "observed": 4.9, "model_mean": 4.8, "p_value": 0.4},
            {"name": "share of zeros", "observed": 0.5, "model_mean": 0.4, "p_value": 0.0002},
            {"name": "correlation", "observed": None, "model_mean": float("nan"), "p_value": None},
        ],
        history=history(epochs, validated),
        prior_samples=rows(n),
        posterior_samples=rows(n),
        originals=rows(n),
        reconstructions=rows(n) * 0.9,
        latent=rng.normal(size=(n, latent)),
        latent_note="first two principal components",
        latent_labels=rng.integers(0, 10, n),
        row_evidence=rng.normal(-84, 9, n),
        row_errors=np.full(n, 0.213),
        row_indices=7 * np.arange(n),
        least_likely=rows(min(n, 5)),
        least_likely_evidence=np.linspace(-120, -110, min(n, 5)),
        least_likely_rows=7 * np.arange(min(n, 5)),
    )


CASES = {
    "images": content((64,), image=(8, 8)),
    "shaped images": content((8, 8, 1), image=(8, 8, 1)),
    "colour": content((5, 4, 3), image=(5, 4, 3)),
    "table": content((6,)),
    "one feature": content((1,)),
    "wide table": content((300,)),
    "one row": content((64,), n=1, image=(8, 8), epochs=1),
    "one row of a table": content((3,), n=1, epochs=1, validated=False, latent=1),
    "no validation": content((6,), validated=False),
    "one latent": content((6,), latent=1),
    "long": content((6,), epochs=10_000),
    "nothing": ReportData(title="", summary={}, event_shape=(3,)),
}


@pytest.fixture(scope="module", params=CASES, ids=list(CASES))
def case(request, tmp_path_factory):
    data = CASES[request.param]
    return data, Page(write_report(tmp_path_factory.mktemp("report") / "report.html", data))


@pytest.fixture
def page_of(tmp_path):
    return lambda data: Page(write_report(tmp_path / "report.html", data))


def test_asks_nothing_of_a_network(case):
    _, page = case
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert re.match(r"data:image/png;base64,|#[a-z-]+$|^$", attributes.get(name) or "")
    assert not page.all("link")
    style = re.search(r"<style>(.*?)</style>", page.source, re.DOTALL).group(1)
    assert "url(" not in style
    assert "@import" not in style
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'")


def test_holds_plotly_once_where_it_has_charts(case):
    _, page = case
    assert page.source.count("plotly.js v") == (1 if page.charts() else 0)


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


def test_every_figure_says_how_to_read_it(case):
    data, page = case
    # training, samples, originals, latent, evidence, least likely
    assert len(page.captions) == (6 if data.history else 0)
    assert all(caption.endswith(".") and len(caption) > 40 for caption in page.captions)


def test_headings_and_names(case):
    data, page = case
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert page.all("html") == [{"lang": "en"}]
    assert all(attributes["alt"] for attributes in page.all("img"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(a["href"][1:] in ids for a in page.all("a"))
    assert len(page.all("section")) == (len(SECTIONS) if data.history else 0)


def test_pictures_are_png_of_the_expected_size(case):
    data, page = case
    images = page.images()
    if data.image_shape is None:
        assert not images
        return
    h, w = data.image_shape[:2]
    scale = round(56 / min(h, w))
    n = len(data.originals)
    prior, posterior, both, *least = images
    columns = min(n, 446 // (scale * w + 6))
    rows = -(-n // columns)
    assert prior.size == posterior.size
    assert prior.size == (columns * (scale * w + 6) - 6, rows * (scale * h + 6) - 6)
    enlarged = round(56 / min(h, 2 * w + 1))
    pair = enlarged * (2 * w + 1)
    columns = min(n, 934 // (pair + 24))
    assert both.size == (columns * (pair + 24) - 24, -(-n // columns) * (enlarged * h + 24) - 24)
    assert [image.size for image in least] == [(scale * w, scale * h)] * len(data.least_likely)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_grid_shows_each_pixel(mode):
    colours = (3,) if mode == "RGBA" else ()
    images = np.random.default_rng(0).integers(0, 17, (5, 8, 8, *colours)).astype(float)
    images[0, 0, 0] = np.nan
    image = Image.open(BytesIO(png_grid(images, (0, 16), columns=3)))
    assert image.mode == mode
    pixels = np.asarray(image)
    assert pixels.shape[:2] == (2 * 56 + 6, 3 * 56 + 12)
    for i, expected in enumerate(images):
        tile = pixels[62 * (i // 3) :, 62 * (i % 3) :][3:56:7, 3:56:7]
        known = ~np.isnan(expected) if mode == "LA" else ~np.isnan(expected).any(-1)
        shown = tile[..., 0] if mode == "LA" else tile[..., :3]
        np.testing.assert_array_equal(shown[known], np.rint(expected / 16 * 255)[known])
        np.testing.assert_array_equal(tile[..., -1] == 255, known)
    assert (pixels[56:62, ..., -1] == 0).all()
    assert (pixels[62:, 2 * 62 :, ..., -1] == 0).all()


def test_a_constant_range_and_large_images_are_drawn():
    assert Image.open(BytesIO(png_grid(np.ones((1, 4, 4)), (1, 1)))).size == (56, 56)
    large = np.zeros((9, 1000, 1000))
    assert Image.open(BytesIO(png_grid(large, (0, 1), columns=9))).size == (4018, 1000)


def test_scores(page_of):
    words = page_of(CASES["images"]).words
    assert "−86.12 ELBO = −70.25 reconstruction − 15.87 KL" in words
    assert "−84.312 ± 0.021" in words
    assert "lower bound, by importance, 1,000 draws a row, median effective draws 41" in words
    assert "unreliable for 12 rows" in words
    assert "Bits per dimension 1.900" in words
    assert "independent columns −108.10 +23.79" in words
    assert "full Gaussian −80.00 −4.31" in words
    assert "unknown – –" in words
    assert "64 features · 1,437 training, 180 validation, 180 held-out rows" in words
    assert "share of zeros 0.5 0.4 < 0.001" in words
    assert "correlation – – –" in words
    assert "row 7 −117.50 ± 0.21 nats" in words


def test_a_density_has_no_bits(page_of):
    data = replace(CASES["table"], summary=SUMMARY | {"bits_per_dim": None})
    assert "Bits" not in page_of(data).words


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_unknown_scores_are_dashes(page_of, missing):
    evidence = dict.fromkeys(SUMMARY["log_evidence"], missing) | {"kind": "estimate"}
    summary = dict.fromkeys(SUMMARY, missing) | {"elbo": -1.5, "log_evidence": evidence}
    summary |= {"rows": {}, "baselines": {"a": missing}}
    words = page_of(replace(CASES["table"], summary=summary)).words
    assert "−1.50 ELBO = – reconstruction − – KL" in words
    assert not re.search(r"\b(nan|None)\b", words)


def test_sections_stand_in_order(page_of):
    ids = [attributes["id"] for attributes in page_of(CASES["images"]).all("section")]
    assert ids == [
        "headline",
        "assumptions",
        "verdict",
        "training",
        "samples",
        "reconstructions",
        "latent",
        "evidence",
        "checks",
    ]


def test_hostile_words_are_text(page_of):
    evil = '</script><script>alert("1")</script><img src="http://x.org/a" onerror=alert(1)>&'
    data = replace(
        CASES["table"],
        title=evil,
        summary=SUMMARY | {"likelihood": evil, "baselines": {evil: -85.0}},
        assumptions=[evil],
        verdict=[evil, evil],
        checks=[{"name": evil, "observed": 1, "model_mean": 1, "p_value": 1}],
        feature_names=[evil] * 6,
        latent_note=evil,
        latent_labels=[evil] * 12 + ["<b>bold</b>"] * 12,
    )
    page = page_of(data)
    plain = page_of(CASES["table"])
    assert len(page.all("script")) == len(plain.all("script"))
    assert not page.all("img")
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert page.words.count(evil) >= 7
    # Plotly reads tags in its labels, so there they are entities.
    names = [trace["name"] for trace in page.charts()["latent"][0]]
    assert "&lt;b&gt;bold&lt;/b&gt;" in names
    assert not any("<" in name for name in names)


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


def test_the_same_content_gives_the_same_file(tmp_path):
    paths = [write_report(tmp_path / name, CASES["images"]) for name in ("a.html", "b.html")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].stat().st_size < 6_000_000


def test_writing(tmp_path):
    path = write_report(str(tmp_path / "new" / "report.html"), CASES["nothing"])
    assert path == tmp_path / "new" / "report.html"
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    with pytest.raises(FileError, match="new"):
        write_report(tmp_path / "new", CASES["nothing"])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"image_shape": (8, 7)}, "image_shape"),
        ({"image_shape": (8, 4, 2)}, "image_shape"),
        ({"originals": np.zeros((24, 63))}, "originals"),
        ({"prior_samples": np.zeros(64)}, "prior_samples"),
        ({"reconstructions": np.zeros((3, 64))}, "reconstructions has 3 rows"),
        ({"row_evidence": None}, "row_errors"),
        ({"latent": np.zeros((24, 3))}, "latent"),
        ({"latent_labels": [1]}, "latent_labels"),
        ({"feature_names": ["a"]}, "feature_names"),
    ],
)
def test_content_that_does_not_fit_is_refused(change, match):
    with pytest.raises(OptionError, match=match):
        replace(CASES["images"], **change)


def test_empty_arrays_are_left_out(page_of):
    empty = np.zeros((0, 64))
    data = replace(CASES["images"], prior_samples=empty, originals=empty, reconstructions=empty)
    page = page_of(data)
    assert "From the prior" not in page.words
    assert "reconstructions" not in [a["id"] for a in page.all("section")]
