"""What fills a page: scores in words, what is unknown or empty, and what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest

from jensen.errors import OptionError

from .pages import CASES, SUMMARY


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
    assert "<b>0</b> 12 −80.25 ± 1.04 3 1 0 – 0 The mean estimate" in words
    assert "5 more are not." in words


def test_one_of_a_thing_is_singular(page_of):
    ones = {
        "rows": {"train": 1, "validation": 1, "test": 1},
        "features": 1,
        "epochs": 1,
        "log_evidence": {"value": -84.3, "draws": 1, "unreliable_rows": 1},
    }
    words = page_of(replace(CASES["table"], summary=SUMMARY | ones)).words
    assert "1 feature · 1 training, 1 validation, 1 held-out row ·" in words
    assert "· 1 epoch ·" in words
    assert "1 draw a row" in words
    assert "unreliable for 1 row (" in words


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
    samples = {"prior_samples": empty, "prior_means": empty}
    data = replace(CASES["images"], **samples, originals=empty, reconstructions=empty)
    page = page_of(data)
    assert "From the prior" not in page.words
    assert "reconstructions" not in [a["id"] for a in page.all("section")]
