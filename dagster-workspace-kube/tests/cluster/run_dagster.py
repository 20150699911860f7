"""A program of Dagster that ends with whoever started it: `run_dagster.py api|webserver|daemon ARGUMENTS...`.

Dagster handles signals in its own ways, and whoever is killed sends none. So this reads from the standard input, which
its starter alone holds open.
"""

import os
import sys
import threading


def end_with_starter() -> None:
    """Wait for the end of the standard input, then end this process."""
    while os.read(0, 1024):
        pass
    os._exit(0)


threading.Thread(target=end_with_starter, daemon=True).start()
program, *arguments = sys.argv[1:]
sys.argv[1:] = arguments

if program == "api":
    from dagster._cli import main
elif program == "webserver":
    from dagster_webserver.cli import main
else:
    from dagster._daemon.cli import main
main()
