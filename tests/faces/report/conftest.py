"""Reports as files and as pages."""

import pytest

from jensen.report import write_report

from .pages import CASES, Page


@pytest.fixture(scope="session", params=CASES, ids=list(CASES))
def case(request, tmp_path_factory):
    data = CASES[request.param]
    return data, Page(write_report(tmp_path_factory.mktemp("report") / "report.html", data))


@pytest.fixture
def page_of(tmp_path):
    return lambda data: Page(write_report(tmp_path / "report.html", data))
