"""Rows that come out of the model: `sample`, `reconstruct`, `denoise`, `inpaint` and `walk`."""

import json

import numpy as np
import pytest
from PIL import Image

from jensen.cli import main

from .tables import NAMES, table

pytestmark = pytest.mark.usefixtures("as_users_run_it")


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


def test_names_with_commas_come_back(run):
    assert run("sample table --out new.csv") == ""
    run("encode table new.csv")


def test_sample_as_a_picture(run, home):
    assert run("sample pixels.jensen -n 10 --png new.png") == ""
    with Image.open(home / "new.png") as picture:
        assert min(picture.size) > 8


def test_a_model_fitted_to_a_frame_answers_with_numbers(run, home, save_model):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2, 3, 4], "b": [0.5, 1.5, 2.5, 0.0]})
    save_model(home / "frame", frame)
    header, rows = table(run("sample frame -n 3"))
    assert (header, rows.shape) == (["a", "b"], (3, 2))


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


def test_denoise_by_a_method(run, home):
    line = "denoise table table.csv --noise gaussian:0.5 --rows 0:3 --json"
    told = {name: json.loads(run(f"{line} --method {name}")) for name in ("refined", "encoder")}
    assert told["refined"] == json.loads(run(line))
    assert told["encoder"]["mean"] != told["refined"]["mean"]


def test_inpaint(run, home):
    told = json.loads(run("inpaint pixels.jensen pixels.npy --rows 0:3 --hide 2:5,0:4 --json"))
    hidden = np.zeros((8, 8), bool)
    hidden[2:5, :4] = True
    seen = np.load(home / "pixels.npy")[:3]
    for name in ("filled", "lower", "upper"):
        np.testing.assert_array_equal(np.array(told[name])[:, ~hidden], seen[:, ~hidden])
    assert (np.array(told["filled"])[:, hidden] % 1 > 0).all()
    assert len(told["ess"]) == len(told["unreliable"]) == 3
    line = "inpaint pixels.jensen pixels.npy --rows 0:3 --hide 2:5,0:4"
    assert run(f"{line} --png filled.png") == ""
    with Image.open(home / "filled.png") as picture:
        shades, alpha = np.moveaxis(np.asarray(picture), -1, 0)
    # The block of the left image of a pair is hatched.
    scale = round(56 / 8)
    assert (alpha[: 8 * scale, : 8 * scale] == 255).all()
    assert set(np.unique(shades[2 * scale : 5 * scale, : 4 * scale])) == {89, 166}


def test_walk(run, home):
    told = json.loads(run("walk pixels.jensen pixels.npy --rows 0:4 --steps 3 --json"))
    assert np.shape(told["walks"]) == (2, 3, 8, 8)
    again = json.loads(run("reconstruct pixels.jensen pixels.npy --rows 0:4 --json"))
    ends = np.array(told["walks"])[:, [0, 2]].reshape(4, 8, 8)
    np.testing.assert_allclose(ends, again["reconstruction"], atol=1e-5)
    told = json.loads(run("walk table --steps 5 --out walk.npy --json"))
    assert np.load(home / "walk.npy").shape == (len(told["latents"]), 5, 3)
    assert np.shape(told["values"]) == (len(told["latents"]), 5)
    header, lines = table(
        run("walk table --steps 5 --out walk.csv") or (home / "walk.csv").read_text()
    )
    assert (header, len(lines)) == (NAMES, 5 * len(told["latents"]))
    assert run("walk pixels.jensen pixels.npy --rows 0:2 --png walk.png") == ""
    assert (home / "walk.png").stat().st_size


@pytest.mark.parametrize(
    ("hide", "why"),
    [
        ("2:5", "give lines and columns, such as 7:21,7:21"),
        ("2:9,0:4", "is no block of images of 8 x 8"),
        ("5:2,0:4", "is no block of images of 8 x 8"),
        ("0:8,0:8", "hides all there is"),
    ],
)
def test_blocks_that_are_none_are_refused(home, monkeypatch, capsys, hide, why):
    monkeypatch.chdir(home)
    assert main(f"inpaint pixels.jensen pixels.npy --hide {hide}".split()) == 2
    assert f"--hide {hide}: {why}" in capsys.readouterr().err
