"""`jensen fit`: what it writes, prints and takes."""

import json

import numpy as np
import pytest

import jensen
from jensen.cli import main
from jensen.training.progress import Printer

from .fitting import SMALL, fit

pytestmark = pytest.mark.usefixtures("as_users_run_it")


def test_what_it_writes_and_prints(capsys, home):
    fit("--epochs 2 --json")
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    told = json.loads(out, parse_constant=pytest.fail)
    assert list(told) == [
        "model", "report", "rows", "features", "likelihood", "elbo", "reconstruction", "kl",
        "log_evidence", "bits_per_dim", "baselines", "active_units", "epochs", "seconds",
        "throughput",
    ]  # fmt: skip
    assert {"value", "stderr", "method", "kind", "draws", "ess", "khat"} == set(
        told["log_evidence"]
    )
    assert told["rows"] == {"train": 49, "validation": 5, "test": 6}
    assert (told["features"], told["likelihood"], told["epochs"]) == (2, "normal", 2)
    assert told["bits_per_dim"] is None
    assert told["throughput"]["rows_per_second"] > 0
    assert told["throughput"]["waiting"] == 0
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
        "--out a --quiet --epochs 1 --seed 3 --network mlp --hidden none --activation tanh"
        " --prior mixture --posterior full --objective iwae:2 --likelihood normal-shared"
        " --learning-rate 0.01 --max-time 60 --validation-fraction 0.2 --test-fraction 0.5"
        " --kind real --shape 1,2 --dtype float32 --binarise none"
    )
    vae = jensen.load("a")
    expected = {
        "random_state": 3, "network": "mlp", "hidden": (), "activation": "tanh", "prior": "mixture",
        "posterior": "full", "objective": "iwae:2", "likelihood": "normal-shared",
        "learning_rate": 0.01, "max_time": 60.0, "validation_fraction": 0.2, "kind": "real",
        "latent_dim": 2, "batch_size": 16, "max_epochs": 1, "shape": (1, 2), "dtype": "float32",
        "binarise": "none",
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
    line = f"fit bits.npz --key train --test-key test {SMALL} --epochs 1 --no-report --quiet --json"
    assert main(line.split()) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == {"train": 36, "validation": 4, "test": 12}
    assert told["likelihood"] == "bernoulli"
    assert told["bits_per_dim"] == pytest.approx(-told["log_evidence"]["value"] / 4 / np.log(2))
    assert main(["report", told["model"], "--quiet"]) == 0
    # Of the rows that it was fitted to none is held out, and the array that is, is known.
    capsys.readouterr()
    assert main(["report", told["model"], "bits.npz", "--key", "train", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["rows"] == 12
    assert "scoring 12 rows, those that jensen fit held out" in err
    # So it is of a copy of them elsewhere, in which there is no such array.
    np.save(home / "copy.npy", np.load(home / "bits.npz")["train"])
    assert main(["report", told["model"], "copy.npy", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 12


def test_images_in_a_csv(capsys, home):
    X = np.random.default_rng(0).integers(0, 4, size=(40, 64))
    np.savetxt(home / "images.csv", X, fmt="%d", delimiter=",")
    line = f"fit images.csv {SMALL} --epochs 1 --no-report --quiet --out a --shape 8,8"
    line = f"{line} --dtype uint8"
    assert main(line.split()) == 0
    assert main(["sample", "a", "-n", "3", "--out", "new.npy", "--png", "new.png", "--quiet"]) == 0
    drawn = np.load(home / "new.npy")
    assert (drawn.shape, drawn.dtype) == ((3, 8, 8), np.uint8)
    assert main([*line.split(), "--resume"]) == 0
    assert main(["report", "a", "--quiet"]) == 0
    # Of the file that it was fitted to, too, no training row is held out.
    capsys.readouterr()
    assert main(["report", "a", "images.csv", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["rows"] == 4
    assert "scoring 4 rows, those that jensen fit held out" in err


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
    assert "bound" not in shown


def test_progress_shows_the_bound_that_judges(capsys):
    record = {"epoch": 1, "seconds": 0.1, "validation_objective": -2.25, "validation_elbo": -3.5}
    terms = {"validation_reconstruction": -3.0, "validation_kl": 0.5}
    Printer().epoch(record | terms, 1)
    line = capsys.readouterr().err
    assert line.startswith("epoch 1/1  bound -2.25, ELBO -3.50 = reconstruction -3.00 - KL 0.50")
