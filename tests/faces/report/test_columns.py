"""The report of a table: its columns, and rows as text."""

from jensen.report import ReportData

EVIL = "<script>alert(1)</script>"


def data(**more):
    facts = {"kind": "real", "likelihood": "rounded", "missing": 0.25}
    return ReportData(
        title="t",
        summary={},
        event_shape=(2,),
        columns=[
            facts | {"name": "age", "at": [1.0, 2.0], "data": [0.5, 0.5], "model": [0.25, 0.75]},
            facts | {"name": EVIL, "labels": [EVIL, "b"], "data": [0.9, 0.1], "model": [0.8, 0.2]},
            {"name": "id", "kind": "identifier", "likelihood": None, "missing": 0.0},
        ],
        **more,
    )


def test_columns_have_a_line_and_those_of_the_model_a_chart(page_of):
    page = page_of(data())
    assert [each["id"] for each in page.all("section")] == ["columns"]
    charts = [each["id"] for each in page.all("div") if each.get("id", "").startswith("chart-")]
    assert charts == ["chart-column-0", "chart-column-1"]
    assert page.all("h3") == [{}, {}]


def test_filled_cells_stand_beside_what_is_known(page_of):
    number = {"row": 4, "column": "age", "low": "20", "high": "40"}
    page = page_of(
        data(
            filled_cells=[
                number | {"known": None, "filled": "31", "inside": None},
                number | {"known": "33", "filled": "29.5", "inside": True},
                number | {"known": "50", "filled": "32", "inside": False},
                {"row": 9, "column": EVIL, "known": "b", "filled": EVIL}
                | dict.fromkeys(("low", "high", "inside")),
            ]
        )
    )
    assert [each["id"] for each in page.all("section")] == ["columns", "filled"]
    assert "4 age missing 31 20 to 40 4 age 33 29.5 20 to 40" in page.words
    assert f"9 {EVIL} b {EVIL} Cells of held-out rows" in page.words
    assert "Of 2 hidden numbers 1 lie inside." in page.words


def test_rows_are_text(page_of):
    page = page_of(
        data(
            cell_names=["age", EVIL],
            sample_cells=[["31", EVIL], ["44", ""]],
            least_likely=[[1.0, 2.0]],
            least_likely_evidence=[-9.0],
            least_likely_rows=[7],
            least_likely_cells=[["99", EVIL]],
        )
    )
    assert [each["id"] for each in page.all("section")] == ["columns", "samples", "evidence"]
    assert page.all("img") == []
    # Two of the charts, and none of the data.
    alone = page_of(data())
    assert len(page.all("script")) == len(alone.all("script"))
