"""Tables that cannot be read: one line that says what is wrong, where, and what to do."""

import pytest

from jensen.data.tables import infer_table, read_table
from jensen.errors import DataError, OptionError

BAD = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n  \n", "the file is empty"),
    "header only": (b"a,b\n", "a header and no rows"),
    "too few": (b"a,b\n1,x\n2\n", "line 3 has 1 cell where the first line has 2"),
    "too many": (b"a,b\n1,x\n2,y,z\n", "line 3 has 3 cells where the first line has 2"),
    "not UTF-8": (b"a,b\n1,caf\xe9\n", "line 2: not UTF-8 .*save it as UTF-8"),
    "UTF-16": ("a,b\n1,x\n".encode("utf-16"), "UTF-16; save it as UTF-8"),
    "UTF-16 without a mark": ("a,b\n1,x\n".encode("utf-16-le"), "line 1 .*NUL byte"),
    "NUL": (b"a,b\n1,x\n2,\x00\n", "line 3 has a NUL byte"),
    "names": (b"a,a\n1,x\n", "'a' occurs twice .*rename one"),
    "no name": (b",b\nx,y\n", "column 1 has no name"),
    "infinity": (b"a,b\n1,x\n-inf,y\n", "line 3, column 'a': '-inf' is infinite"),
    "overflow": (b"a,b\n1,x\n1e999,y\n", "line 3, column 'a': '1e999' is infinite"),
    "decimal comma": (b"a;b\n1,5;x\n2;y\n", "line 2, column 'a': '1,5' has a decimal comma"),
    "open quote": (b'a,b\n1,x\n2,"y\n3,z\n', "line 3 is not closed"),
    "quote within": (b'a,b\n1,"x" y\n', "quote in or after line 2 is not closed, or not at"),
    "mixed first line": (b"1,x\n2,y\n", r"mixes numbers and text \('x'\).*header=False"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_bad_csv(tmp_path, data, message):
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n1,x\n")
    assert read_table(path).columns == ["a", "b"]


def test_one_row_tells_nothing_of_its_columns(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,x\n")
    with pytest.raises(DataError, match="1 row; at least 2 are needed"):
        infer_table(read_table(path))


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "feather"])
def test_damaged_files(tmp_path, suffix):
    path = tmp_path / f"table.{suffix}"
    path.write_bytes(b"neither Parquet nor Arrow" * 10)
    with pytest.raises(DataError, match=r"or damaged .*write it again") as caught:
        read_table(path)
    assert "\n" not in str(caught.value)


def test_places(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="a folder"):
        read_table(tmp_path)
    path = tmp_path / "table.xlsx"
    path.write_bytes(b"x")
    with pytest.raises(OptionError, match=r"unknown kind of file; files of tables end in \.csv"):
        read_table(path)
    parquet = tmp_path / "table.parquet"
    parquet.write_bytes(b"x")
    with pytest.raises(OptionError, match="has none; leave it out"):
        read_table(parquet, header=True)


TYPES = {
    "number": ("n", "many", "line 3, column 'n': 'many' is text, not a number"),
    "truth": ("t", "yes", "line 3, column 't': 'yes' is neither true nor false"),
    "date": ("d", "2024-13-01", "line 3, column 'd': '2024-13-01' is no date"),
    "infinity": ("n", "inf", "line 3, column 'n': 'inf' is infinite"),
}


@pytest.mark.parametrize(("name", "cell", "message"), TYPES.values(), ids=TYPES)
def test_cells_that_are_not_of_the_schemas_type(tmp_path, name, cell, message):
    rows = {"n": "1.5", "t": "true", "d": "2024-01-01"}
    text = "n,t,d\n1.5,true,2024-01-01\n2.25,false,2024-01-03\n7,true,2024-01-09\n"
    path = tmp_path / "table.csv"
    path.write_text(text)
    schema = infer_table(read_table(path))
    path.write_text(
        "n,t,d\n" + ",".join(rows.values()) + "\n" + ",".join((rows | {name: cell}).values())
    )
    with pytest.raises(DataError, match=message):
        read_table(path, schema=schema)
