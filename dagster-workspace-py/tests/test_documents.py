"""Both documents: what is read, what it means, and that objects are values."""

import copy
import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import VALUES, WORKSPACE
from dagster_workspace import Deployment, Env, ParseError, Values, Workspace, lint

Parse = Callable[[str | bytes | Path], Values | Workspace]
DOCUMENTS: list[Parse] = [Values.parse, Workspace.parse]


@pytest.mark.parametrize("parse", DOCUMENTS)
@pytest.mark.parametrize("text", ["", "\n", "# only\r\n", "a: 1", "\ufeffa: ü 😀\r\nb: 2\r", "a: |+\n x\n\n\n"])
def test_every_byte_is_kept(parse: Parse, text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(text.encode())
    for source in (text, text.encode(), path):
        document = parse(source)
        assert str(document) == text
        assert bytes(document) == text.encode()


def test_equal_texts_are_equal_documents() -> None:
    first, second, other = Values.parse(VALUES), Values.parse(VALUES.encode()), Values.parse(VALUES + "\n")
    assert first == second
    assert hash(first) == hash(second)
    assert first != other
    assert first != Workspace.parse(VALUES)
    assert len({first, second, other}) == 2


@pytest.mark.parametrize("document", [Values.parse(VALUES), Workspace.parse(WORKSPACE)])
def test_documents_are_pickled_and_copied(document: Values | Workspace) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(document, protocol)) == document
    assert copy.deepcopy(document) == document


def test_documents_cannot_be_changed() -> None:
    values = Values.parse(VALUES)
    with pytest.raises(AttributeError):
        values.deployments = {}  # type: ignore[misc, assignment]
    with pytest.raises(TypeError):
        values.deployments["x"] = values.deployments["etl"]  # type: ignore[index]
    values.deployments["etl"].to_dict()["port"] = 1
    assert values.deployments["etl"].port == 3030


def test_deployments_as_written() -> None:
    etl = Values.parse(VALUES).deployments["etl"]
    assert (etl.name, etl.image, etl.port) == ("etl", "ghcr.io/acme/etl:1.0", 3030)
    assert etl["env"] == {"STAGE": "prod"}
    assert list(etl) == ["name", "image", "port", "dagsterApiGrpcArgs", "env"]
    assert repr(etl) == "Deployment(name='etl', image='ghcr.io/acme/etl:1.0', port=3030)"


def test_deployments_of_every_layout() -> None:
    entry = "{image: {repository: a}, port: 1}"
    for text, names in [
        ("deployments: []", []),
        ("deployments: 3", []),
        ("a: b", []),
        (f"deployments: {{b: {entry}, a: {entry}}}", ["b", "a"]),
        (f"dagster-user-deployments: {{deployments: {{b: {entry}}}}}", ["b"]),
        ("deployments: [{name: a}, {port: 1}, {name: a, port: 2}, 7]", ["a"]),
    ]:
        assert list(Values.parse(text).deployments) == names, text
    assert Values.parse(f"deployments: {{b: {entry}}}").deployments["b"].name == "b"
    broken = Values.parse("deployments: [{name: a, port: x, image: 3}]").deployments["a"]
    assert (broken.image, broken.port, broken["port"]) == (None, None, "x")


def test_locations_as_dagster_names_them() -> None:
    text = """\
load_from:
- grpc_server: {host: etl, port: 3030}
- grpc_server: {host: {env: HOST}, port: {env: PORT}, location_name: b}
- grpc_server: {socket: /run/x}
- python_module: acme.jobs
- nonsense: 1
"""
    server, env, socket, module, unknown = Workspace.parse(text).locations
    assert (server.name, server.origin, server.host, server.port) == ("grpc:etl:3030", "grpc_server", "etl", 3030)
    assert (env.name, env.host, env.port) == ("b", Env("HOST"), Env("PORT"))
    assert (socket.name, socket.host, socket.socket) == ("grpc:localhost:/run/x", "localhost", "/run/x")
    assert (module.name, module.origin, module.host) == ("acme.jobs", "python_module", None)
    assert (unknown.name, unknown.origin, unknown.entry) == (None, None, {"nonsense": 1})


def test_lint_tells_code_place_and_hint() -> None:
    (finding,) = Workspace.parse("load_from:\n  - grpc_server: {host: ü, port: 3030, location_name: on}\n").lint()
    assert (finding.code, finding.severity, finding.source) == ("DW0116", "error", "workspace.yaml")
    assert (finding.line, finding.column, finding.span) == (2, 55, (66, 68))
    assert finding.message == "`location_name` must be a text, got the boolean `on`"
    assert "                ^^" in str(finding)


def test_lint_names_the_file(folder: Path) -> None:
    path = folder / "values.yaml"
    path.write_text("deployments: 3\n")
    assert {finding.source for finding in Values.parse(path).lint()} == {str(path)}


def test_lint_of_both_documents() -> None:
    values, workspace = Values.parse(VALUES), Workspace.parse(WORKSPACE)
    assert lint(values, workspace) == ()
    unpaired = lint(values, Workspace.parse("load_from: []\n"))
    assert [(finding.code, finding.source) for finding in unpaired] == [("DW0301", "values.yaml")]
    wrong_port = lint(values, Workspace.parse(WORKSPACE.replace("3030", "3031")))
    assert wrong_port
    assert {finding.source for finding in wrong_port} == {"workspace.yaml"}


def test_lint_for_older_versions() -> None:
    text = VALUES.replace('tag: "1.0"', f'digest: "sha256:{"a" * 64}"')
    assert Values.parse(text).lint() == ()
    assert Values.parse(text).lint(chart="1.5") != ()
    with pytest.raises(ValueError, match="soon"):
        Values.parse(text).lint(chart="soon")


@pytest.mark.parametrize("parse", DOCUMENTS)
def test_err_not_yaml(parse: Parse) -> None:
    with pytest.raises(ParseError) as caught:
        parse("a:\n\tb: [1, 2\n")
    error = caught.value
    assert (error.line, error.column, error.code, error.exit_code) == (2, 3, "DW0005", 4)
    assert error.span == (5, 5)
    assert error.hint == "indent with spaces"
    assert error.message == "a tab cannot indent a block collection"
    assert "  |\n2 | \tb: [1, 2\n" in str(error)


def test_err_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin1.yaml"
    path.write_bytes(b"a: 1\nb: \xe4\n")
    for source in (path.read_bytes(), path):
        with pytest.raises(ParseError, match="not UTF-8") as caught:
            Values.parse(source)
        assert (caught.value.line, caught.value.column, caught.value.span) == (2, 4, (8, 8))
    assert str(path) in str(caught.value)


def test_err_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        Values.parse(tmp_path / "missing.yaml")
    assert caught.value.filename == str(tmp_path / "missing.yaml")


def test_err_not_a_source() -> None:
    for source in (None, 3, object(), bytearray(b"a")):
        with pytest.raises(TypeError, match="expected `str`, `bytes` or a path"):
            Values.parse(source)  # type: ignore[arg-type]


def test_err_alias_bomb_is_no_deployment() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(ParseError, match="aliases"):
        _ = Values.parse("\n".join([*lines, "deployments: [{name: x, env: *a11}]"])).deployments


def test_threads_share_documents() -> None:
    many = "deployments:\n" + "".join(f"  - {{name: d{i}, port: 3030, image: {{repository: a}}}}\n" for i in range(500))
    values = Values.parse(many)
    found: list[tuple[int, int]] = []
    barrier = threading.Barrier(8)

    def read() -> None:
        barrier.wait()
        found.append((len(values.deployments), len(Values.parse(many).lint())))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(500, len(values.lint()))] * 8


def test_long_work_lets_other_threads_run() -> None:
    text = "deployments:\n" + "  - {name: a, port: 3030, image: {repository: a}}\n" * 20_000
    began, ticks = threading.Event(), 0

    def parse() -> None:
        began.set()
        Values.parse(text)

    thread = threading.Thread(target=parse)
    thread.start()
    began.wait()
    while thread.is_alive():
        ticks += 1
    # Were the lock held, the loop would get a turn at most once before and once after.
    assert ticks > 100


def test_mapping_of_deployments_compares_with_asked_for_ones() -> None:
    asked = Deployment(
        name="etl",
        image={"repository": "ghcr.io/acme/etl", "tag": "1.0", "pullPolicy": "Always"},
        dagster_api_grpc_args=["-m", "etl"],
        env={"STAGE": "prod"},
    )
    assert Values.parse(VALUES).deployments["etl"] == asked
