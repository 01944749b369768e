"""What starts quickly loads little."""

import subprocess
import sys

import pytest

HEAVY = ("jax", "equinox", "numpyro", "sklearn", "scipy", "plotly", "pandas", "polars", "PIL")


@pytest.mark.parametrize("module", ["jensen", "jensen.cli", "jensen.errors"])
def test_importing_loads_no_jax(module):
    code = f"import sys, {module}; print(*[m for m in {HEAVY} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
