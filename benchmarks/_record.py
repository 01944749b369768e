"""What every benchmark writes down with its figures: machine, versions, commit, date.

`write_results(name, title, text, data)` leaves `results/NAME.md` for people and
`results/NAME.json` for programs; both hold the record of `environment(packages)`.
"""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=HERE, capture_output=True, text=True, check=True
    ).stdout.strip()


def commit() -> str:
    """The short hash, marked dirty where files other than results differ from it."""
    try:
        head = git("rev-parse", "--short", "HEAD")
        changed = git("status", "--porcelain", "--", ":/", ":!/benchmarks/results")
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return f"{head} dirty" if changed else head


def package_versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions installed beside this interpreter; a package not installed is left out."""
    versions = {}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def environment(packages: Iterable[str]) -> dict:
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "cpu": cpu_model(),
        "cores": cores(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "versions": package_versions(packages),
    }


class OtherLoad:
    """Share of the machine's cores that other processes used while the `with` block ran.

    Counts what all cores did, time stolen by a hypervisor included, less what this process and
    its ended children did. `share` is None where there is no `/proc/stat` to read.
    """

    share: float | None = None

    def __enter__(self) -> "OtherLoad":
        self._start = time.monotonic(), self._others()
        return self

    def __exit__(self, *_) -> None:
        start, before = self._start
        after = self._others()
        if before is not None and after is not None:
            core_seconds = (time.monotonic() - start) * (os.cpu_count() or 1)
            self.share = max(0.0, (after - before) / core_seconds)

    @staticmethod
    def _others() -> float | None:
        """Seconds of work done so far by all but this process and its ended children."""
        try:
            ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        except OSError:
            return None
        user, nice, system, _idle, _wait, *interrupts_and_stolen = map(int, ticks)
        everything = user + nice + system + sum(interrupts_and_stolen)
        return everything / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def environment_text(record: dict) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return (
        f"{record['date']}, commit {record['commit']}. {record['cpu']}, {record['cores']} cores, "
        f"{record['os']}, Python {record['python']}. {versions}."
    )


def write_results(name: str, title: str, text: str, data: dict) -> Path:
    """Write both files and return the path of the one for people.

    `data["environment"]` must hold the record that `environment` made.
    """
    RESULTS.mkdir(exist_ok=True)
    page = RESULTS / f"{name}.md"
    page.write_text(f"# {title}\n\n{environment_text(data['environment'])}\n\n{text}\n")
    page.with_suffix(".json").write_text(json.dumps(data, indent=2) + "\n")
    return page


def found_before(name: str) -> dict[str, dict[str, Any]]:
    """By table what earlier runs left, each with its own record of the environment."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["found"] if path.exists() else {}


def finish(name: str, title: str, text: str, data: dict, met: Mapping[str, bool]) -> NoReturn:
    """Write and print the figures and which goals were met; the exit status is 1 if one is not."""
    goals = "\n".join(f"- {goal}: {'met' if held else 'missed'}" for goal, held in met.items())
    whole = f"{text}\n\n{goals}"
    write_results(name, title, whole, data)
    print(whole)
    sys.exit(0 if all(met.values()) else 1)
