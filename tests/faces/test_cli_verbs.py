"""The verbs on saved models: what they print, where, and in which form."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import jensen
from jensen.cli import _app, main
from jensen.cli._held_out import digest
from jensen.objectives import Objective
from jensen.parts._families import members
from jensen.parts.likelihoods import Likelihood
from jensen.parts.posteriors import PosteriorFamily
from jensen.parts.priors import Prior

pytestmark = pytest.mark.usefixtures("as_users_run_it")

NAMES = ["height", "width", "a depth, say"]
ESTIMATE = {"value", "stderr", "method", "kind", "draws", "ess", "khat"}


@pytest.fixture(scope="session")
def home(tmp_path_factory, save_model):
    """A folder with two small models and rows for them."""
    home = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.5], [0, 0, 1]])
    with (home / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(NAMES)
        writer.writerows(X.tolist())
    save_model(home / "table", X, NAMES, likelihood="normal")
    save_model(home / "other", X, NAMES, likelihood="student-t")
    pixels = rng.integers(0, 2, size=(40, 8, 8)).astype("uint8")
    np.save(home / "pixels.npy", pixels)
    save_model(home / "pixels.jensen", pixels, likelihood="bernoulli")
    return home


@pytest.fixture
def run(home, monkeypatch, capsys):
    """Run a command line in that folder: its stdout, after exit code 0."""
    monkeypatch.chdir(home)

    def run(line, quiet=True):
        assert main(line.split() + (["--quiet"] if quiet else [])) == 0
        out, err = capsys.readouterr()
        assert not (quiet and err), err
        return out

    return run


def table(text):
    header, *rows = csv.reader(io.StringIO(text))
    return header, np.array(rows, dtype=float)


def test_help_is_light():
    """`jensen --help` loads none of the heavy libraries and takes 0.3 s of process time."""
    source = (
        "import sys, time\n"
        "from jensen.cli import main\n"
        "assert main(['--help']) == 0\n"
        "heavy = {'jax', 'numpy', 'sklearn', 'scipy', 'pandas', 'polars', 'equinox', 'numpyro'}\n"
        "print(sorted(heavy & set(sys.modules)), time.process_time(), file=sys.stderr)\n"
    )
    path = os.pathsep.join(
        [str(Path(jensen.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    loaded, seconds = done.stderr.rsplit(maxsplit=1)
    assert loaded == "[]"
    # Three times the promise, for a machine that does other things meanwhile.
    assert float(seconds) < 0.9
    assert "fit" in done.stdout


@pytest.mark.parametrize("verb", [module.__name__.rpartition(".")[2] for module in _app.VERBS])
def test_every_verb_is_explained_by_an_example(verb, capsys):
    assert main([verb, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"Example: jensen {verb} " in text
    assert "--json" in text


@pytest.mark.parametrize(
    "names",
    [members(Likelihood), members(Prior), members(PosteriorFamily), members(Objective)],
    ids=["likelihoods", "priors", "posteriors", "objectives"],
)
def test_help_of_fit_names_every_part(names, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    main(["fit", "--help"])
    text = capsys.readouterr().out
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--version"]])
def test_without_a_verb(arguments, capsys):
    assert main(arguments) == 0
    assert "jensen" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        "evidence table table.csv --draws 30",
        "evidence table table.csv --method elbo",
        "sample table -n 2",
        "reconstruct table table.csv",
        "denoise table table.csv --noise gaussian:0.5 --rows 0:3",
        "encode table table.csv",
        "decode table latents.csv",
        "score table table.csv",
        "encode table table.csv --method resampled --draws 20",
        "reconstruct table table.csv --method encoder",
        "compare table other table.csv --draws 30",
        "check table table.csv",
        "diagnose table table.csv --rows 0:8",
        "info table",
    ],
)
def test_json_is_all_there_is_on_stdout(line, run, home):
    (home / "latents.csv").write_text("0.5,-1\n0,0\n")
    for quiet in (True, False):
        out = run(f"{line} --json", quiet=quiet)
        assert out.count("\n") == 1
        assert isinstance(json.loads(out, parse_constant=pytest.fail), dict)


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


def test_score(run, home):
    told = json.loads(run("score table table.csv --json"))
    assert set(told) == {"log_evidence", "outlier"}
    vae = jensen.load(home / "table")
    X = np.loadtxt(home / "table.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(told["log_evidence"], vae.score_samples(X), rtol=1e-5)
    assert told["outlier"] == (vae.predict(X) < 0).tolist()
    header, rows = table(run("score table table.csv"))
    assert header == ["log_evidence", "outlier"]
    np.testing.assert_allclose(rows[:, 0], told["log_evidence"], rtol=1e-6)


def test_there_and_back(run, home):
    header, latents = table(run("encode table table.csv"))
    assert (header, latents.shape) == (["vae0", "vae1"], (60, 2))
    assert run("encode table table.csv --out latents.npy") == ""
    np.testing.assert_allclose(np.load(home / "latents.npy"), latents, rtol=1e-6)
    header, rows = table(run("decode table latents.npy --rows :4"))
    assert (header, rows.shape) == (NAMES, (4, 3))
    vae = jensen.load(home / "table")
    np.testing.assert_allclose(rows, vae.inverse_transform(latents[:4]), rtol=1e-5)


@pytest.mark.parametrize(
    "line",
    [
        "evidence table {} --draws 30 --per-row",
        "reconstruct table {}",
        "denoise table {} --noise gaussian:0.5 --rows 0:3",
        "encode table {} --rows 2:9",
        "score table {}",
        "check table {}",
    ],
)
def test_rows_on_standard_input_are_those_of_a_file(line, run, home, piped):
    piped((home / "table.csv").read_bytes())
    assert run(line.format("-")) == run(line.format("table.csv"))


def test_latents_on_standard_input(run, home, piped):
    latents = run("encode table table.csv")
    run("encode table table.csv --out latents.npy")
    piped(latents)
    _, rows = table(run("decode table -"))
    np.testing.assert_allclose(rows, table(run("decode table latents.npy"))[1], rtol=1e-5)


def test_a_complaint_about_standard_input_names_it(run, piped, capsys):
    for line, sent, named in (
        ("encode table -", "1,2\n", "standard input: X has 2 features"),
        ("encode table - --rows 5:", "1,2,3\n", "takes no row of standard input"),
        ("decode table -", "1,2,3\n", "standard input: latents have shape (1, 3)"),
        ("denoise table - --noise gaussian:1", "1,2\n", "standard input: X has 2"),
    ):
        piped(sent)
        assert main(line.split()) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert named in err


def test_one_of_a_thing_is_singular(run, home, capsys, monkeypatch):
    monkeypatch.chdir(home)
    for line, told in (
        ("score table table.csv --rows 0:1", " of 1 row\n"),
        ("sample pixels.jensen --png one.png", "drew 1 row to one.png\n"),
    ):
        assert main(line.split()) == 0
        assert told in capsys.readouterr().err
    assert "with 1 draw: " in run("evidence table table.csv --draws 1 --rows 0:1")


def test_names_with_commas_come_back(run):
    assert run("sample table --out new.csv") == ""
    run("encode table new.csv")


def test_sample(run, home):
    header, rows = table(run("sample table -n 3"))
    assert (header, rows.shape) == (NAMES, (3, 3))
    again = table(run("sample table -n 3"))[1]
    other = table(run("sample table -n 3 --seed 9"))[1]
    assert (again == rows).all()
    assert (other != rows).any()
    told = json.loads(run("sample table -n 2 --source posterior --mean --json"))
    assert (told["source"], told["mean"], len(told["samples"])) == ("posterior", True, 2)
    assert run("sample pixels.jensen -n 4 --out new.npy") == ""
    drawn = np.load(home / "new.npy")
    assert (drawn.shape, drawn.dtype) == ((4, 8, 8), np.uint8)
    assert set(drawn.ravel()) == {0, 1}


def test_sample_as_a_picture(run, home):
    assert run("sample pixels.jensen -n 10 --png new.png") == ""
    with Image.open(home / "new.png") as picture:
        assert min(picture.size) > 8


def test_reconstruct(run, home):
    told = json.loads(run("reconstruct pixels.jensen pixels.npy --rows 0:2 --json"))
    assert np.shape(told["reconstruction"]) == (2, 8, 8)
    told = json.loads(run("reconstruct pixels.jensen pixels.npy --out again.csv --json"))
    assert told == {"out": "again.csv", "shape": [40, 8, 8]}
    assert np.loadtxt(home / "again.csv", delimiter=",").shape == (40, 64)


def test_denoise(run, home):
    line = "denoise pixels.jensen noisy.npy --noise flip:0.1"
    np.save(home / "noisy.npy", np.load(home / "pixels.npy")[:3])
    told = json.loads(run(f"{line} --json"))
    assert set(told) == {"mean", "std", "ess"}
    assert np.shape(told["mean"]) == np.shape(told["std"]) == (3, 8, 8)
    assert run(f"{line} --out clean.npy --std-out spread.csv") == ""
    np.testing.assert_allclose(np.load(home / "clean.npy"), told["mean"], rtol=1e-5)
    spread = np.loadtxt(home / "spread.csv", delimiter=",")
    np.testing.assert_allclose(spread, np.reshape(told["std"], (3, 64)), rtol=1e-5)


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
    assert same.to_json()["verdict"] == told["verdict"]
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
        told = {"gaps": {"per_row": {}}}
        # As if the last row alone had been annealed.
        return SimpleNamespace(to_json=lambda per_row=False: told, annealed=np.array([len(X) - 1]))

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
    if verb == "diagnose":
        assert told["gaps"]["per_row"]["rows"] == [50]
        assert other["gaps"]["per_row"]["rows"] == [2]
    (held_out, others), (named, unknown), (all_rows, nothing) = seen
    np.testing.assert_array_equal(held_out, X[[3, 50]])
    np.testing.assert_array_equal(others, np.delete(X, [3, 50], axis=0))
    np.testing.assert_array_equal(named, X[1:3])
    np.testing.assert_array_equal(all_rows, X)
    assert unknown is nothing is None


def test_info(run):
    told = json.loads(run("info pixels.jensen --json"))
    assert set(told) == {"model", "schema", "assembly", "training", "versions"}
    assert told["schema"]["kind"] == "binary"
    assert told["assembly"]["hidden"] == [8]
    text = run("info pixels.jensen")
    for word in ("binary 0 or 1", "bernoulli", "stopped: all epochs done", "jax "):
        assert word in text


def test_a_model_fitted_to_a_frame_answers_with_numbers(run, home, save_model):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2, 3, 4], "b": [0.5, 1.5, 2.5, 0.0]})
    save_model(home / "frame", frame)
    header, rows = table(run("sample frame -n 3"))
    assert (header, rows.shape) == (["a", "b"], (3, 2))


def test_an_error_is_one_line_and_debugging_shows_more(monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("jensen.cli._describe.describe", broken)
    assert main(["info", "x"]) == 1
    assert capsys.readouterr().err == (
        "error: internal error: ZeroDivisionError: by zero; please report it (JENSEN_DEBUG=1 shows"
        " where)\n"
    )
    monkeypatch.setenv("JENSEN_DEBUG", "1")
    assert main(["info", "x"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_interrupted(monkeypatch, capsys):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("jensen.cli._describe.describe", interrupted)
    assert main(["info", "x"]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_a_reader_that_goes_away(run, monkeypatch, capsys):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    run("info table")
    monkeypatch.setattr(sys, "stdout", Closed())
    assert main(["sample", "table", "-n", "3"]) == 1
    assert capsys.readouterr().err == ""


COMPARISON = {"difference", "stderr", "monte_carlo_stderr", "favours_a", "favours_b", "rows"}


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


def test_encode_by_draws(run, home, tmp_path):
    draws_out = tmp_path / "draws.npy"
    line = "encode table table.csv --rows 0:7 --method refined --draws 20 --json --draws-out"
    told = json.loads(run(f"{line} {draws_out}"))
    assert set(told) == {"latents", "method", "draws", "ess", "khat", "draws_out"}
    z = np.load(draws_out)
    assert z.shape == (7, 20, 2)
    np.testing.assert_allclose(told["latents"], z.mean(1), rtol=1e-5)


def test_draws_of_a_mean_are_refused(run, home, capsys):
    assert main(["encode", "table", "table.csv", "--draws", "5"]) == 2
    assert "--method mean draws nothing" in capsys.readouterr().err
    assert main(["reconstruct", "table", "table.csv", "--method", "guess"]) == 2
    assert "--method='guess' is unknown: choose one of mean, encoder" in capsys.readouterr().err


def test_denoise_by_a_method(run, home):
    line = "denoise table table.csv --noise gaussian:0.5 --rows 0:3 --json"
    told = {name: json.loads(run(f"{line} --method {name}")) for name in ("refined", "encoder")}
    assert told["refined"] == json.loads(run(line))
    assert told["encoder"]["mean"] != told["refined"]["mean"]


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
    assert len(certified["misfits"]) == 1
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
