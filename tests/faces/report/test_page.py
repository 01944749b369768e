"""The page: it opens without a network, is well formed, and every figure says how to read it."""

import itertools
import re
from dataclasses import replace

import pytest

from jensen.errors import FileError
from jensen.report import write_report
from jensen.report.sections import SECTIONS

from .pages import CASES, LADDER, SUMMARY


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


def test_every_figure_says_how_to_read_it(case):
    data, page = case
    # training, samples, labels, originals, latent, ladder, evidence, least likely; of images the
    # closest training images too, samples of labels, traversals, and ways between images
    figures = 8 if data.image_shape is None else 12
    assert len(page.captions) == (figures if data.history else 0)
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
    # Two are of tables, and two of images.
    sections = len(SECTIONS) - 2 * (not data.columns) - 2 * (data.image_shape is None)
    assert len(page.all("section")) == (sections if data.history else 0)


def test_sections_stand_in_order(page_of):
    ids = [attributes["id"] for attributes in page_of(CASES["images"]).all("section")]
    assert ids == [
        "headline",
        "assumptions",
        "verdict",
        "training",
        "samples",
        "conditions",
        "closest",
        "reconstructions",
        "walks",
        "latent",
        "ladder",
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
        ladder=[rung | {"name": f"{evil}{i}"} for i, rung in enumerate(LADDER)],
        ladder_note=evil,
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
