"""Every Python block of the pages runs, in order, as a reader would run it; warnings are errors.

Training is cut to one epoch, the rows that the outliers' offset is found by to a few, and
programs are compiled with little optimisation or none: what is tested is that the blocks run,
not how well they fit, nor how fast.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import jensen

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    if "```python" in page.read_text(encoding="utf-8")
)
LINKING = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
MOST_SKIPPED = 2
# Pages whose programs compute for longer than they compile, and are optimised a little.
COMPUTING = ("README.md", "images.md", "tutorial.md")

_BLOCK = re.compile(r"(<!-- not run: [^>]+-->\n)?```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")

_NAME = re.compile(r"`(jensen(?:\.\w+)+)`")

_ENVIRONMENT = {
    "PYTHONPATH": str(Path(jensen.__file__).parents[1]),
    "PYTHONUTF8": "1",
    # All but the level as in the suite's harness, and for its reasons.
    "JAX_THREEFRY_PARTITIONABLE": "false",
    "JAX_TRACEBACK_IN_LOCATIONS_LIMIT": "0",
}
_FLAGS = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
_DRIVER = """
import json, sys
from jensen.training import Options
Options.epochs = lambda self, rows: 1
from jensen.estimator import vae
assert vae._ROWS_FOR_OFFSET > 30
vae._ROWS_FOR_OFFSET = 30
for page in json.load(sys.stdin):
    names = {"__name__": "__main__"}
    for name, line, block in page:
        exec(compile("\\n" * line + block, name, "exec"), names)
"""


def _blocks(page: Path) -> list[tuple[str, int, str]]:
    """File name, lines before, and source of each block that is to run."""
    text = page.read_text(encoding="utf-8")
    return [
        (page.name, text.count("\n", 0, found.start(2)), found[2])
        for found in _BLOCK.finditer(text)
        if found[1] is None
    ]


@pytest.mark.pages
@pytest.mark.parametrize(("level", "computing"), [(0, False), (1, True)])
def test_blocks_run(tmp_path, level, computing):
    """In one process for all of a level, which compiles once what several pages need."""
    assert set(COMPUTING) <= {page.name for page in PAGES}
    pages = [page for page in PAGES if (page.name in COMPUTING) == computing]
    flags = {"XLA_FLAGS": f"--xla_backend_optimization_level={level} {_FLAGS}"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _DRIVER],
        input=json.dumps([_blocks(page) for page in pages]),
        cwd=tmp_path,
        env=os.environ | _ENVIRONMENT | flags,
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


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.name)
def test_names_of_the_package_exist(page):
    for dotted in set(_NAME.findall(page.read_text(encoding="utf-8"))):
        assert _found(dotted), f"{page.name} names {dotted}, which does not exist"


def _found(dotted: str) -> bool:
    first, *rest = dotted.split(".")
    found = importlib.import_module(first)
    for part in rest:
        try:
            found = getattr(found, part)
        except AttributeError:
            name = f"{found.__name__}.{part}" if isinstance(found, ModuleType) else ""
            if not name or importlib.util.find_spec(name) is None:
                return False
            found = importlib.import_module(name)
    return True


def test_the_house_is_drawn_as_it_is():
    """Every module has its line in the architecture's picture, and no line is without one."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    house = text[text.index("src/jensen/\n") : text.index("\nbenchmarks/")]
    drawn = set(re.findall(r"\b\w+\.py\b", house))
    package = ROOT / "src" / "jensen"
    # Verbs and sections are named as such, and not one by one.
    built = {
        path.name
        for path in package.rglob("*.py")
        if not {"cli", "sections"} & set(path.relative_to(package).parts)
    }
    assert drawn == built


def test_the_command_line_is_told_whole():
    """Each verb has its section, and that names each of its options and no other."""
    from jensen.cli._app import _program

    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    _, *sections = re.split(r"^## jensen (\w+)$", text, flags=re.MULTILINE)
    told = {
        verb: set(re.findall(r"`(--[a-z-]+)", section))
        for verb, section in zip(sections[::2], sections[1::2], strict=True)
    }
    verbs = _program().commands
    options = {
        verb: {
            name
            for parameter in command.params
            for name in parameter.opts
            if name.startswith("--") and name != "--help"
        }
        for verb, command in verbs.items()
    }
    assert told == options
