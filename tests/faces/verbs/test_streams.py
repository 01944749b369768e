"""What every verb does alike with standard input, output and error."""

import io
import json
import sys

import numpy as np
import pytest

from jensen.cli import main

from .tables import table

pytestmark = pytest.mark.usefixtures("as_users_run_it")


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
    assert main(["sample", "table", "-n", "3"]) == 141
    assert capsys.readouterr().err == ""
