"""Every Python block of the pages runs, in order, as a reader would run it; warnings are errors.

Training is cut to one epoch and programs are compiled without optimisation: what is tested is
that the blocks run, not how well they fit.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    if "```python" in page.read_text(encoding="utf-8")
)
LINKING = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
MOST_SKIPPED = 2

_BLOCK = re.compile(r"(<!-- not run: [^>]+-->\n)?```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")

_DRIVER = """
import json, sys
from jensen.training import Options
Options.epochs = lambda self, rows: 1
names = {"__name__": "__main__"}
for page, line, block in json.load(sys.stdin):
    exec(compile("\\n" * line + block, page, "exec"), names)
"""


def _blocks(page: Path) -> list[tuple[str, int, str]]:
    """File name, lines before, and source of each block that is to run."""
    text = page.read_text(encoding="utf-8")
    return [
        (page.name, text.count("\n", 0, found.start(2)), found[2])
        for found in _BLOCK.finditer(text)
        if found[1] is None
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_run(page, tmp_path):
    import json

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _DRIVER],
        input=json.dumps(_blocks(page)),
        cwd=tmp_path,
        env=os.environ | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr


def test_few_blocks_are_left_out():
    skipped = [page.name for page in PAGES for each in _BLOCK.finditer(page.read_text()) if each[1]]
    assert len(skipped) <= MOST_SKIPPED


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    missing = [
        link
        for link in _LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert not missing
