"""Files and built-in sets: what is read, and the one line that a bad file gets."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jensen.data
from jensen.data import Dataset, load
from jensen.errors import DataError, OptionError


def written(folder, text, name="table.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_digits():
    digits = load("digits")
    assert isinstance(digits, Dataset)
    assert (digits.name, digits.names, digits.X.max()) == ("digits", None, 16)
    assert digits.labels is not None
    assert set(digits.labels) == set(range(10))


def test_arrays_come_as_they_were_saved(tmp_path):
    X = np.arange(24, dtype="uint8").reshape(4, 2, 3)
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "one.npz", rows=X)
    np.savez_compressed(tmp_path / "two.npz", rows=X, other=X + 1)
    for dataset in (
        load(tmp_path / "x.npy"),
        load(str(tmp_path / "one.npz")),
        load(tmp_path / "two.npz", key="rows"),
    ):
        assert dataset.X.dtype == np.uint8
        np.testing.assert_array_equal(dataset.X, X)
    assert load(tmp_path / "two.npz", key="rows").name == "two"


@pytest.mark.parametrize(
    ("text", "X", "names"),
    [
        pytest.param("a,b\n1,2.5\n3,4\n", [[1, 2.5], [3, 4]], ("a", "b"), id="header"),
        pytest.param("1,2.5\n3,4\n", [[1, 2.5], [3, 4]], None, id="no-header"),
        pytest.param("1;2\n3;4", [[1, 2], [3, 4]], None, id="semicolons"),
        pytest.param("a\tb\n1\t2\n", [[1, 2]], ("a", "b"), id="tabs"),
        pytest.param('"a, b",c\n"1",-2e3\n', [[1, -2000]], ("a, b", "c"), id="quotes"),
        pytest.param("\ufeffa,b\r\n1,2\r\n", [[1, 2]], ("a", "b"), id="excel"),
        pytest.param("\n\na,b\n\n1,2\n  \n3,4\n\n", [[1, 2], [3, 4]], ("a", "b"), id="blank-lines"),
        pytest.param("x\n1\n2\n", [[1], [2]], ("x",), id="one-column"),
        pytest.param("0,1,2\n5,6,7\n", [[5, 6, 7]], ("0", "1", "2"), id="pandas-numbered-header"),
        pytest.param('"a\nb",c\n1,2\n', [[1, 2]], ("a\nb", "c"), id="line-break-in-name"),
    ],
)
def test_csv(tmp_path, text, X, names):
    dataset = load(written(tmp_path, text))
    np.testing.assert_array_equal(dataset.X, X)
    assert dataset.names == names
    whole = np.array_equal(np.rint(X), X)
    assert dataset.X.dtype == (np.int64 if whole else np.float64)


def test_csv_on_standard_input(piped, monkeypatch):
    piped("\ufeffa;b\r\n1;2.5\r\n3;4\r\n")
    dataset = load("-")
    assert (dataset.name, dataset.names) == ("stdin", ("a", "b"))
    np.testing.assert_array_equal(dataset.X, [[1, 2.5], [3, 4]])
    piped("1,2\n5,6\n")
    assert load("-", header=True).names == ("1", "2")
    for sent, message in (
        ("", "standard input: nothing came"),
        ("a,b\n1,2\n\n3,x\n", "standard input: line 4, column 'b': 'x' is text"),
        (b"a,b\n1,2\n\xff,3\n", "standard input: line 3: not UTF-8"),
        ("a,b\n", "standard input: a header and no rows"),
    ):
        piped(sent)
        with pytest.raises(DataError, match=message):
            load("-")
    with pytest.raises(OptionError, match="standard input has none"):
        load("-", key="a")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DataError, match="standard input: nothing came"):
        load("-")


def test_header_may_be_told(tmp_path):
    path = written(tmp_path, "0,1\n5,6\n")
    assert load(path, header=False).X.tolist() == [[0, 1], [5, 6]]
    assert load(written(tmp_path, "7,8\n5,6\n"), header=True).names == ("7", "8")


def test_a_first_line_of_known_names_is_the_header(tmp_path):
    names = ("2019", "2020")
    path = written(tmp_path, "2019,2020\n5,6\n")
    assert load(path, names=names).names == names
    assert load(path, names=("2020", "2019")).names is None
    assert load(path, header=False, names=names).X.tolist() == [[2019, 2020], [5, 6]]
    mixed = written(tmp_path, "age,2020\n5,6\n")
    assert load(mixed, names=("age", "2020")).X.tolist() == [[5, 6]]
    assert load(mixed, header=True).names == ("age", "2020")


@pytest.mark.parametrize("header", [True, False])
def test_a_header_is_refused_where_there_are_no_lines(tmp_path, header):
    np.save(tmp_path / "rows.npy", [[1, 2]])
    np.savez(tmp_path / "rows.npz", [[1, 2]])
    for source in ("digits", tmp_path / "rows.npy", tmp_path / "rows.npz"):
        with pytest.raises(OptionError, match=rf"header={header}: only .csv .* {source} has none"):
            load(source, header=header)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2019,2020,2021\n5,6.5,7\n3,1,2\n", True),
        ("1,2,3\n5,6.5,7\n3,1,2\n", True),
        ("2019,2020,2021\n2001,2002,2005\n", False),
        ("1,2,3\n5,6,7\n1,2,3\n", False),
        ("2019,2019,2021\n5,6,7\n", False),
        ("2019.5,2020,2021\n5,6,7\n", False),
        ("1,2\n5,6\n", False),
        ("2019\n5\n", False),
        ("a,b,c\n5,6,7\n", False),
    ],
)
def test_a_first_line_of_numbers_is_data_and_told_of_where_it_looks_like_names(
    tmp_path, text, told
):
    dataset = load(written(tmp_path, text))
    assert len(dataset.X) == text.count("\n") - (dataset.names is not None)
    assert len(dataset.cautions) == told
    if told:
        assert "the first line" in dataset.cautions[0]
        assert "add a letter" in dataset.cautions[0]
        assert load(written(tmp_path, text), header=True).cautions == ()


BAD_CSV = {
    "empty": ("", "the file is empty"),
    "blank": ("\n  \n", "the file is empty"),
    "header-only": ("a,b\n", "a header and no rows"),
    "text-cell": ("a,b\n1,2\n\n3,x\n", "line 4, column 'b': 'x' is text, not a number"),
    "text-without-header": ("1,2\n3,x\n", "line 2, column 2: 'x' is text"),
    "empty-cell": ("a,b\n1,\n", "line 2, column 'b': the cell is empty"),
    "nan": ("a,b\n1,nan\n", "line 2, column 'b': Input X contains NaN"),
    "inf": ("1,2\n1,-inf\n", "line 2, column 2: Input X contains infinity"),
    "na": ("a,b\n1,NA\n", "'NA' is text"),
    "short-row": ("1,2\n3\n", "line 2 has 1 cell where the first line has 2"),
    "long-row": ("a,b\n1,2\n1,2,3\n", "line 3 has 3 cells where the first line has 2"),
    "header-too-short": ("a,b\n1,2,3\n4,5,6\n", "line 2 has 3 cells where the first line has 2"),
    "latin-1": (b"a,b\n1,2\n3,\xe9\n", "line 3: not UTF-8 .byte 0xe9.; save it as UTF-8"),
    "latin-1-header": (b"a,\xe9\n1,2\n", "line 1: not UTF-8"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), "line 1: not UTF-8"),
    "spaces": ("1 2 3\n4 5 6\n7\n", "separated by comma, semicolon or tab"),
    "spaces-everywhere": ("1 2 3\n4 5 6\n", "line 1: the numbers are separated by spaces"),
    "spaces-below-names": ("a b\n1 2\n", "line 2, .*separated by spaces.* comma, semicolon or tab"),
    "decimal-comma": ("a;b\n1,5;2\n", "'1,5' has a decimal comma"),
    "half-header": ("a,2\n1,2\n", "line 1 mixes numbers and text .'a'."),
    "index-column": (",a\n0,5\n", "column 1 has no name.*index=False"),
    "twice-named": ("a,a\n0,5\n", "line 1: column name 'a' occurs twice"),
    "binary": (b"\x00\x01\x02\n\x00", "text|mixes|empty"),
}


@pytest.mark.parametrize(("text", "message"), BAD_CSV.values(), ids=BAD_CSV)
def test_bad_csv(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_arrays(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([[{}]]), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", a=np.array([[{}]], dtype=object))
    np.savez(tmp_path / "two.npz", a=np.ones((2, 2)), b=np.ones(3))
    np.save(tmp_path / "flat.npy", np.ones(3))
    np.save(tmp_path / "nan.npy", np.array([[1.0, np.nan]]))
    np.save(tmp_path / "none.npy", np.ones((0, 3)))
    np.save(tmp_path / "text.npy", np.array([["a"]]))
    np.save(tmp_path / "cut.npy", np.ones((50, 50)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:500])
    (tmp_path / "cut.npz").write_bytes((tmp_path / "two.npz").read_bytes()[:200])
    written(tmp_path, "1,2\n", "csv.npy")
    written(tmp_path, "1,2\n", "csv.npz")
    written(tmp_path, "", "empty.npz")
    for name, message in {
        "objects.npy": "pickle, which could run code",
        "objects.npz": "pickle, which could run code",
        "two.npz": "2 arrays; choose one with --key: a, b",
        "flat.npy": "Expected 2D array, got 1D array",
        "nan.npy": r"contains NaN, first at row 0 .*column 1",
        "none.npy": r"0 sample\(s\)",
        "text.npy": "'a' is text",
        "cut.npy": "damaged",
        "cut.npz": "damaged",
        "csv.npy": "not a NumPy file",
        "csv.npz": "not a NumPy file",
        "empty.npz": "the file is empty",
        "absent.csv": "no such file; built-in are digits",
    }.items():
        with pytest.raises(DataError, match=message) as caught:
            load(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
    with pytest.raises(DataError, match="no array 'c'; choose one with --key: a, b"):
        load(tmp_path / "two.npz", key="c")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="none: a folder without images"):
        load(tmp_path / "none")


def test_damaged_archives(tmp_path):
    """Bytes gone wrong, a method and a lock that are none, more numbers than there is memory."""
    whole = tmp_path / "whole.npz"
    np.savez_compressed(whole, X=np.random.default_rng(0).normal(size=(50, 3)))
    data = bytearray(whole.read_bytes())
    directory = data.rindex(b"PK\x01\x02")
    huge = np.lib.format.magic(1, 0)
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99)}".ljust(117)
    changed = {
        "flipped.npz": bytes(data[:300] + bytes(byte ^ 255 for byte in data[300:330]) + data[330:]),
        "method.npz": bytes(data[: directory + 10] + b"\x63\x00" + data[directory + 12 :]),
        "locked.npz": bytes(data[: directory + 8] + b"\x01\x00" + data[directory + 10 :]),
        "huge.npy": huge + (len(header) + 1).to_bytes(2, "little") + header + b"\n",
        "torn.npy": huge + (118).to_bytes(2, "little") + header.replace(b"{'", b"{{")[:117] + b"\n",
    }
    for name, content in changed.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=name):
            load(tmp_path / name)


def test_bad_requests(tmp_path):
    for source, key, message in [
        ("digit", None, "neither a file nor a built-in set; built-in are digits"),
        (written(tmp_path, "x", "x.xlsx"), None, "unknown kind of file"),
        (written(tmp_path, "1,2\n"), "rows", "only .npz files have keys"),
        ("digits", "rows", "only .npz files have keys"),
    ]:
        with pytest.raises(OptionError, match=message):
            load(source, key=key)


def test_import_is_light():
    # an empty parent package, so that only what the data package itself imports is seen
    package = Path(jensen.data.__file__).parents[1]
    code = f"""
import sys, types
sys.modules["jensen"] = types.ModuleType("jensen")
sys.modules["jensen"].__path__ = [{str(package)!r}]
import jensen.data
heavy = {{"jax", "sklearn", "pandas", "polars", "scipy", "PIL"}}
print(sorted(heavy & set(sys.modules)))
print(sorted(m for m in sys.modules if m.startswith("jensen.") and "jensen.data" not in m))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split("\n")[:2] == ["[]", "['jensen._words', 'jensen.errors']"]
