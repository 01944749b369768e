"""`python -m jensen` is `jensen`."""

import sys

from jensen.cli._process import run

if __name__ == "__main__":
    sys.exit(run())
