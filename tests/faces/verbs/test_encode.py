"""`encode` and `decode`: rows to latents, and back."""

import json

import numpy as np
import pytest

import jensen
from jensen.cli import main

from .tables import NAMES, table

pytestmark = pytest.mark.usefixtures("as_users_run_it")


def test_there_and_back(run, home):
    header, latents = table(run("encode table table.csv"))
    assert (header, latents.shape) == (["vae0", "vae1"], (60, 2))
    assert run("encode table table.csv --out latents.npy") == ""
    np.testing.assert_allclose(np.load(home / "latents.npy"), latents, rtol=1e-6)
    header, rows = table(run("decode table latents.npy --rows :4"))
    assert (header, rows.shape) == (NAMES, (4, 3))
    vae = jensen.load(home / "table")
    np.testing.assert_allclose(rows, vae.inverse_transform(latents[:4]), rtol=1e-5)


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
