"""Dagster's own verdict on a workspace file: one question per line, one answer per line.

Question: `{"text": "...", "env": {"NAME": "value"}}`; `env` is what is set in the environment while the file is read.
Answer: `{"accepted": bool, "names": [...], "reason": "..."}`; to `{}` it is `{"dagster": "<version>"}`.

Nothing is started. The file goes through what the webserver and the daemon run at start and on every reload: the file
target of the workspace, then, per code location, the entry that they keep of it. The entry checks the types of the
displayed metadata outside of any `except`, so that a wrong one fails the whole workspace, too.
"""

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

import dagster
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._core.workspace.workspace import (
    CodeLocationEntry,
    CodeLocationLoadStatus,
    DefinitionsSource,
)


def load(path: Path) -> list[str]:
    """Names of the code locations of the file at `path`, in order; whatever Dagster raises passes through."""
    origins = WorkspaceFileTarget(paths=[str(path)]).create_origins()
    entries = [
        CodeLocationEntry(
            origin=origin,
            code_location=None,
            load_error=None,
            load_status=CodeLocationLoadStatus.LOADED,
            display_metadata=origin.get_display_metadata(),
            update_timestamp=0.0,
            version_key="0",
            definitions_source=DefinitionsSource.CODE_SERVER,
        )
        for origin in origins
    ]
    return [entry.origin.location_name for entry in entries]


def judge(question: dict, path: Path) -> dict:
    """Answer one question; `path` is a file to write the text to."""
    if "text" not in question:
        return {"dagster": dagster.__version__}
    path.write_bytes(question["text"].encode())
    env = question.get("env") or {}
    os.environ.update(env)
    try:
        return {"accepted": True, "names": load(path), "reason": ""}
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return {"accepted": False, "names": [], "reason": reason}
    finally:
        for name in env:
            del os.environ[name]


def main() -> None:
    """Answers until the input ends."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "workspace.yaml")
        for line in sys.stdin:
            print(json.dumps(judge(json.loads(line), path)), flush=True)


main()
