"""What is printed before any model is read: help, the version, and how light they are."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import jensen
from jensen.cli import _app, main
from jensen.objectives import Objective
from jensen.parts._families import members
from jensen.parts.likelihoods import Likelihood
from jensen.parts.posteriors import PosteriorFamily
from jensen.parts.priors import Prior

pytestmark = pytest.mark.usefixtures("as_users_run_it")


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
