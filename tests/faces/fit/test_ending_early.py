"""`jensen fit` where it is killed, interrupted or fails, and how it goes on."""

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

from .fitting import SMALL, fit, same

pytestmark = pytest.mark.usefixtures("as_users_run_it")


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


@pytest.mark.parametrize("moment", ["saved", "scored"])
def test_ctrl_c_after_training_tells_where_the_model_is(moment, untrained, monkeypatch, capsys):
    from jensen.cli import _run

    def press(*_):
        raise KeyboardInterrupt

    if moment == "scored":
        monkeypatch.setattr(_run, "_finish", press)
    else:
        fitted = jensen.VAE.fit
        monkeypatch.setattr(jensen.VAE, "fit", lambda *a, **k: press(fitted(*a, **k)))
    fit("--epochs 1 --out a", code=130)
    assert capsys.readouterr().err.endswith("The model is saved in a\nerror: interrupted\n")
    assert jensen.load("a").n_iter_ == 1


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
