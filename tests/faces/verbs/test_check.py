"""`check` and `diagnose`: verdicts, and the rows that they are about."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

import jensen
from jensen.cli._held_out import digest
from jensen.cli._options import remedy_as_typed

pytestmark = pytest.mark.usefixtures("as_users_run_it")


@dataclass(frozen=True)
class Judged:
    """What a verb needs of a check or a diagnosis."""

    verdict: list
    annealed: np.ndarray

    def to_json(self, per_row=False):
        return {"gaps": {"per_row": {}}, "verdict": self.verdict}


def test_check(run):
    told = json.loads(run("check table table.csv --json"))
    assert {"baselines", "checks", "verdict", "active_units"} <= set(told)
    assert told["rows"] == list(range(60))
    assert "independent columns" in run("check table table.csv")


def test_diagnose(run, home, capsys):
    told = json.loads(run("diagnose table table.csv --rows 4:12 --json"))
    assert {"gaps", "generalisation", "information", "importance", "calibration"} < set(told)
    assert told["rows"] == list(range(4, 12))
    assert told["gaps"]["rows"] == told["information"]["rows"] == 8
    assert len(told["importance"]["per_row"]["khat"]) == 8
    assert np.shape(told["calibration"]["histograms"]) == (2, 20)
    assert told["verdict"]
    gaps = told["gaps"]
    parts = gaps["approximation"]["value"] + gaps["amortisation"]["value"]
    assert parts == pytest.approx(gaps["total"]["value"])
    each = gaps["per_row"]
    assert each["rows"] == told["rows"]
    for name in ("total", "approximation", "amortisation"):
        assert np.mean(each[name]) == pytest.approx(gaps[name]["value"])
    X = np.loadtxt(home / "table.csv", delimiter=",", skiprows=1)
    same = jensen.load(home / "table").diagnose(X[4:12])
    assert [remedy_as_typed(each) for each in same.verdict] == told["verdict"]
    text = run("diagnose table table.csv --rows 4:12 --report why.html")
    assert "amortisation" in text
    assert "Whether the encoder is calibrated" in (home / "why.html").read_text(encoding="utf-8")
    assert told["verdict"][0] in text
    other = json.loads(run("diagnose table table.csv --rows 4:12 --seed 3 --json"))
    assert other["gaps"]["total"] != gaps["total"]


@pytest.mark.parametrize("verb", ["check", "diagnose"])
def test_rows_that_fit_held_out_are_taken(verb, run, home, monkeypatch):
    """And the others for training rows, unless other rows or other data are named."""
    seen = []

    def judge(vae, X, training, random_state=None):
        seen.append((X, training))
        # As if the last row alone had been annealed.
        return Judged(["Try objective='beta:0.5'."], np.array([len(X) - 1]))

    monkeypatch.setattr(jensen.VAE, verb, judge)
    X = jensen.load(home / "table").schema_.check(
        np.loadtxt(home / "table.csv", delimiter=",", skiprows=1)
    )
    note = {"data": "table.csv", "settings": {}, "test": [3, 50], "test_key": None}
    run_json = home / "table" / "run.json"
    run_json.write_text(json.dumps(note | {"digest": digest(X)}))
    try:
        told = json.loads(run(f"{verb} table table.csv --json"))
        other = json.loads(run(f"{verb} table table.csv --rows 1:3 --json"))
        run_json.write_text(json.dumps(note | {"digest": "another"}))
        json.loads(run(f"{verb} table table.csv --json"))
    finally:
        run_json.unlink()
    assert told["rows"] == [3, 50]
    assert told["verdict"] == ["Try --objective beta:0.5."]
    if verb == "diagnose":
        assert told["gaps"]["per_row"]["rows"] == [50]
        assert other["gaps"]["per_row"]["rows"] == [2]
    (held_out, others), (named, unknown), (all_rows, nothing) = seen
    np.testing.assert_array_equal(held_out, X[[3, 50]])
    np.testing.assert_array_equal(others, np.delete(X, [3, 50], axis=0))
    np.testing.assert_array_equal(named, X[1:3])
    np.testing.assert_array_equal(all_rows, X)
    assert unknown is nothing is None
