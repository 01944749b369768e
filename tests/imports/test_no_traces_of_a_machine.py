"""Tracked files name no place of the machine they were written on."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Home folders, this checkout's own place, and package indexes by address.
PATTERNS = [
    r"/home/\w+/", r"/Users/\w+/", r"C:\\Users\\", re.escape(f"{ROOT}/"), r"index-url\s*=?\s*http"
]  # fmt: skip


def test_no_file_names_a_home_folder_or_a_private_index():
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not in a git checkout")
    wrong = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path == Path(__file__) or not path.is_file():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        wrong += [f"{name}: {found}" for p in PATTERNS if (found := re.search(p, text))]
    assert not wrong, "\n".join(wrong)
