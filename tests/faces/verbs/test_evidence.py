"""`evidence`, `score` and `compare`: log p(x) of rows, and what is built on it."""

import json

import numpy as np
import pytest

import jensen
from jensen.cli import main

from .tables import NAMES, table

pytestmark = pytest.mark.usefixtures("as_users_run_it")

ESTIMATE = {"value", "stderr", "method", "kind", "draws", "ess", "khat"}
COMPARISON = {"difference", "stderr", "monte_carlo_stderr", "favours_a", "favours_b", "rows"}


def test_evidence(run, home):
    told = json.loads(run("evidence table table.csv --draws 30 --json"))
    assert set(told) == ESTIMATE | {"rows", "seconds"}
    assert (told["method"], told["draws"], told["rows"]) == ("importance", 30, 60)
    rows = json.loads(run("evidence table table.csv --draws 30 --rows 5:9 --per-row --json"))
    assert set(rows) == ESTIMATE | {"rows", "seconds", "per_row"}
    X = np.loadtxt(home / "table.csv", delimiter=",", skiprows=1)
    same = jensen.load(home / "table").log_evidence(X[5:9], draws=30)
    np.testing.assert_allclose(rows["per_row"], same.values, rtol=1e-6)
    text = run("evidence table table.csv --draws 30")
    assert "lower bound, 60 rows" in text


def test_evidence_by_another_seed(run):
    line = "evidence table table.csv --draws 30 --json"
    values = [json.loads(run(line + seed))["value"] for seed in (" --seed 1", " --seed 2", "")]
    assert len(set(values)) == 3
    assert json.loads(run(line + " --seed 1"))["value"] == values[0]


def test_unknown_reliability_is_null(run):
    # Pareto k̂ is not known from so few draws, and JSON has no NaN.
    assert json.loads(run("evidence table table.csv --draws 5 --json"))["khat"] is None


def test_annealed_and_certified_evidence_have_their_keys(run, home, capsys):
    more = {"lower", "bracket", "temperatures", "chains", "acceptance", "carries_over"}
    line = "evidence table table.csv --rows 0:5 --json --method"
    annealed = json.loads(run(f"{line} annealed --temperatures 7 --chains 4"))
    assert set(annealed) == ESTIMATE | more | {"rows", "seconds"}
    assert (annealed["temperatures"], annealed["chains"]) == (7, 4)
    assert annealed["bracket"] is annealed["carries_over"] is None
    certified = json.loads(run(f"{line} certified --tolerance 5 --chains 4"))
    of_certificates = {"tolerance", "closed", "misfits", "beside"}
    assert set(certified) == ESTIMATE | more | of_certificates | {"rows", "seconds"}
    assert set(certified["bracket"]) == {
        "interval", "lower", "upper", "gap", "gap_stderr", "rows"
    }  # fmt: skip
    assert certified["closed"]
    assert any("k̂ cannot be known of 4 chains" in each for each in certified["misfits"])
    assert set(certified["beside"]["acceptance"]) == {"real", "simulated"}
    assert certified["lower"] < certified["value"]
    # Of so few chains k̂ is not known, and nothing carries over.
    assert certified["carries_over"] is False
    line = f"{line} certified --chains 4"
    hurried = json.loads(run(f"{line} --tolerance 1e-9 --max-time 1e-3"))
    assert not hurried["closed"]
    first = json.loads(run(f"{line} --tolerance 5 --folder kept"))
    assert any((home / "kept").iterdir())
    again = json.loads(run(f"{line} --tolerance 5 --folder kept"))
    assert first["value"] == again["value"] == certified["value"]
    assert main(["evidence", "table", "table.csv", "--folder", "kept"]) == 2
    assert "method='importance' does not have it" in capsys.readouterr().err


def test_score(run, home):
    told = json.loads(run("score table table.csv --json"))
    assert set(told) == {"log_evidence", "outlier", "tail"}
    assert all(0 < each <= 1 for each in told["tail"])
    vae = jensen.load(home / "table")
    X = np.loadtxt(home / "table.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(told["log_evidence"], vae.score_samples(X), rtol=1e-5)
    assert told["outlier"] == (vae.predict(X) < 0).tolist()
    header, rows = table(run("score table table.csv"))
    assert header == ["log_evidence", "outlier"]
    np.testing.assert_allclose(rows[:, 0], told["log_evidence"], rtol=1e-6)


def test_compare(run, home):
    told = json.loads(run("compare table other table.csv --rows 5:25 --draws 30 --json"))
    assert set(told) == COMPARISON | {"a", "b", "words"}
    assert set(told["a"]) == set(told["b"]) == ESTIMATE
    assert told["rows"] == 20
    assert told["difference"] == pytest.approx(told["a"]["value"] - told["b"]["value"], abs=1e-5)
    X = np.loadtxt(home / "table.csv", delimiter=",", skiprows=1)[5:25]
    same = jensen.load(home / "table").compare(jensen.load(home / "other"), X, draws=30)
    assert told["difference"] == pytest.approx(same.difference)
    assert told["words"] in run("compare table other table.csv --rows 5:25 --draws 30")
    itself = json.loads(run("compare table table table.csv --draws 30 --json"))
    assert (itself["difference"], itself["stderr"], itself["favours_a"]) == (0, 0, 0)
    annealed = run("compare table other table.csv --rows 5:9 --method annealed --temperatures 3")
    assert "nats per row, other" in annealed


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"names": ["height", "depth", "width"]}, "column 1 is 'width' in A and 'depth' in B"),
        ({"columns": 2, "names": NAMES[:2]}, "A is of rows of shape (3,) and B of (2,)"),
        ({"whole": True, "names": NAMES}, "A gives densities and B probabilities"),
        ({"factor": 5, "names": NAMES}, "scaled or shifted otherwise than B's, most of all column"),
    ],
    ids=["names", "columns", "score", "scale"],
)
def test_compare_refuses_other_units(parts, why, run, home, tmp_path, capsys, save_model):
    X = np.loadtxt(home / "table.csv", delimiter=",", skiprows=1)[:, : parts.get("columns", 3)]
    whole = parts.get("whole", False)
    rows = np.round(np.abs(X)) if whole else parts.get("factor", 1) * X
    likelihood = "poisson" if whole else "normal"
    save_model(tmp_path / "b", rows, parts["names"], likelihood=likelihood)
    assert main(["compare", str(home / "table"), str(tmp_path / "b"), str(home / "table.csv")]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "not in the same units" in err
    assert why in err
    assert err.count("\n") == 1
