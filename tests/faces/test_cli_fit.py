"""`jensen fit`: what it writes and prints, and how a run that was cut short goes on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jensen
from jensen.cli import main
from jensen.errors import TrainingError
from jensen.training import Trained
from jensen.training.progress import Printer

pytestmark = pytest.mark.usefixtures("as_users_run_it")

SMALL = "--hidden 8 --latent 2 --batch-size 16"
# Seconds differ from run to run; folders are where a test puts them.
OWN = ("seconds", "model", "report")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A folder with rows of two columns and a hidden cause."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    cause = rng.normal(size=(60, 1))
    X = cause * [1.0, -2.0] + rng.normal(0, 0.3, size=(60, 2))
    text = "\n".join(["age,income", *(",".join(map(str, row)) for row in X.tolist())])
    (tmp_path / "people.csv").write_text(text)
    return tmp_path


@pytest.fixture
def untrained(monkeypatch):
    """Leave training out too: for tests of what is asked for."""

    def train(model, *rows, options, on_epoch, **rest):
        record = {"epoch": 1, "train_elbo": 0.0, "train_reconstruction": 0.0, "train_kl": 0.0}
        on_epoch(record | {"seconds": 0.1}, 1)
        return Trained(model, [record], 1, "all epochs done", 0.1)

    monkeypatch.setattr("jensen.estimator.vae.train", train)
    monkeypatch.setattr(jensen.VAE, "_set_offset", lambda self, rows: None)


@pytest.fixture
def quick(monkeypatch):
    """Leave the scoring out: for tests of what happens around it."""
    monkeypatch.setattr("jensen.cli._run._finish", lambda *arguments: None)


def fit(line, code=0):
    assert main(f"fit people.csv {SMALL} {line}".split()) == code


def same(one, other):
    strip = lambda told: {name: value for name, value in told.items() if name not in OWN}
    return strip(json.loads(Path(one).read_text())) == strip(json.loads(Path(other).read_text()))


def test_what_it_writes_and_prints(capsys, home):
    fit("--epochs 2 --json")
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    told = json.loads(out, parse_constant=pytest.fail)
    assert list(told) == [
        "model", "report", "rows", "features", "likelihood", "elbo", "reconstruction", "kl",
        "log_evidence", "bits_per_dim", "baselines", "active_units", "epochs", "seconds",
    ]  # fmt: skip
    assert {"value", "stderr", "method", "kind", "draws", "ess", "khat"} == set(
        told["log_evidence"]
    )
    assert told["rows"] == {"train": 49, "validation": 5, "test": 6}
    assert (told["features"], told["likelihood"], told["epochs"]) == (2, "normal", 2)
    assert told["bits_per_dim"] is None
    assert told["elbo"] == pytest.approx(told["reconstruction"] - told["kl"], abs=1e-4)
    assert "independent columns" in told["baselines"]
    assert (told["model"], told["report"]) == ("runs/people", "runs/people/report.html")
    folder = home / "runs" / "people"
    assert json.loads((folder / "summary.json").read_text()) == told
    page = (folder / "report.html").read_text()
    assert "<html" in page
    assert "likelihood: normal (chosen for real data)" in page
    assert "likelihood: normal (chosen for real data)\n" in err
    # What was assumed comes before training, and the table after it.
    assert err.index("real numbers") < err.index("epoch 2/2") < err.index("ELBO = reconstruction")
    vae = jensen.load(folder)
    assert vae.schema_.names == ("age", "income")
    # The scores are of rows that training has not seen.
    run = json.loads((folder / "run.json").read_text())
    assert len(run["test"]) == 6
    assert vae.training_rows_ + vae.validation_rows_ + len(run["test"]) == 60
    # The report can be written anew from what the run noted.
    (folder / "report.html").unlink()
    assert main(["report", "runs/people", "--quiet"]) == 0
    assert capsys.readouterr() == ("report: runs/people/report.html\n", "")
    assert (folder / "report.html").exists()
    # Unless the data are no longer the same.
    (home / "people.csv").write_text("age,income\n1.5,2\n3,4\n")
    assert main(["report", "runs/people", "--quiet"]) == 2
    assert "has changed" in capsys.readouterr().err


def test_a_killed_run_resumes_to_the_same_numbers(capsys):
    """SIGKILL right after the third of ten checkpoints; then the same command and --resume."""
    source = (
        "import os, signal, sys\n"
        "from jensen.training import loop\n"
        "save, saved = loop.save_checkpoint, []\n"
        "def save_and_die(*args):\n"
        "    save(*args)\n"
        "    saved.append(1)\n"
        "    if len(saved) == 3:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "loop.save_checkpoint = save_and_die\n"
        "import functools, jensen.estimator.arguments as e\n"
        "e.Options = functools.partial(e.Options, checkpoint_seconds=0.0)\n"
        "from jensen.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    line = f"fit people.csv {SMALL} --epochs 10 --no-report --quiet --json"
    path = os.pathsep.join(
        [str(Path(jensen.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    )
    killed = subprocess.run(
        [sys.executable, "-c", source, *line.split()],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    left = {path.name for path in Path("runs/people").iterdir()}
    assert left == {"checkpoint.safetensors", "history.jsonl", "run.json"}
    assert len(Path("runs/people/history.jsonl").read_text().splitlines()) == 3
    half = Path("runs/people/.checkpoint.safetensors.k3_x9ab2.jensen-part")
    half.write_bytes(b"what was being written when another one was killed")
    # Another run leaves the unfinished one alone, and --resume finds it again.
    assert main(line.split()) == 0
    assert main([*line.split(), "--resume"]) == 0
    out, err = capsys.readouterr()
    models = [json.loads(each)["model"] for each in out.splitlines()]
    assert (models, err) == (["runs/people-2", "runs/people"], "")
    assert same("runs/people/summary.json", "runs/people-2/summary.json")
    history = [
        [json.loads(record)["validation_elbo"] for record in lines.splitlines()]
        for lines in (Path(f"{each}/history.jsonl").read_text() for each in models)
    ]
    assert history[0] == history[1]
    assert len(history[0]) == 10
    weights = [Path(f"{each}/weights.safetensors").read_bytes() for each in models]
    assert weights[0] == weights[1]
    assert not half.exists()
    # Both are finished now.
    assert main([*line.split(), "--resume"]) == 2
    assert "no run of people in runs was left unfinished" in capsys.readouterr().err


def test_resuming_needs_what_the_run_was_started_with(untrained, quick, capsys, home):
    fit("--epochs 2 --out a --quiet")
    for other, named in (
        ("--epochs 3", "--epochs 3: the run in a was started with 2"),
        ("--epochs 2 --seed 1", "--seed 1: the run in a was started with 0"),
        ("--epochs 2 --test-fraction 0.2", "--test-fraction 0.2"),
        ("--epochs 2 --activation tanh", "--activation tanh: the run in a was started with relu"),
        ("--epochs 2 --shape 2,1", "--shape 2,1: the run in a was started with None"),
        ("--epochs 2 --dtype float32", "--dtype float32: the run in a was started with None"),
        ("--epochs 2 --header", "--header: the run in a was started with neither"),
    ):
        fit(f"{other} --out a --quiet --resume", code=2)
        assert named in capsys.readouterr().err
    jensen.load("a")
    (home / "people.csv").write_text("age,income\n1.5,2\n3,4\n5,6\n")
    fit("--epochs 2 --out a --quiet --resume", code=2)
    assert "people.csv: the run in a was started with other rows" in capsys.readouterr().err


def test_ctrl_c_ends_training_with_a_model(quick, monkeypatch, capsys):
    from jensen.cli._folder import Folder

    begin, epochs = Folder.begin, []

    def press(self):
        begin(self)
        epochs.append(1)
        if len(epochs) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Folder, "begin", press)
    fit("--epochs 8 --out a")
    assert "interrupted after epoch 3" in capsys.readouterr().err
    vae = jensen.load("a")
    assert (vae.n_iter_, vae.stopped_) == (3, "interrupted")
    fit("--epochs 8 --out a --resume")
    assert jensen.load("a").n_iter_ == 8


def test_training_that_fails_leaves_its_best_model(monkeypatch, capsys):
    from jensen.estimator import vae

    train = vae.train

    def fail(*args, **options):
        error = TrainingError("training failed 3 times\nwith values that are not finite.")
        error.trained = train(*args, **options)
        raise error

    monkeypatch.setattr(vae, "train", fail)
    fit("--epochs 1 --out a --quiet", code=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == ("error: training failed 3 times with values that are not finite. It is in a.\n")
    assert main(["score", "a", "people.csv", "--rows", ":2", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["outlier"] == [False, False]


@pytest.fixture
def fails_at_once(monkeypatch):
    """Training whose first epoch fails for good."""

    def fail(model, *rows, **rest):
        error = TrainingError("training failed 3 times.")
        error.trained = Trained(model, [], 0, "values that are not finite", 0.1)
        raise error

    monkeypatch.setattr("jensen.estimator.vae.train", fail)
    monkeypatch.setattr(jensen.VAE, "_set_offset", lambda self, rows: None)


def test_a_failed_first_epoch_leaves_no_model(fails_at_once, capsys, home):
    fit("--epochs 1 --out a --quiet", code=1)
    assert capsys.readouterr().err == "error: training failed 3 times.\n"
    assert not (home / "a").exists()
    # What else stood in the folder stays, and is no model.
    (home / "b").mkdir()
    (home / "b" / "notes.txt").write_text("mine")
    fit("--epochs 1 --out b --quiet", code=1)
    capsys.readouterr()
    assert [path.name for path in (home / "b").iterdir()] == ["notes.txt"]
    assert main(["info", "b"]) == 2
    assert capsys.readouterr().err.startswith("error: b: config.json is missing. ")


def test_a_failed_first_epoch_leaves_the_old_model(fails_at_once, home, save_model):
    save_model(home / "a", np.random.default_rng(0).normal(size=(30, 2)))
    before = {path.name: path.read_bytes() for path in (home / "a").iterdir()}
    fit("--epochs 1 --out a --overwrite --quiet", code=1)
    assert {path.name: path.read_bytes() for path in (home / "a").iterdir()} == before


def test_a_run_killed_in_its_first_epoch_is_no_model(untrained, quick, home, capsys):
    fit("--epochs 1 --out a --quiet")
    for path in (home / "a").iterdir():
        if path.name != "run.json":
            path.unlink()
    assert main(["info", "a"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "a: config.json is missing. It is an unfinished run; go on with" in err
    fit("--epochs 1 --out a --quiet --resume")
    assert main(["info", "a", "--json"]) == 0


def test_folders(untrained, quick, home):
    fit("--epochs 1 --quiet")
    fit("--epochs 1 --quiet")
    assert sorted(path.name for path in (home / "runs").iterdir()) == ["people", "people-2"]
    fit("--epochs 1 --out a --quiet")
    fit("--epochs 1 --out a --quiet", code=2)
    fit("--epochs 1 --out a --quiet --overwrite --seed 5")
    assert jensen.load("a").random_state == 5


def test_a_refused_overwrite_leaves_the_old_model(untrained, quick):
    fit("--epochs 1 --out a --quiet")
    fit("--epochs 1 --out a --quiet --overwrite --prior foo", code=2)
    jensen.load("a")


def test_every_option_arrives(untrained, quick):
    fit(
        "--out a --quiet --epochs 1 --seed 3 --hidden none --activation tanh --prior mixture"
        " --posterior full --objective iwae:2 --likelihood normal-shared --learning-rate 0.01"
        " --max-time 60 --validation-fraction 0.2 --test-fraction 0.5 --kind real"
        " --shape 1,2 --dtype float32"
    )
    vae = jensen.load("a")
    expected = {
        "random_state": 3, "hidden": (), "activation": "tanh", "prior": "mixture",
        "posterior": "full", "objective": "iwae:2", "likelihood": "normal-shared",
        "learning_rate": 0.01, "max_time": 60.0, "validation_fraction": 0.2, "kind": "real",
        "latent_dim": 2, "batch_size": 16, "max_epochs": 1, "shape": (1, 2), "dtype": "float32",
    }  # fmt: skip
    assert {name: vae.get_params()[name] for name in expected} == expected
    assert (vae.training_rows_, vae.validation_rows_) == (24, 6)
    assert (vae.schema_.shape, vae.schema_.dtype) == ((1, 2), "float32")


def test_fitting_standard_input(untrained, quick, piped, capsys, home):
    piped((home / "people.csv").read_bytes())
    line = f"fit - {SMALL} --epochs 1 --quiet"
    assert main(line.split()) == 0
    assert jensen.load("runs/stdin").schema_.names == ("age", "income")
    piped("age,income\n1.5,2\n3,4\n5,6\n")
    assert main([*line.split(), "--resume", "--out", "runs/stdin"]) == 2
    assert "standard input: the run in runs/stdin was started with other" in capsys.readouterr().err
    # The held-out rows cannot be read again.
    assert main(["report", "runs/stdin", "--quiet"]) == 2
    assert "runs/stdin: was fitted to standard input, which is gone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "told"),
    [("auto", "normal (chosen for real data)"), ("normal-fixed:0.5", "normal-fixed")],
)
def test_the_likelihood_is_told_before_training(asked, told, untrained, quick, capsys, home):
    fit(f"--epochs 1 --out a --likelihood {asked}")
    err = capsys.readouterr().err
    assert err.index("scores: ") < err.index(f"likelihood: {told}\n") < err.index("epoch 1/1")
    X = np.loadtxt(home / "people.csv", delimiter=",", skiprows=1)
    jensen.VAE(2, hidden=(8,), likelihood=asked, verbose=1).fit(X)
    err = capsys.readouterr().err
    assert err.index("scores: ") < err.index(f"likelihood: {told}\n") < err.index("epoch 1/1")


def test_test_rows_of_their_own(untrained, capsys, home):
    rng = np.random.default_rng(0)
    bits = lambda rows: rng.integers(0, 2, size=(rows, 4)).astype("uint8")
    np.savez(home / "bits.npz", train=bits(40), test=bits(12))
    line = f"fit bits.npz --key train --test-key test {SMALL} --epochs 1 --quiet --json"
    assert main(line.split()) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == {"train": 36, "validation": 4, "test": 12}
    assert told["likelihood"] == "bernoulli"
    assert told["bits_per_dim"] == pytest.approx(-told["log_evidence"]["value"] / 4 / np.log(2))
    assert main(["report", told["model"], "--quiet"]) == 0


def test_images_in_a_csv(capsys, home):
    X = np.random.default_rng(0).integers(0, 4, size=(40, 64))
    np.savetxt(home / "images.csv", X, fmt="%d", delimiter=",")
    line = f"fit images.csv {SMALL} --epochs 1 --quiet --out a --shape 8,8 --dtype uint8"
    assert main(line.split()) == 0
    assert main(["sample", "a", "-n", "3", "--out", "new.npy", "--png", "new.png", "--quiet"]) == 0
    drawn = np.load(home / "new.npy")
    assert (drawn.shape, drawn.dtype) == ((3, 8, 8), np.uint8)
    assert main([*line.split(), "--resume"]) == 0
    assert main(["report", "a", "--quiet"]) == 0


def test_a_header_told_is_noted_and_known_again(capsys, home):
    """Years as names: told once, they are the names of the model's columns."""
    (home / "years.csv").write_text(
        (home / "people.csv").read_text().replace("age,income", "2019,2020")
    )
    line = f"fit years.csv {SMALL} --epochs 1 --quiet --no-report --out a"
    assert main([*line.split(), "--header"]) == 0
    assert jensen.load("a").schema_.names == ("2019", "2020")
    capsys.readouterr()
    assert main(["report", "a", "--quiet"]) == 0
    for header, rows in (("", 60), (" --header", 60), (" --no-header", 61)):
        capsys.readouterr()
        assert main(f"evidence a years.csv --draws 2 --json --quiet{header}".split()) == 0
        assert json.loads(capsys.readouterr().out)["rows"] == rows
    line_of_noise = "denoise a years.csv --noise gaussian:1 --method encoder --rows 59: --json"
    assert main(line_of_noise.split()) == 0
    assert len(json.loads(capsys.readouterr().out)["mean"]) == 1
    # Told that it is data, `report` takes it for data again.
    (home / "years.csv").write_text("0,1\n" + (home / "people.csv").read_text().split("\n", 1)[1])
    line = line.replace("--out a", "--out b")
    assert main([*line.split(), "--no-header"]) == 0
    assert jensen.load("b").schema_.names is None
    assert main(["report", "b", "--quiet"]) == 0
    # And so does `check` where it is given the same file.
    capsys.readouterr()
    assert main(["check", "b", "years.csv"]) == 0
    assert "those that jensen fit held out" in capsys.readouterr().err
    assert main([*line.split(), "--resume"]) == 2
    told = capsys.readouterr().err
    assert "neither --header nor --no-header: the run in b was started with --no-header" in told


def test_the_support_is_that_of_all_rows(untrained, quick, home):
    """The largest value may be among the test rows, and is no less possible for that."""
    X = np.full((40, 3), 2)
    X[::2] = [0, 1, 2]
    test = jensen.data.split(40, validation=0.0, test=0.1, seed=0).test
    X[test[0]] = 3
    np.save(home / "levels.npy", X)
    line = f"fit levels.npy {SMALL} --epochs 1 --quiet --out a --kind bounded"
    assert main(line.split()) == 0
    assert jensen.load("a").schema_.high == 3


def test_progress_on_a_terminal(monkeypatch, capsys):
    """The live line, which tests without a terminal never see."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with Printer() as printer:
        for epoch in (1, 2, 3):
            record = {"epoch": epoch, "train_elbo": -3.5, "train_reconstruction": -3.0}
            printer.epoch(record | {"train_kl": 0.5, "seconds": 0.1 * epoch}, 3)
    shown = capsys.readouterr().err
    for word in ("epoch 3/3", "ELBO -3.50 = reconstruction -3.00 - KL 0.50", "10.0/s"):
        assert word in shown
