"""Images at the command line: fitted, told of, and read again by every other verb."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import jensen
from jensen.cli import main
from jensen.cli._inputs import Source, read_fitting_rows
from jensen.cli._reporting import _of_arrays
from jensen.data import infer

pytestmark = pytest.mark.usefixtures("as_users_run_it")

SMALL = "--hidden 8 --latent 2 --batch-size 16 --epochs 1"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of 24 images of 8 x 8 in two sub-folders, and some bad ones."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    for label in ("dark", "light"):
        (tmp_path / "faces" / label).mkdir(parents=True)
        for n in range(12):
            light = rng.integers(0, 256, (8, 8)) * (0.3 if label == "dark" else 1.0)
            Image.fromarray(light.astype(np.uint8)).save(tmp_path / f"faces/{label}/{n:02}.png")
    (tmp_path / "faces" / "dark" / "99.png").write_text("no image")
    (tmp_path / "faces" / "README.txt").write_text("faces")
    return tmp_path


def run(line, capsys, code=0):
    assert main(line.split()) == code
    return capsys.readouterr()


def test_a_folder_from_fit_to_report(home, capsys):
    _, err = run(f"fit faces {SMALL} --binarise fixed", capsys)
    for told in (
        "images: 24 of 8 × 8, grey\n",
        "labels: 2, the names of sub-folders",
        "1 file of other types ignored\n",
        "images: 8 × 8, grey\n",
        "binarised: fixed, 1 with probability x / 255",
        "caution: faces: 1 file left out: dark/99.png is no image of a kind that is read\n",
        "likelihood: bernoulli (chosen for binary data)",
    ):
        assert err.count(told) == 1, told
    page = (home / "runs" / "faces" / "report.html").read_text()
    assert "binarised: fixed" in page
    assert "light" in page
    vae = jensen.load("runs/faces")
    assert (vae.schema_.shape, vae.schema_.binarised_from) == ((8, 8), 255)
    assert set(np.unique(vae.sample(3, random_state=0))) <= {0, 1}
    out, err = run("info runs/faces", capsys)
    assert "binarised: fixed" in out
    # The rows that were held out are found again, in a folder of images too.
    out, err = run("check runs/faces faces", capsys)
    assert "those that jensen fit held out" in err
    assert "1 file left out" in err
    # Other sizes are brought to that of the model, and that is told.
    (home / "large").mkdir()
    for n in range(2):
        Image.fromarray(np.full((16, 16), 100 + n, np.uint8)).save(home / "large" / f"{n}.png")
    out, err = run("score runs/faces large", capsys)
    assert "images: 2 of 8 × 8, grey; 2 of them resized, from 16 × 16 (bilinear)" in err
    assert out.count("\n") == 3
    assert run("score runs/faces large --quiet", capsys)[1] == ""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype("uint8")).save(
        home / "large" / "2.png"
    )
    _, err = run("score runs/faces large", capsys, code=2)
    assert err.startswith("error: large: 1 image in colour, 2.png for one")


def test_flat_bytes_stay_flat_and_are_drawn_as_images(home, capsys, save_model):
    rows = np.random.default_rng(0).integers(0, 256, (30, 64)).astype(np.uint8)
    save_model(home / "flat", rows, likelihood="normal")
    vae = jensen.load("flat")
    assert vae.model_.likelihood.event_shape == (8, 8)
    for made in (vae.sample(4), vae.reconstruct(rows[:4])):
        assert made.shape == (4, 64)
    assert vae.vary(rows[:4], 2).shape == (4, 2, 64)
    shown = _of_arrays(vae, vae.schema_.check(rows))
    assert shown["image_shape"] == (8, 8)
    for name in ("prior_samples", "posterior_samples", "originals", "reconstructions"):
        assert shown[name].shape[1:] == (8, 8), name
    run("sample flat -n 3 --png drawn.png --out drawn.npy", capsys)
    assert np.load("drawn.npy").shape == (3, 64)
    with Image.open("drawn.png") as picture:
        assert min(picture.size) > 8


def test_images_get_the_axes_of_the_models_rows(home, save_model, capsys):
    rows = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3)).astype(np.uint8)
    for name, X in (("colour", rows), ("one-channel", rows[..., :1])):
        save_model(home / name, X, likelihood="normal")
        vae = jensen.load(name)
        found = read_fitting_rows(vae, Source("faces"), "11:13")
        assert found.X.shape == (2, *X.shape[1:])
        assert found.files == ("dark/11.png", "light/00.png")
        assert "1 file left out" in capsys.readouterr().err


def test_noise_on_binarised_rows_is_no_grey(home, save_model):
    """Gaussian noise takes zeros and ones out of 0..1, which grey rows may not leave."""
    X = np.random.default_rng(0).integers(0, 2, (30, 4, 4)).astype(np.uint8)
    save_model(home / "bits", X, likelihood="bernoulli")
    vae = jensen.load("bits")
    noisy = X[:3] + np.array([[[-0.2]], [[0.3]], [[0.1]]])
    plain = vae.denoise(noisy, "gaussian:0.3", method="encoder").mean
    vae.schema_ = infer(X * 255, binarise="fixed")
    np.testing.assert_array_equal(vae.denoise(noisy, "gaussian:0.3", method="encoder").mean, plain)


def options_arrive(line):
    assert main(f"fit {line} {SMALL} --quiet --out a --overwrite".split()) == 0
    return jensen.load("a")


@pytest.mark.usefixtures("untrained", "quick")
def test_sources_and_options_arrive(home, capsys):
    assert options_arrive("faces").schema_.kind == "bounded"
    vae = options_arrive("faces --size 4x6 --binarise threshold")
    assert (vae.schema_.shape, vae.binarise) == ((4, 6), "threshold")
    assert json.loads((home / "a" / "run.json").read_text())["size"] == "4x6"
    assert main(f"fit faces {SMALL} --quiet --out a --resume --binarise threshold".split()) == 2
    assert "no --size: the run in a was started with --size 4x6" in capsys.readouterr().err
    X = np.random.default_rng(0).integers(0, 256, (20, 8, 8)).astype(np.uint8)
    header = b"\0\0\x08\3" + np.array(X.shape, ">u4").tobytes()
    (home / "train-images-idx3-ubyte").write_bytes(header + X.tobytes())
    assert options_arrive("train-images-idx3-ubyte").schema_.shape == (8, 8)
    np.savez("both.npz", train=X, test=X[:5] // 2)
    vae = options_arrive("both.npz --key train --test-key test --binarise fresh")
    assert vae.training_rows_ + vae.validation_rows_ == 20
    assert vae.schema_.binarised == "fresh"


@pytest.mark.usefixtures("untrained", "quick")
def test_the_largest_grey_value_is_that_of_all_rows(home):
    """Rows to fit need not reach it, nor look as if they had a bound."""
    X = np.random.default_rng(0).integers(0, 17, (30, 64))
    for seed in range(3):
        np.save("grey.npy", X)
        vae = options_arrive(f"grey.npy --binarise threshold --seed {seed}")
        assert vae.schema_.binarised_from == 16
    vae = options_arrive("digits --binarise threshold")
    assert (vae.schema_.binarised_from, vae.schema_.shape) == (16, (64,))


@pytest.mark.usefixtures("untrained", "quick")
def test_a_folder_is_a_folder_whatever_it_is_called(home):
    shutil.copytree("faces", "faces.csv")
    shutil.copytree("faces", "digits")
    shutil.copytree("faces", "faces.parquet")
    for name in ("faces.csv", "./digits", "faces.parquet"):
        assert options_arrive(name).schema_.shape == (8, 8)
    assert options_arrive("digits").schema_.shape == (64,)
