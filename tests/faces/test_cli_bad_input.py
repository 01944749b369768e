"""Whatever is wrong with a command line: exit code 2, and one line that names it."""

import numpy as np
import pytest
from PIL import Image

from jensen.cli import main

FIT = "fit table.csv --epochs 1 --hidden 4 --latent 2 --out new"

CASES = [
    # the command line itself
    ("fitt", "choose one of fit, evidence"),
    ("--foo", "--foo"),
    ("fit", "DATA"),
    ("fit --foo", "--foo"),
    ("fit table.csv extra", "extra"),
    ("sample model -n x", "-n"),
    ("denoise model table.csv", "--noise"),
    # data
    ("fit missing.csv", "missing.csv: no such file"),
    ("fit table.parquet", "table.parquet"),
    ("fit text.csv --kind real", "text.csv: line 3, column 'b'"),
    ("fit nan.csv --kind real", "nan.csv: line 3, column 'b'"),
    ("fit nan.npy", "row 1"),
    ("fit empty.csv", "empty.csv"),
    ("fit one.csv", "one.csv: holds 1 row"),
    ("fit two.npz", "--key: a, b"),
    ("fit two.npz --key c", "'c'"),
    ("fit two.npz --key a --test-key c", "two.npz: no array 'c'"),
    ("fit no-images", "no-images: a folder without images"),
    ("fit bad-images", "bad-images: no image in it can be read: 1.png is no image"),
    ("fit one-image", "one-image: holds 1 row"),
    ("fit images", "make them one size with --size 8x8"),
    ("fit images --size 8", "--size='8': give height and width"),
    ("fit images --key a", "--key='a'"),
    ("fit images --size 8x8 --test-key a", "--key='a'"),
    ("fit images --kind table", "images is no table"),
    ("fit table.csv --size 8x8", "--size 8x8: only folders of images"),
    ("fit digits --size 8x8", "--size 8x8: only folders of images"),
    ("fit cut-images-idx3-ubyte", "cut-images-idx3-ubyte: its header says 2 x 8 x 8"),
    ("fit labels-idx1-ubyte.gz", "no such file"),
    ("fit table.csv --key a", "--key='a'"),
    ("fit nan.npy --header", "--header: only .csv and .tsv"),
    ("fit two.npz --key a --no-header", "--no-header: only .csv and .tsv"),
    ("fit digits --header", "digits has none"),
    ("fit table.csv --no-header --kind real", "table.csv: line 1, column 1: 'a' is text"),
    # the model
    (f"{FIT} --latent 0", "--latent=0"),
    (f"{FIT} --latent x", "--latent"),
    # What is impossible of any data is told before they are read.
    ("fit nowhere.csv --latent 0", "--latent=0"),
    ("fit nowhere.csv --epochs 0", "--epochs=0"),
    ("fit nowhere.csv --objective foo", "beta, elbo, iwae"),
    ("fit nowhere.csv --prior foo", "--prior='foo'"),
    ("fit nowhere.csv --activation foo", "--activation='foo'"),
    (f"{FIT} --hidden 8,x", "--hidden 8,x"),
    (f"{FIT} --hidden 0", "--hidden 0"),
    (f"{FIT} --network cnn", "--network='cnn' is unknown: choose one of conv, mlp, resnet"),
    (f"{FIT} --network conv", "--network='conv': is of images"),
    (f"{FIT} --activation swish", "elu, gelu, relu"),
    (f"{FIT} --likelihood foo", "bernoulli, beta-binomial"),
    (f"{FIT} --likelihood bernoulli", "Choose one of normal"),
    (f"{FIT} --likelihood normal-fixed", "normal-fixed:0.5"),
    (f"{FIT} --likelihood student-t:x", "--likelihood='student-t:x'"),
    (f"{FIT} --prior foo", "mixture, normal, vamp"),
    (f"{FIT} --posterior foo", "diagonal, flow, full"),
    (f"{FIT} --kind foo", "binary, bounded, count, real"),
    (f"{FIT} --kind binary", "table.csv: row 0"),
    (f"{FIT} --high 3", "row 0"),
    (f"{FIT} --high nan", "--high=nan"),
    (f"{FIT} --shape 3,x", "--shape 3,x: give whole numbers of at least 1, such as 28,28"),
    (f"{FIT} --shape 2,2", "--shape=(2, 2) does not hold 3 columns"),
    (f"{FIT} --binarise fair", "none, threshold, fixed, fresh"),
    (f"{FIT} --binarise fixed", "--binarise='fixed' is of grey values"),
    (f"{FIT} --dtype uint9", "--dtype='uint9'"),
    (f"{FIT} --dtype uint8", "--dtype='uint8' holds whole numbers only"),
    # training
    (f"{FIT} --objective foo", "beta, elbo, iwae"),
    (f"{FIT} --objective iwae:0", "--objective=iwae:0"),
    (f"{FIT} --objective iwae:inf", "--objective='iwae:inf'"),
    (f"{FIT} --objective beta:-1", "--objective=beta:-1"),
    (f"{FIT} --epochs 0", "--epochs=0"),
    (f"{FIT} --epochs many", "--epochs='many'"),
    (f"{FIT} --batch-size 0", "--batch-size=0"),
    (f"{FIT} --learning-rate 0", "--learning-rate=0"),
    (f"{FIT} --learning-rate inf", "--learning-rate=inf: must be a number above 0, and at most 1"),
    (f"{FIT} --learning-rate nan", "--learning-rate=nan: must be a number above 0, and at most 1"),
    (f"{FIT} --objective beta:nan", "--objective='beta:nan'"),
    (f"{FIT} --validation-fraction nan", "--validation-fraction=nan: must be a share from 0"),
    (f"{FIT} --test-fraction nan", "--test-fraction=nan: must be a share above 0"),
    (f"{FIT} --max-time nan", "--max-time=nan"),
    (f"{FIT} --validation-fraction 1", "--validation-fraction=1"),
    (f"{FIT} --test-fraction 0", "--test-fraction=0"),
    (f"{FIT} --seed -1", "--seed"),
    # the folder
    ("fit table.csv --out model", "--overwrite"),
    ("fit table.csv --out table.csv", "--out table.csv"),
    ("fit table.csv --out x.jensen", "must be a folder"),
    ("fit table.csv --out table.csv/x", "table.csv"),
    ("fit table.csv --resume", "no run of table in runs"),
    ("fit table.csv --resume --out nowhere", "nowhere holds no run"),
    ("fit table.csv --resume --overwrite", "--overwrite"),
    # the other verbs
    ("evidence nowhere table.csv", "nowhere: no such file or folder"),
    ("evidence table.csv table.csv", "table.csv: truncated, altered, or not a model"),
    ("evidence altered table.csv", "weights.safetensors was altered"),
    ("evidence model wide.csv", "wide.csv: The feature names"),
    ("evidence model renamed.csv", "renamed.csv"),
    ("evidence model table.csv --method foo", "--method='foo'"),
    ("evidence model table.csv --method exact", "linear-Gaussian"),
    ("evidence model table.csv --draws 0", "--draws=0"),
    ("evidence model table.csv --rows 5", "--rows='5': give A:B"),
    ("evidence model table.csv --rows a:b", "--rows='a:b': give A:B"),
    ("evidence model table.csv --rows 99:", "error: --rows='99:' takes no row of table.csv, which"),
    ("sample model -n 0", "-n=0"),
    ("inpaint model table.csv --hide 0:1,0:1", "--hide: rows of shape (3,) are no images"),
    ("walk model --rows 0:2", "--rows is of DATA"),
    ("walk model table.csv --rows 0:1", "1 row, of which the last has none"),
    ("walk model --steps 1", "--steps=1"),
    ("sample model --source foo", "--source='foo'"),
    ("sample model --out new.txt", "must end in .npy, .csv"),
    ("sample model --out table.csv/x.npy", "cannot be written"),
    ("sample model --png new.png", "no images"),
    ("sample model --png new.jpg", ".png"),
    ("denoise model table.csv --noise foo", "gaussian:SIGMA"),
    ("denoise model table.csv --noise flip:0.1", "binary data"),
    ("denoise model wide.csv --noise gaussian:1", "wide.csv"),
    ("denoise model table.csv --noise gaussian:1 --out x.csv --std-out x.csv", "--std-out x.csv"),
    ("denoise model table.csv --noise gaussian:1 --out x.csv --std-out ./x.csv", "--out"),
    ("score model images", "images: a folder of images, and the model is of rows of shape (3,)"),
    ("decode model table.csv", "table.csv: latents have shape (30, 3)"),
    ("score model text.csv", "text.csv: line 3"),
    ("check model wide.csv", "wide.csv"),
    ("report model", "jensen report MODEL DATA"),
    ("report model --rows 0:2", "--rows"),
    ("report model --no-header", "--header go with DATA"),
    ("report model table.csv --out x.pdf", ".html"),
    ("info nowhere", "nowhere"),
    # every verb that reads rows
    *(
        (f"{verb} nan.npy --header", "--header: only .csv and .tsv")
        for verb in (
            "evidence model",
            "reconstruct model",
            "denoise model --noise gaussian:1",
            "encode model",
            "decode model",
            "score model",
            "check model",
            "diagnose model",
            "compare model model",
            "report model",
        )
    ),
]


@pytest.fixture(scope="session")
def home(tmp_path_factory, save_model):
    home = tmp_path_factory.mktemp("bad")
    X = np.random.default_rng(0).normal(size=(30, 3))
    lines = [",".join(map(str, row)) for row in X.tolist()]
    for name, header in (("table.csv", "a,b,c"), ("renamed.csv", "a,c,b")):
        (home / name).write_text("\n".join([header, *lines]))
    (home / "wide.csv").write_text("a,b,c,d\n1,2,3,4\n")
    (home / "text.csv").write_text("a,b,c\n1,2,3\n3,x,2\n")
    (home / "nan.csv").write_text("a,b\n1,2\n3,\n")
    np.save(home / "nan.npy", [[0.5, 1.0], [np.nan, 2.0]])
    (home / "one.csv").write_text("a,b\n1,2\n")
    (home / "empty.csv").write_text("")
    for folder in ("no-images", "bad-images", "one-image", "images"):
        (home / folder).mkdir()
    (home / "bad-images" / "1.png").write_text("no image")
    for folder, image, size in (("one-image", 1, 8), ("images", 1, 8), ("images", 2, 9)):
        grey = np.full((size, size), 99, np.uint8)
        Image.fromarray(grey).save(home / folder / f"{image}.png")
    (home / "cut-images-idx3-ubyte").write_bytes(b"\0\0\x08\3" + b"\0\0\0\2" + b"\0\0\0\x08" * 2)
    np.savez(home / "two.npz", a=X, b=X)
    for name in ("model", "altered"):
        save_model(home / name, X, ["a", "b", "c"])
    weights = home / "altered" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\xff")
    return home


@pytest.mark.parametrize(("line", "named"), CASES, ids=[line for line, _ in CASES])
def test_exit_code_2_and_one_line(line, named, home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    before = sorted(home.rglob("*"))
    quiet = [] if line.startswith("-") or line == "fitt" else ["--quiet"]
    assert main(line.split() + quiet) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert "internal error" not in err
    assert named in err
    # A command that was refused leaves nothing behind.
    assert sorted(home.rglob("*")) == before
