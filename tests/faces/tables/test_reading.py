"""Files of tables: what cells of text become, and files in pieces."""

from datetime import date, datetime

import polars as pl
import pytest

from jensen.data.tables import infer_table, pieces, read, read_table


def written(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


CELLS = {
    "whole": (["1", " 2 ", "-3"], pl.Int64, [1, 2, -3]),
    "numbers": (["1", "2.5", "1e3"], pl.Float64, [1.0, 2.5, 1000.0]),
    "truth": (["true", "FALSE", "True"], pl.Boolean, [True, False, True]),
    "codes": (["007", "12", "1"], pl.String, ["007", "12", "1"]),
    "long codes": (["12345678901234567890", "1"], pl.String, ["12345678901234567890", "1"]),
    "text": (["a", "1", "inf"], pl.String, ["a", "1", "inf"]),
    "dates": (["2024-02-29", "1850-01-01", "9999-12-31"], pl.Date,
              [date(2024, 2, 29), date(1850, 1, 1), date(9999, 12, 31)]),
    "day first": (["13/02/2024", "01/02/2024"], pl.Date, [date(2024, 2, 13), date(2024, 2, 1)]),
    "month first": (["02/13/2024", "01/02/2024"], pl.Date, [date(2024, 2, 13), date(2024, 1, 2)]),
    "either first": (["02/03/2024", "01/02/2024"], pl.String, ["02/03/2024", "01/02/2024"]),
    "both the same": (["02/02/2024", "01/01/2024"], pl.Date, [date(2024, 2, 2), date(2024, 1, 1)]),
    "points": (["13.2.2024", "1.2.2024"], pl.Date, [date(2024, 2, 13), date(2024, 2, 1)]),
    "no such day": (["2024-02-30", "2024-01-01"], pl.String, ["2024-02-30", "2024-01-01"]),
    "short year": (["13/02/24", "1/1/24"], pl.String, ["13/02/24", "1/1/24"]),
    "times": (["2024-01-01 10:30", "1850-01-01 00:00"], pl.Datetime("us"),
              [datetime(2024, 1, 1, 10, 30), datetime(1850, 1, 1)]),
    "seconds": (["2024-01-01T10:30:01.5", "2024-01-01T00:00:00"], pl.Datetime("us"),
                [datetime(2024, 1, 1, 10, 30, 1, 500000), datetime(2024, 1, 1)]),
    "version": (["1.2.3", "1.2.4"], pl.String, ["1.2.3", "1.2.4"]),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "dtype", "values"), CELLS.values(), ids=CELLS)
def test_cells_become_the_type_that_fits_all(tmp_path, cells, dtype, values):
    lines = "\n".join(f"{cell},x" for cell in ["c", *cells, ""])
    found = read_table(written(tmp_path, lines + "\n", "t.csv"))["c"]
    assert found.dtype == dtype
    assert found.to_list() == [*values, None]


def test_times_with_a_zone_are_in_utc(tmp_path):
    text = "t,x\n2024-01-01T12:00:00+02:00,a\n2024-01-01T12:00:00Z,b\n"
    found = read_table(written(tmp_path, text))["t"]
    assert [str(each) for each in found] == [
        "2024-01-01 10:00:00+00:00",
        "2024-01-01 12:00:00+00:00",
    ]


def test_missing_cells_are_known_by_their_spellings(tmp_path):
    spellings = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "none", "?", "-",
                 "#N/A", "<NA>"]  # fmt: skip
    text = "c,x\n" + "".join(f" {each} ,x\n" for each in spellings) + "-999,x\n5,x\n"
    path = written(tmp_path, text)
    assert read_table(path)["c"].to_list() == [None] * len(spellings) + [-999, 5]
    assert read_table(path, na=["-999"])["c"].to_list() == [None] * (len(spellings) + 1) + [5]
    assert read(path, na=["-999"]).missing == dict.fromkeys([*spellings, "-999"], 1)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_delimiters_and_quotes(tmp_path, mark):
    text = f'name{mark}note\nann{mark}"a{mark}""b""\nc"\nbo{mark}é\n'
    found = read_table(written(tmp_path, text))
    assert found.rows() == [("ann", f'a{mark}"b"\nc'), ("bo", "é")]


def test_headers(tmp_path):
    path = written(tmp_path, "a,b\n1,x\n2,y\n")
    assert read_table(path).columns == ["a", "b"]
    assert read_table(path, header=False).columns == ["column_0", "column_1"]
    bare = written(tmp_path, "1,2\n3,4\n", "bare.csv")
    assert len(read_table(bare)) == 2
    assert read_table(bare, names=["1", "2"]).columns == ["1", "2"]


def test_standard_input(piped):
    piped("a,b\n1,x\n2,\n")
    assert read_table("-").rows() == [(1, "x"), (2, None)]


def test_formats_of_dates_are_kept_and_held_to(tmp_path):
    frame, formats, _ = read(written(tmp_path, "d,x\n13.2.2024,1\n1.3.2024,2\n"))
    assert formats == {"d": "%d.%m.%Y"}
    schema = infer_table(frame, formats=formats)
    assert schema.columns[0].format == "%d.%m.%Y"
    # Read by itself, this column would be open to two readings.
    schema = infer_table(frame, formats={"d": "%d/%m/%Y"})
    again = read_table(written(tmp_path, "d,x\n2/3/2024,1\n", "b.csv"), schema=schema)
    assert again["d"].to_list() == [date(2024, 3, 2)]


def test_the_schema_says_the_types(tmp_path):
    frame = pl.DataFrame(
        {
            "word": ["1", "a", "b"],
            "x": [1.5, 2.5, 4.0],
            "d": [date(2024, 1, 1)] * 2 + [date(2024, 5, 1)],
        }
    )
    schema = infer_table(frame)
    found = read_table(written(tmp_path, "word,x,d\n1,2,2024-02-02\n2,3,\n"), schema=schema)
    assert found["word"].to_list() == ["1", "2"]
    assert found["d"].to_list() == [date(2024, 2, 2), None]
    assert schema.check(found).x.shape == (2, 3)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow", "feather"])
def test_pieces_are_the_whole(tmp_path, suffix):
    n = 1003
    frame = pl.DataFrame({
        "k": [None if i % 7 == 0 else i % 50 for i in range(n)],
        "t": [f'a\n"{i % 4}"' for i in range(n)],
        "late": [None] * 900 + ["x", "y", "z"] * 34 + ["x"],
    })  # fmt: skip
    path = tmp_path / f"table.{suffix}"
    write = {"csv": pl.DataFrame.write_csv, "parquet": pl.DataFrame.write_parquet}
    write.get(suffix, pl.DataFrame.write_ipc)(frame, path)  # type: ignore[operator]
    whole = read_table(path)
    assert whole.equals(frame)
    schema = infer_table(whole)
    some = list(pieces(path, schema, rows=100))
    assert [len(each) for each in some] == [100] * 10 + [3]
    assert pl.concat(some).equals(frame)


def test_pieces_of_csv_are_read_as_they_are_asked_for(tmp_path):
    path = written(tmp_path, "a,b\n" + "1,x\n2,y\n5,x\n" * 10 + "1\n")
    schema = infer_table(pl.DataFrame({"a": [1, 2, 5], "b": ["x", "y", "x"]}))
    first = next(pieces(path, schema, rows=30))
    assert len(first) == 30


def test_lines_are_right_in_later_pieces_and_after_quoted_line_breaks(tmp_path):
    from jensen.errors import DataError

    schema = infer_table(pl.DataFrame({"a": [1, 2, 5], "b": ["x", "y", "x"]}))
    path = written(tmp_path, "a,b\n" + '1,"x\ny"\n' * 25 + "no,x\n")
    with pytest.raises(DataError, match="line 52, column 'a': 'no' is text"):
        list(pieces(path, schema, rows=10))
    with pytest.raises(DataError, match="line 52, column 'a': 'no' is text"):
        read_table(path, schema=schema)
