"""The command, as script and as module: the same code, exit codes, streams and Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dagster_workspace import Values
from dagster_workspace._native import main

# Beside the interpreter that runs the tests: a script elsewhere on PATH would be another build.
SCRIPT = [str(Path(sys.executable).with_name("dagster-workspace"))]
MODULE = [sys.executable, "-m", "dagster_workspace"]
BOTH = pytest.mark.parametrize("command", [SCRIPT, MODULE], ids=["script", "module"])


def run(command: list[str], *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*command, *arguments], input=stdin, capture_output=True, timeout=60, check=False)


@BOTH
def test_yaml_edit_gives_exactly_the_bytes(command: list[str]) -> None:
    edit = '{"op": "set", "path": ["a"], "value": "on"}'
    # No line break at the end: nothing may wait in a buffer.
    done = run(command, "yaml", "edit", "--edit", edit, stdin=b"# \xc3\xbc\r\na: 1")
    assert (done.returncode, done.stdout, done.stderr) == (0, b'# \xc3\xbc\r\na: "on"', b"")


@BOTH
def test_help_and_version_go_to_standard_output(command: list[str]) -> None:
    for option in ("--help", "--version"):
        done = run(command, option)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"dagster-workspace" in done.stdout


@BOTH
def test_exit_codes_of_the_main_job(command: list[str], folder: Path) -> None:
    where = ["--directory", str(folder)]
    add = [*where, "add", "new", "--arg=-m", "--arg=new", "--image"]
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run(command, *add, "a/new:1", "--dry-run", "--detailed-exitcode").returncode == 2
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert run(command, *add, "a/new:1").returncode == 0
    assert run(command, *add, "a/new:1", "--detailed-exitcode").returncode == 0
    assert run(command, *add, "a/new:2").returncode == 5
    assert run(command, *where, "update", "absent", "--port", "1").returncode == 4
    assert list(Values.parse(folder / "values.yaml").deployments) == ["etl", "new"]
    assert run(command, *where, "remove", "new").returncode == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@BOTH
def test_history_is_kept_and_rolled_back_to(
    command: list[str], folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = ["--history", f"file://{tmp_path_factory.mktemp('history')}"]
    where = ["--directory", str(folder), *place]
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run(command, "history", "record", *where).returncode == 0
    assert run(command, "remove", "etl", *where).returncode == 0
    listed = json.loads(run(command, "history", "list", "--output", "json", *place).stdout)
    assert [revision["number"] for revision in listed["revisions"]] == [2, 1]
    assert run(command, "rollback", "1", *where).returncode == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    # What is missing is the cluster, not the command.
    assert b"this is done on a cluster" in run(command, "restore", *place).stderr


@BOTH
def test_err_usage_is_4(command: list[str]) -> None:
    done = run(command, "fly")
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"fly" in done.stderr


@BOTH
def test_err_invalid_document_is_4(command: list[str]) -> None:
    done = run(command, "yaml", "events", stdin=b"a: [")
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"DW0012" in done.stderr


@BOTH
def test_err_missing_file_is_an_error(command: list[str], tmp_path: Path) -> None:
    done = run(command, "yaml", "events", str(tmp_path / "missing.yaml"))
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"missing.yaml" in done.stderr


def test_arguments_need_not_be_utf8(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.yaml"
    Path(os.fsdecode(path)).write_bytes(b"a: 1\n")
    done = subprocess.run([*MODULE, "yaml", "events", path], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text("- a\n" * 100_000)
    with subprocess.Popen([*MODULE, "yaml", "events", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


@BOTH
def test_interrupt_ends_it_at_once(command: list[str]) -> None:
    # It waits for its standard input, deep in native code.
    with subprocess.Popen([*command, "yaml", "events"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        wait_until_default(process.pid)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        # Shells make 130 of it.
        assert process.wait(10) == -signal.SIGINT
        assert time.monotonic() - began < 5
        assert process.stderr.read() == b""


def wait_until_default(pid: int) -> None:
    """Wait until the process catches SIGINT no more, after it once did: then native code runs."""
    deadline = time.monotonic() + 30
    caught = False
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/status").read_text()
        mask = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt"))
        catches = bool(mask >> (signal.SIGINT - 1) & 1)
        if caught and not catches:
            return
        caught = caught or catches
        time.sleep(0.001)
    pytest.fail("the command never came to its native code")


def test_interrupt_that_is_ignored_stays_ignored() -> None:
    # As under nohup, or in the background of a script.
    program = "import signal, dagster_workspace._native as n; signal.signal(signal.SIGINT, signal.SIG_IGN); n.main()"
    arguments = [sys.executable, "-c", program, "yaml", "events"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(b"a", timeout=60)
        assert (process.returncode, output) == (0, b"+STR\n+DOC\n=VAL :a\n-DOC\n-STR\n")


def test_called_from_python_it_returns_and_restores(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert main(["--version"]) == 0
    assert main(["fly"]) == 4
    assert signal.getsignal(signal.SIGINT) is before
    assert capfd.readouterr().out.startswith("dagster-workspace ")
