"""What tests of `jensen fit` share: the command, and runs that are the same."""

import json
from pathlib import Path

from jensen.cli import main

SMALL = "--hidden 8 --latent 2 --batch-size 16"
# Seconds differ from run to run; folders are where a test puts them.
OWN = ("seconds", "model", "report", "throughput")


def fit(line, code=0):
    assert main(f"fit people.csv {SMALL} {line}".split()) == code


def same(one, other):
    strip = lambda told: {name: value for name, value in told.items() if name not in OWN}
    return strip(json.loads(Path(one).read_text())) == strip(json.loads(Path(other).read_text()))
