"""Pages to test: what they are filled with, and what a test asks of one."""

import base64
import json
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
from PIL import Image

from jensen.report import ReportData

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
LADDER = [
    {"name": name, "value": value, "stderr": stderr, "kind": kind, "effective": effective}
    for name, value, stderr, kind, effective in (
        ("prior mixture", -96.5, 0.21, "lower bound", 1.3),
        ("ELBO", -86.1, 0.05, "lower bound", None),
        ("importance, 100 draws", -84.9, 0.07, "lower bound", 12.0),
        ("annealed", -84.21, 0.03, "lower bound", 14.2),
        ("upper side", -84.12, 0.06, "upper side", None),
    )
]


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
        prior_means=rows(n),
        posterior_samples=rows(n),
        originals=rows(n),
        reconstructions=rows(n) * 0.9,
        conditions=[
            {"name": "<b>0</b>", "rows": 12, "value": -80.25, "stderr": 1.04, "unreliable": 3},
            {"name": 1, "rows": 0, "value": None, "stderr": None, "unreliable": 0},
        ],
        conditions_left=5,
        given_labels=rng.integers(0, 17, (2, 4, *event)),
        given_labels_means=rng.integers(0, 17, (2, 4, *event)),
        traversals=rng.integers(0, 17, (3, 7, *event)),
        traversed=[4, 0, 2],
        between=rng.integers(0, 17, (2, 5, *event)),
        closest=rows(min(n, 6)),
        closest_nearer=np.linspace(0, 1, min(n, 6)),
        latent=rng.normal(size=(n, latent)),
        latent_note="first two principal components",
        latent_labels=rng.integers(0, 10, n),
        ladder=LADDER,
        ladder_note="On 20 rows, and as many simulated ones.",
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
