"""Images that are not in memory: read when they are asked for, fitted, scored in pieces."""

import gzip
import os
from functools import partialmethod
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jensen
from jensen.cli import main
from jensen.cli._held_out import held_out_where_known
from jensen.data.images import StoredImages, stored
from jensen.errors import DataError, OptionError
from jensen.estimator.stored import checked, learned
from jensen.training import Options, loop

pytestmark = pytest.mark.usefixtures("as_users_run_it")

HOW = {
    "latent_dim": 2, "hidden": (4,), "likelihood": "discretised-logistic", "max_epochs": 2,
    "batch_size": 8, "draws": 5, "random_state": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def pixels():
    """40 images of 8 x 8."""
    return np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)


@pytest.fixture(scope="module")
def place(tmp_path_factory, pixels):
    """They as files of a folder, a bad one in their midst; as .npy; as idx, plain and packed."""
    folder = tmp_path_factory.mktemp("stored")
    for n, image in enumerate(pixels):
        (folder / "faces" / f"{n // 20}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "faces" / f"{n // 20}" / f"{n:02}.png")
    (folder / "faces" / "0" / "07x.png").write_text("no image")
    np.save(folder / "faces.npy", pixels)
    header = b"\0\0\x08\x03" + np.array(pixels.shape, ">u4").tobytes()
    (folder / "faces-ubyte").write_bytes(header + pixels.tobytes())
    (folder / "packed-ubyte.gz").write_bytes(gzip.compress(header + pixels.tobytes()))
    return folder


@pytest.fixture(scope="module")
def fitted(pixels):
    return jensen.VAE(**HOW).fit(pixels)


def weights(vae):
    from jensen._files import tree_arrays

    return tree_arrays(vae.model_)


@pytest.mark.parametrize("name", ["faces", "faces.npy", "faces-ubyte"])
def test_any_of_them_are_read_when_they_are_asked_for(name, place, pixels):
    X = jensen.images(place / name, memory=0)
    assert (len(X), X.shape, X.nbytes, X.kept) == (40, (8, 8), 2560, None)
    order = np.random.default_rng(1).permutation(40)
    mask = np.arange(40) % 3 == 0
    for which in (order, mask, slice(5, None, 7), slice(-3, 99), [3, 3]):
        np.testing.assert_array_equal(X[which], pixels[which])
    part = X.part(order[:9])
    np.testing.assert_array_equal(part[[8, 0]], pixels[order[[8, 0]]])
    np.testing.assert_array_equal(np.concatenate(list(part.pieces())), pixels[order[:9]])
    assert X.describe() == "40 images of 8 × 8, 2.56 kB: read anew in each epoch"
    kept = jensen.images(place / name)
    np.testing.assert_array_equal(np.asarray(kept), pixels)
    assert kept.describe().endswith("kept in memory")
    assert len({X.identity, part.identity, X.part(order).identity}) == 3
    twice = part.through(lambda x: x[..., None], "a").through(lambda x: x[:, ::2], "b")
    np.testing.assert_array_equal(twice[:2], pixels[order[:2], ::2, :, None])
    with pytest.raises(DataError, match="is one image"):
        X[3]


def test_a_folder_is_told_of_as_ever(place):
    X, known = jensen.images(place / "faces", memory=0), jensen.data.load(place / "faces")
    assert (X.notes, X.cautions, X.files) == (known.notes, known.cautions, known.files)
    assert "1 file left out: 0/07x.png is no image" in X.cautions[0]
    np.testing.assert_array_equal(X.labels, ["0"] * 20 + ["1"] * 20)
    small = jensen.images(place / "faces", size="4x4", colour=True, memory=0)
    assert small.shape == (4, 4, 3)
    expected = jensen.data.load(place / "faces", size="4x4", colour=True).X
    np.testing.assert_array_equal(small[:], expected)


def test_images_are_known_again_by_what_they_are(tmp_path, pixels):
    folder = tmp_path / "a"
    folder.mkdir()
    for n in range(3):
        Image.fromarray(pixels[n]).save(folder / f"{n}.png")
    known = jensen.images(folder, memory=0)
    assert jensen.images(folder, memory=0).identity == known.identity
    os.utime(folder / "1.png", ns=(0, 0))
    assert jensen.images(folder, memory=0).identity != known.identity
    np.save(tmp_path / "x.npy", pixels)
    mapped = jensen.images(tmp_path / "x.npy", memory=0).identity
    np.save(tmp_path / "y.npy", pixels)
    assert jensen.images(tmp_path / "y.npy", memory=0).identity == mapped
    np.save(tmp_path / "y.npy", pixels[::-1])
    assert jensen.images(tmp_path / "y.npy", memory=0).identity != mapped
    # A file that has become another in the meantime is named.
    Image.fromarray(pixels[0, :4]).save(folder / "2.png")
    with pytest.raises(DataError, match=r"2\.png is of 4 × 8; it was another when"):
        known[:]


def test_a_fit_has_the_numbers_of_rows_in_memory(place, pixels, fitted):
    X = jensen.images(place / "faces", memory=0)
    vae = jensen.VAE(**HOW).fit(X)
    for name, array in weights(fitted).items():
        # The same steps in another program, which may round in another way.
        np.testing.assert_allclose(weights(vae)[name], array, rtol=1e-4, atol=1e-5, err_msg=name)
    assert vae.schema_ == fitted.schema_
    assert vae.offset_ == pytest.approx(fitted.offset_, rel=1e-4)
    assert 0 <= vae.history_[-1]["waiting"] <= 1
    assert vae.history_[-1]["rows_per_second"] > 0


def test_questions_are_answered_in_pieces(place, pixels, fitted, monkeypatch):
    monkeypatch.setattr(stored, "_PIECE_BYTES", 64 * 15)
    X = jensen.images(place / "faces.npy", memory=0)
    assert len(list(X.pieces())) == 3
    np.testing.assert_allclose(fitted.transform(X), fitted.transform(pixels), rtol=1e-5)
    np.testing.assert_allclose(fitted.score_samples(X), fitted.score_samples(pixels), rtol=1e-5)
    whole, pieces = (fitted.log_evidence(each, "elbo", 5) for each in (pixels, X))
    np.testing.assert_allclose(pieces.values, whole.values, rtol=1e-5)
    np.testing.assert_allclose(pieces.kl, whole.kl, rtol=1e-4)
    for ask in (fitted.reconstruct, fitted.vary, np.asarray):
        with pytest.raises(DataError, match="faces: 40 images that are not in memory"):
            ask(X)
    with pytest.raises(OptionError, match="method='annealed': takes rows that are in memory"):
        fitted.log_evidence(X, "annealed")
    assert fitted.reconstruct(X[:2]).shape == (2, 8, 8)


def test_only_some_are_looked_at_and_the_user_is_told(place, capsys, monkeypatch, untrained):
    monkeypatch.setattr(stored, "_SOME", 10)
    X = jensen.images(place / "faces.npy", memory=0)
    some = X.some()
    assert len({*some.tolist()}) == 10
    np.testing.assert_array_equal(some, X.some())
    vae = jensen.VAE(**HOW, validation_fraction=0.5, verbose=1).fit(X)
    assert (vae.training_rows_, vae.validation_rows_) == (30, 10)
    err = capsys.readouterr().err
    told = "40 images of 8 × 8, 2.56 kB: read anew in each epoch, 2 blocks of up to 40 ahead\n"
    assert told in err
    assert "10 of them, drawn once, stand for all where the schema is inferred" in err


def test_an_image_beyond_the_schema_is_named(tmp_path, pixels, monkeypatch):
    """What is inferred of some need not hold for all."""
    monkeypatch.setattr(stored, "_SOME", 10)
    bits = pixels // 128
    np.save(tmp_path / "bits.npy", bits)
    out = np.setdiff1d(np.arange(40), jensen.images(tmp_path / "bits.npy", memory=0).some())[0]
    bits[out, 2, 3] = 9
    np.save(tmp_path / "bits.npy", bits)
    how = HOW | {"likelihood": "auto", "validation_fraction": 0.0}
    with pytest.raises(DataError, match=rf"bits\.npy: row {out} .*entry \(2, 3\): 9 is above 1"):
        jensen.VAE(**how).fit(jensen.images(tmp_path / "bits.npy", memory=0))


@pytest.mark.parametrize("how", ["none", "threshold", "fixed", "fresh"])
def test_training_goes_through_bytes_whatever_is_made_of_them(how, place, pixels):
    X = jensen.images(place / "faces.npy", memory=0)
    schema = jensen.data.infer(X, binarise=how)
    assert schema == jensen.data.infer(pixels, binarise=how)
    which = np.array([7, 3, 30])
    streamed, held = (learned(schema, each, checked(schema, each), which) for each in (X, pixels))
    np.testing.assert_array_equal(streamed[:], held)
    # Of what is drawn afresh there are probabilities, which are no whole numbers.
    assert streamed[:].dtype == held.dtype == (np.float32 if how == "fresh" else np.uint8)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("faces.npy", {"size": (4, 4)}, "only folders of images are resized"),
        ("faces.npy", {"memory": -1}, "memory=-1: must be a number of gigabytes"),
        ("faces.csv", {}, "images are read of folders"),
        ("none.npy", {}, "no such file or folder"),
        ("real.npy", {}, "holds no rows of bytes"),
        ("packed-ubyte.gz", {"memory": 0}, "unpack it"),
    ],
)
def test_what_cannot_be_opened(name, options, told, place):
    np.save(place / "real.npy", np.zeros((3, 4)))
    with pytest.raises((DataError, OptionError), match=told):
        jensen.images(place / name, **options)
    assert jensen.images(place / "packed-ubyte.gz").kept.shape == (40, 8, 8)


LINE = "fit faces --hidden 4 --latent 2 --batch-size 8 --likelihood discretised-logistic --epochs 3"


def test_the_command_line_says_what_is_kept(place, monkeypatch, capsys, quick, untrained):
    monkeypatch.chdir(place)
    assert main(f"{LINE} --out kept".split()) == 0
    assert "40 images of 8 × 8, 2.56 kB: kept in memory\n" in capsys.readouterr().err
    assert main(["fit", "people.csv", "--memory", "2"]) == 2
    assert "--memory 2: only images of a folder" in capsys.readouterr().err
    assert main(["fit", "faces", "--memory", "-2"]) == 2
    assert "--memory=-2" in capsys.readouterr().err


def test_a_killed_run_of_images_that_are_not_in_memory(place, monkeypatch, capsys, quick):
    monkeypatch.chdir(place)
    assert main(f"{LINE} --memory 0 --out a".split()) == 0
    err = capsys.readouterr().err
    assert "read anew in each epoch, 2 blocks of" in err
    assert "caution: faces: 1 file left out: 0/07x.png" in err
    assert "images per second; " in err

    class KilledError(BaseException):
        pass

    save_checkpoint = loop.save_checkpoint

    def dying(folder, state, best, progress, run):
        save_checkpoint(folder, state, best, progress, run)
        raise KilledError

    line = f"{LINE} --memory 0 --out b".split()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", dying)
        patch.setattr(Options, "__init__", partialmethod(Options.__init__, checkpoint_seconds=0.0))
        with pytest.raises(KilledError):
            main(line)
    assert len(Path("b/history.jsonl").read_text().splitlines()) == 1
    assert main(f"{LINE} --out b --resume".split()) == 2
    assert "no --memory: the run in b was started with --memory 0" in capsys.readouterr().err
    assert main([*line, "--resume"]) == 0
    assert Path("a/weights.safetensors").read_bytes() == Path("b/weights.safetensors").read_bytes()

    # The rows that were held out are found again, in the same way.
    _, held_out = held_out_where_known(Path("b"), "faces", None, None, None, quiet=True)
    assert held_out.by_fit
    assert len(held_out.scored) == 4

    # What is larger than is kept is answered piece by piece.
    capsys.readouterr()
    for verb in ("score", "encode"):
        outputs = []
        for memory in (1.0, 0.0):
            monkeypatch.setattr("jensen.cli._inputs.MEMORY", memory)
            monkeypatch.setattr(stored, "_PIECE_BYTES", 64 * 15)
            assert main([verb, "b", "faces", "--quiet"]) == 0
            outputs.append(capsys.readouterr().out)
        assert outputs[0] == outputs[1]
    assert main(["reconstruct", "b", "faces", "--quiet", "--out", "c.npy"]) == 2
    assert "40 images that are not in memory" in capsys.readouterr().err


def test_stored_images_are_what_data_load_gives(place):
    assert isinstance(jensen.data.load(place / "faces", memory=0).X, StoredImages)
    assert jensen.data.load(place / "faces.npy", memory=0).stored.kept is None
    assert isinstance(jensen.data.load(place / "faces-ubyte", memory=1).X, np.ndarray)
