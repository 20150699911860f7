"""The command: ``python -m dagster_workspace`` is ``dagster-workspace``."""

import sys

from dagster_workspace._native import main

if __name__ == "__main__":
    sys.exit(main())
