"""Tables at the command line: a file of mixed columns, from `fit` to filled cells."""

import csv
import io
import json
from collections import Counter

import numpy as np
import polars as pl
import pytest

import jensen
from jensen._batching import count
from jensen.cli import main
from jensen.cli._inputs import load_model
from jensen.data.tables import read_table

pytestmark = pytest.mark.usefixtures("as_users_run_it")

HOLES = ("", "unknown")
SMALL = "--hidden 8 --latent 2 --epochs 3 --quiet"
MODELLED = ["sex", "colour", "age", "income", "visits", "joined"]
TYPES = {
    "id": pl.String, "sex": pl.String, "colour": pl.String, "age": pl.Int64, "income": pl.Float64,
    "visits": pl.Int64, "joined": pl.Date, "unit": pl.String,
}  # fmt: skip


def people(rows=120, seed=0):
    """Lines of a CSV whose columns have one cause; one cell in twelve is "unknown" or empty."""
    rng = np.random.default_rng(seed)
    lines = ["id,sex,colour,age,income,visits,joined,unit"]
    for number in range(rows):
        z = rng.normal()
        cells = [
            "Female" if rng.random() < 1 / (1 + np.exp(-2 * z)) else "Male",
            ["red", "green", "blue"][int(np.clip(np.rint(z + 1), 0, 2))],
            str(int(np.clip(40 + 10 * z + 5 * rng.normal(), 18, 90))),
            f"{np.exp(10 + 0.5 * z + 0.2 * rng.normal()):.3f}",
            str(rng.poisson(np.exp(1 + 0.7 * z))),
            (np.datetime64("2020-06-01") + int(100 * z)).item().strftime("%d/%m/%Y"),
        ]
        holes = rng.random(6) < 1 / 12
        cells = [
            str(rng.choice(HOLES)) if hole else c for c, hole in zip(cells, holes, strict=True)
        ]
        lines.append(",".join([f"p{number:05d}", *cells, "cm"]))
    return lines


@pytest.fixture(scope="module")
def home(as_users_run_it, tmp_path_factory):
    """A folder with such a file, and a model of it that hardly knows it."""
    home = tmp_path_factory.mktemp("tables")
    (home / "people.csv").write_text("\n".join(people()))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert main(f"fit people.csv --na unknown {SMALL} --out model".split()) == 0
    return home


@pytest.fixture
def run(home, monkeypatch, capsys):
    """Run a command line there: its stdout, after the exit code."""
    monkeypatch.chdir(home)

    def run(line, code=0):
        capsys.readouterr()
        assert main(line.split()) == code, capsys.readouterr().err
        out, err = capsys.readouterr()
        if code:
            assert err.startswith("error: "), err
            assert err.count("\n") == 1, err
        return err if code else out

    return run


def cells_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_what_a_fit_leaves(home):
    note = json.loads((home / "model" / "run.json").read_text())
    assert note["na"] == ["unknown"]
    assert note["schema"] is None
    told = json.loads((home / "model" / "summary.json").read_text())
    assert told["rows"] == {"train": 97, "validation": 11, "test": 12}
    assert told["features"] == len(MODELLED)
    assert told["bits_per_dim"] is None
    assert list(told["baselines"]) == ["independent columns"]
    schema = json.loads((home / "model" / "schema.json").read_text())
    kinds = {each["name"]: each["kind"] for each in schema["columns"]}
    assert kinds["id"] == "identifier"
    assert kinds["unit"] == "constant"
    assert kinds["joined"] == "datetime"
    assert kinds["sex"] == "binary"


def test_its_report_shows_columns_and_no_pictures_of_rows(home):
    page = (home / "model" / "report.html").read_text()
    assert '<section id="columns"' in page
    for number in range(len(MODELLED)):
        assert f'id="chart-column-{number}"' in page
    assert '<section id="reconstructions"' not in page
    filled = page.partition('<section id="filled"')[2].partition("</section>")[0]
    assert filled.count("<td>missing</td>") >= 3
    # A row holds one hidden cell at most.
    hidden = [line for line in filled.split("<tr>")[2:] if "missing" not in line]
    numbers = [line.partition("</th>")[0] for line in hidden]
    assert len(numbers) == len(set(numbers)) > 3
    assert " hidden numbers " in filled
    assert "data:image" not in page.partition('<section id="samples"')[2].partition("</section>")[0]


def test_info_and_check(run):
    assert "left out: 'id'" in run("info model")
    told = json.loads(run("check model people.csv --json --quiet"))
    assert len(told["rows"]) == 12
    names = [each["name"].partition(":")[0] for each in told["checks"]]
    assert names[:-1] == MODELLED


def test_fidelity_of_drawn_rows(run, home):
    told = json.loads(run("fidelity model people.csv --json --quiet"))
    assert told["rows"] == {"synthetic": 12, "training": 108, "held_out": 12, "compared": 12}
    assert told["held_out"] == json.loads((home / "model" / "run.json").read_text())["test"]
    assert [each["column"] for each in told["columns"]] == MODELLED
    assert told["impossible"] == {"rows": 0, "share": 0.0, "first": None}
    assert told["boosting"]["target"] == "colour"
    assert any("no missing cells" in each for each in told["notes"])
    text = run(
        "fidelity model people.csv --rows 0:40 -n 150 --target age --source posterior --seed 1"
        " --quiet"
    )
    vae = load_model(home / "model")
    frame = read_table(home / "people.csv", ("unknown",), schema=vae.schema_)
    # Rows that are named have no others beside them: the training rows are those kept.
    found = vae.fidelity(frame[:40], 150, target="age", source="posterior", random_state=1)
    assert text == f"{found}\n"
    assert found.rows == {"synthetic": 150, "training": 97, "held_out": 40, "compared": 97}
    assert "boosting of age" in text
    assert "R²" in text


def test_a_fit_goes_on(run, home, capsys):
    before = json.loads((home / "model" / "summary.json").read_text())
    aloud = SMALL.replace("--quiet", "")
    assert (
        main(f"fit people.csv --na unknown {aloud} --out model --resume --no-report".split()) == 0
    )
    err = capsys.readouterr().err
    holes = [each for line in people()[1:] for each in line.split(",") if each in HOLES]
    written = Counter(repr(each) if each else "empty" for each in holes)
    words = ", ".join(f"{number} {each}" for each, number in written.most_common())
    assert f"cells taken as missing: {words}\n" in err
    assert "no epoch was added" in err
    after = json.loads((home / "model" / "summary.json").read_text())
    assert after["log_evidence"] == before["log_evidence"]
    assert after["elbo"] == before["elbo"]


def test_holes_are_filled_and_all_else_is_as_it_was(run, home):
    told = json.loads(run("impute model people.csv --out filled.csv --intervals ends.csv --json"))
    given, filled = (cells_of((home / name).read_text()) for name in ("people.csv", "filled.csv"))
    holes = [(i, name) for i, row in enumerate(given) for name in row if row[name] in HOLES]
    assert told["rows"] == 120
    assert told["filled"] == len(holes) > 20
    for i, row in enumerate(given):
        for name, cell in row.items():
            if (i, name) in holes:
                assert filled[i][name] not in HOLES
            elif name == "income":
                assert float(filled[i][name]) == float(cell)
            else:
                assert filled[i][name] == cell
    ends = cells_of((home / "ends.csv").read_text())
    numbers = ("age", "income", "joined")
    assert {(int(each["row"]), each["column"]) for each in ends} >= {
        hole for hole in holes if hole[1] in numbers
    }
    for each in ends:
        if each["column"] in ("age", "income"):
            assert float(each["lower"]) <= float(each["upper"])


def test_pieces_are_filled_as_the_whole_is(run, home, monkeypatch):
    run("impute model people.csv --out whole.parquet")
    monkeypatch.setattr("jensen.cli.impute._PIECE", 50)
    run("impute model people.csv --out pieces.parquet")
    whole, pieces = (pl.read_parquet(home / f"{name}.parquet") for name in ("whole", "pieces"))
    assert dict(whole.schema) == dict(pieces.schema) == TYPES
    assert whole[:50].equals(pieces[:50])
    # The others by other draws of the same means.
    assert len(whole) == len(pieces) == 120
    there = pl.read_csv(home / "people.csv", null_values=[*HOLES], infer_schema=False)["age"]
    assert whole["age"].cast(pl.String).filter(there.is_not_null()).equals(there.drop_nulls())
    ages = [frame["age"].to_numpy() for frame in (whole, pieces)]
    assert np.abs(ages[0] - ages[1]).max() < 20


def test_a_column_without_a_cell_is_filled_by_numbers_of_its_type(run, home):
    frame = pl.read_csv(home / "people.csv", infer_schema=False).head(30)
    frame.with_columns(income=pl.lit("")).write_csv(home / "none.csv")
    run("impute model none.csv --out none.parquet --quiet")
    income = pl.read_parquet(home / "none.parquet")["income"]
    assert income.dtype == pl.Float64
    assert np.mean(income.to_numpy() % 1 > 0) > 0.9


def test_intervals_never_overwrite_the_rows(run, home):
    before = (home / "people.csv").read_text()
    line = "impute model people.csv --out q.csv --intervals ./people.csv"
    assert "--intervals people.csv: is the file that is read" in run(line, 2)
    assert (home / "people.csv").read_text() == before


def test_equal_rows_of_two_pieces_are_drawn_for_apart(run, home, monkeypatch):
    line = pl.read_csv(home / "people.csv", infer_schema=False).head(1).with_columns(age=pl.lit(""))
    pl.concat([line] * 4).write_csv(home / "equal.csv")
    monkeypatch.setattr("jensen.cli.impute._PIECE", 2)
    # As many draws as elsewhere here, for which the program is compiled.
    drawn = cells_of(run("impute model equal.csv --draws 8 --quiet"))
    first, third = ([row["age"] for row in drawn[place::4]] for place in (0, 2))
    assert first != third


def test_columns_that_no_model_sees_need_not_be_there(run, home):
    frame = pl.read_csv(home / "people.csv", infer_schema=False).head(10)
    frame.drop("id", "unit").write_csv(home / "fewer.csv")
    fewer = cells_of(run("impute model fewer.csv --quiet"))
    frame.with_columns(unit=pl.lit("")).write_csv(home / "empty.csv")
    empty = cells_of(run("impute model empty.csv --quiet"))
    assert list(fewer[0]) == MODELLED
    assert [row | {"id": "", "unit": ""} for row in fewer] == [
        row | {"id": "", "unit": ""} for row in empty
    ]
    assert [(row["id"], row["unit"]) for row in empty[:2]] == [("p00000", "cm"), ("p00001", "cm")]


def test_draws_are_numbered(run, home):
    run("impute model people.csv --out draws.arrow --draws 8")
    drawn = pl.read_ipc(home / "draws.arrow")
    assert drawn["draw"].to_list() == [k for k in range(8) for _ in range(120)]
    first, second = (drawn.filter(pl.col("draw") == k).drop("draw") for k in (0, 1))
    assert first["id"].equals(second["id"])
    assert not first.equals(second)
    assert not first.null_count().sum_horizontal()[0]


def test_rows_given_some_cells(run, home, capsys):
    rows = cells_of(run("sample model -n 5 --given sex=Female,age=39,joined=24/12/2020"))
    assert [(row["sex"], row["age"], row["joined"]) for row in rows] == [
        ("Female", "39", "24/12/2020")
    ] * 5
    assert len({row["income"] for row in rows}) > 1
    assert main(["sample", "model", "-n", "2", "--given", "age=45"]) == 0
    assert "caution" not in capsys.readouterr().err
    assert main(["sample", "model", "-n", "2", "--given", "age=4000"]) == 0
    told = capsys.readouterr().err
    assert "caution: column 'age': 4000 lies beyond the training rows kept" in told
    run("sample model -n 5 --out new.parquet")
    new = pl.read_parquet(home / "new.parquet")
    assert dict(new.schema) == TYPES
    assert new["unit"].to_list() == ["cm"] * 5
    assert new["id"].null_count() == 5


def test_the_least_likely_row_and_why(run, home):
    lines = people(40, seed=1)
    cells = lines[18].split(",")
    cells[6] = "01/01/1990"
    (home / "doctored.csv").write_text("\n".join([*lines[:18], ",".join(cells), *lines[19:]]))
    told = json.loads(run("score model doctored.csv --top 3 --json --quiet"))
    assert len(told["log_evidence"]) == len(told["outlier"]) == len(told["tail"]) == 40
    assert all(0 < each <= 1 for each in told["tail"])
    order = np.argsort(told["log_evidence"])
    assert (np.diff(np.array(told["tail"])[order]) >= 0).all()
    worst = told["least_likely"][0]
    assert worst["row"] == 17
    assert worst["columns"][0]["column"] == "joined"
    assert worst["columns"][0]["log_p"] < worst["columns"][0]["usual"] - 1
    # Less likely than all of the rows held out.
    held_out = count(jensen.load(home / "model").held_out_)
    assert held_out > 5
    assert worst["tail"] == pytest.approx(1 / (1 + held_out))
    text = run("score model doctored.csv --top 3 --rows 10:20 --quiet")
    assert text.splitlines()[1].split()[0] == "17"
    assert "rows held out to stop training by" in text
    assert "joined=1990-01-01" in text


def test_a_table_in_pieces_is_scored_as_a_whole(run, home, monkeypatch):
    """The same scores and worst rows; and a row that does not fit is named as the file has it."""
    (home / "some.csv").write_text("\n".join(people(40, seed=1)))
    line = "score model some.csv --top 3 --json --quiet"
    whole = json.loads(run(line))
    monkeypatch.setattr("jensen.cli.score._PIECE", 7)
    pieces = json.loads(run(line))
    assert pieces == whole
    for name, read in (("s.parquet", pl.read_parquet), ("s.arrow", pl.read_ipc)):
        run(f"score model some.csv --out {name} --quiet")
        kept = read(home / name)
        assert kept.to_dict(as_series=False) == {
            column: whole[column] for column in ("log_evidence", "outlier", "tail")
        }
    run("score model some.csv --out s.npy --quiet")
    np.testing.assert_array_equal(np.load(home / "s.npy"), kept.cast(pl.Float64).to_numpy())
    run("score model some.csv --out s.tsv --quiet")
    assert pl.read_csv(home / "s.tsv", separator="\t").columns == kept.columns
    part = json.loads(run(f"{line} --rows 5:25"))
    assert part["log_evidence"] == whole["log_evidence"][5:25]
    assert {each["row"] for each in part["least_likely"]} <= set(range(5, 25))
    assert "takes no row" in run(f"{line} --rows 40:50", 2)
    lines = people(40, seed=1)
    cells = lines[31].split(",")
    cells[4] = "-5.0"
    (home / "bad.csv").write_text("\n".join([*lines[:31], ",".join(cells), *lines[32:]]))
    assert "row 30 (counting from 0), column 'income'" in run("score model bad.csv --quiet", 2)


@pytest.mark.parametrize("verb", ["score", "impute", "evidence"])
def test_values_that_no_training_row_had_are_told(verb, home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    monkeypatch.setattr("jensen.cli.score._PIECE", 7)
    lines = people(30, seed=1)
    for row in (12, 25):
        cells = lines[1 + row].split(",")
        lines[1 + row] = ",".join([*cells[:2], "mauve", *cells[3:]])
    (home / "mauve.csv").write_text("\n".join(lines))
    rows = [] if verb == "impute" else ["--rows", "10:"]
    assert main([verb, "model", "mauve.csv", *rows]) == 0
    told = (
        "caution: column 'colour': 2 cells have a value that no training row had; scored as never"
        " seen (the first: row 12, 'mauve')\n"
    )
    assert told in capsys.readouterr().err


def test_evidence_in_two_parts(run):
    told = json.loads(run("evidence model people.csv --rows 0:20 --per-row --json --quiet"))
    assert len(told["per_row"]) == 20
    assert told["probability"] < 0
    assert told["probability"] + told["density"] == pytest.approx(told["value"])


def test_there_and_back(run, home):
    run("encode model people.csv --out z.npy")
    run("encode model people.csv --out z.parquet")
    np.testing.assert_array_equal(pl.read_parquet(home / "z.parquet"), np.load(home / "z.npy"))
    back = cells_of(run("decode model z.npy"))
    assert back == cells_of(run("decode model z.parquet"))
    assert back == cells_of(run("reconstruct model people.csv"))
    assert len(back) == 120
    assert set(back[0]) == set(TYPES)
    assert "no difference" in run("compare model model people.csv --rows 0:10")


def test_a_schema_edited_by_hand(run, home, untrained, quick):
    schema = json.loads((home / "model" / "schema.json").read_text())
    (visits,) = (each for each in schema["columns"] if each["name"] == "visits")
    visits |= {"kind": "real", "likelihood": "rounded", "step": 2.0, "atom": None}
    (home / "edited.json").write_text(json.dumps(schema))
    line = f"fit people.csv --na unknown {SMALL} --no-report --out edited"
    run(f"{line} --schema edited.json")
    assert "visits  real" in run("info edited")
    assert "--schema" in run(f"{line} --resume", 2)
    assert "'visits'" in run("compare model edited people.csv --rows 0:5", 2)


def test_typed_files_and_standard_input(run, home, piped, untrained, quick):
    frame = pl.read_csv(home / "people.csv", null_values=list(HOLES))
    frame.write_parquet(home / "typed.parquet")
    line = f"{SMALL} --epochs 1 --no-report"
    run(f"fit typed.parquet {line} --out typed")
    piped(frame.write_csv())
    run(f"fit - {line} --out typed-too")
    kinds = [
        [
            column["kind"]
            for column in json.loads((home / name / "schema.json").read_text())["columns"]
        ]
        for name in ("typed", "typed-too")
    ]
    # Parquet holds the dates as text.
    assert kinds[0][:6] == kinds[1][:6]
    assert kinds[1][6] == "datetime"


def test_numbers_of_one_kind_stay_arrays(run, home, quick):
    X = np.random.default_rng(0).normal(size=(40, 2))
    (home / "real.csv").write_text("\n".join(["a,b", *(f"{a},{b}" for a, b in X.tolist())]))
    pl.DataFrame(X, schema=["a", "b"]).write_parquet(home / "real.parquet")
    line = f"{SMALL} --epochs 1 --no-report"
    for name in ("real.csv", "real.parquet"):
        run(f"fit {name} {line} --out {name}-model")
        schema = json.loads((home / f"{name}-model" / "schema.json").read_text())
        assert schema["kind"] == "real"
        assert "columns" not in schema
    one, other = (
        run(f"score {name}-model real.parquet --quiet") for name in ("real.csv", "real.parquet")
    )
    assert one == other
    run(f"fit real.csv --kind table {line} --out as-table")
    assert "columns: 2" in run("info as-table")
    assert "numbers of one kind" in run("impute real.csv-model real.csv", 2)
    assert "--given" in run("sample real.csv-model --given a=1", 2)
    assert "--top" in run("score real.csv-model real.csv --top 3", 2)
    told = json.loads(run("fidelity real.csv-model real.csv --rows 0:20 --quiet --json"))
    assert told["rows"]["compared"] == 20
    assert set(told["frechet"]) == {"synthetic", "real"}
    assert "--target='a': is of tables" in run(
        "fidelity real.csv-model real.csv --target a --quiet", 2
    )
    assert "the other of numbers" in run("compare as-table real.csv-model real.csv", 2)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("fit people.csv --likelihood normal", "--likelihood: is of numbers of one kind"),
        ("fit people.csv --high 3", "--high: is of numbers"),
        ("fit people.csv --shape 2,3", "--shape: is of numbers"),
        ("fit people.csv --dtype uint8", "--dtype: is of numbers"),
        ("fit people.csv --binarise fixed", "--binarise: is of numbers"),
        ("fit people.csv --size 8x8", "--size 8x8: only folders of images"),
        ("fit people.csv --key a", "--key"),
        ("fit people.csv --test-key a", "--test-key"),
        ("fit people.csv --missing foo --quiet", "--missing='foo'"),
        ("fit people.csv --na unknown --kind real", "--kind real"),
        ("fit digits --na unknown", "--na: digits is no table"),
        ("fit digits --missing random --quiet", "--missing='random'"),
        ("fit people.csv --schema nowhere.json", "--schema nowhere.json"),
        ("fit people.csv --schema people.csv", "--schema people.csv: is no JSON"),
        ("fit people.csv --schema model/run.json", "is no schema of a table"),
        ("fit people.csv --schema model/schema.json", "people.csv: line "),
        ("fit people.csv --na unknown --out model", "--overwrite"),
        ("fit people.csv --hidden 8 --latent 2 --epochs 3 --out model --resume --quiet", "no --na"),
        (
            "impute model other.csv",
            "other.csv: columns 'colour', 'age', 'income', 'visits', 'joined' are missing: add"
            " them, with empty cells if unknown",
        ),
        (
            "score model extra.csv --quiet",
            "extra.csv: columns 'height', 'weight' are not of the model's table: drop them",
        ),
        (
            "evidence model renamed.csv",
            "renamed.csv: column 'sex' is missing: add it, with empty cells if unknown; column"
            " 'Sex' is not of the model's table: drop it (or rename one into the other)",
        ),
        ("impute model people.csv --out x.npy", "--out x.npy"),
        ("impute model people.csv --draws 0", "--draws=0"),
        ("impute model people.csv --level 2", "--level=2"),
        ("impute model people.csv --json", "--out"),
        ("impute model people.csv --out x.csv --intervals ./x.csv", "--intervals"),
        ("sample model --given sex", "COLUMN=VALUE"),
        ("sample model --given sex=Female,sex=Male", "comes twice"),
        (
            "sample model --given Sexe=Female",
            "--given: column 'Sexe' is not in the model; those that are: sex, colour, age, income,"
            " visits, joined; did you mean 'sex'?",
        ),
        (
            "sample model --given age=39,sex=Femal",
            "--given: column 'sex': 'Femal' is no value of it; known are Female, Male; did you mean"
            " 'Female'?",
        ),
        (
            "sample model --given age=old",
            "--given: column 'age': 'old' is no value of it; legal are numbers from 0",
        ),
        (
            "sample model --given visits=2.5",
            "--given: column 'visits': '2.5' is no value of it; legal are numbers from 0 up in"
            " steps of 1, the closest 2 and 3",
        ),
        ("diagnose model people.csv", "take jensen check, and jensen evidence"),
        ("sample model --given joined=2020-01-01", "legal are dates, as %d/%m/%Y"),
        ("sample model --given age=39 --mean", "--mean"),
        ("sample model --out x.npy", "--out x.npy"),
        ("sample model --png x.png", "--png"),
        ("score model people.csv --top 0", "--top=0"),
        ("score model digits", "digits: is of numbers"),
        ("encode model people.csv --out x.xlsx", ".feather"),
        ("score model people.csv --out x.txt", "--out x.txt: must end in .npy, .csv, .tsv"),
        ("denoise model people.csv --noise gaussian:1", "jensen impute"),
        ("decode model people.csv", "people.csv"),
        ("fidelity model people.csv --target size --quiet", "--target='size'"),
        ("fidelity model people.csv -n 0 --quiet", "-n"),
    ],
)
def test_bad_input(line, word, run, home):
    header, first, *_ = people(1)
    (home / "other.csv").write_text("id,sex\n1,Female\n")
    (home / "extra.csv").write_text(f"height,{header},weight\n3,{first},4\n")
    (home / "renamed.csv").write_text(f"{header.replace('sex', 'Sex')}\n{first}\n")
    assert word in run(line, 2)
