"""The YAML engine alone."""

from pathlib import Path
from typing import Any

import pytest

from dagster_workspace import ParseError, RefusedError, yaml_edit, yaml_events

TEXT = "# top\r\nxs:\r\n- name: a   # first\r\n  m: {v: '1'}\r\n"


@pytest.mark.parametrize(
    ("edit", "result"),
    [
        (
            {"op": "set", "list": "xs", "name": "a", "path": ["m", "v"], "value": "1.10"},
            TEXT.replace("'1'", "'1.10'"),
        ),
        ({"op": "set", "list": "xs", "name": "a", "path": ["m", "v"], "value": "1"}, TEXT),
        ({"op": "add", "list": "xs", "item": {"name": "b", "m": True}}, TEXT + "- name: b\r\n  m: true\r\n"),
        ({"op": "add", "list": "xs", "item": "name: b # new\n"}, TEXT + "- name: b # new\r\n"),
        ({"op": "remove", "list": "xs", "name": "a"}, "# top\r\nxs: []\r\n"),
        ({"op": "remove", "list": "xs", "name": "b"}, TEXT),
    ],
)
def test_edits_leave_other_bytes_alone(edit: dict[str, Any], result: str) -> None:
    assert yaml_edit(TEXT, edit) == result
    assert yaml_edit(result, edit) == result


def test_edit_reads_bytes_and_files(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(TEXT.encode())
    for source in (TEXT.encode(), path):
        assert yaml_edit(source, {"op": "remove", "list": "xs", "name": "b"}) == TEXT
    assert path.read_bytes() == TEXT.encode()


def test_err_refused_edit_tells_why() -> None:
    with pytest.raises(RefusedError) as caught:
        yaml_edit("a: &x 1\nb: *x\n", {"op": "remove", "path": ["a"]})
    error = caught.value
    assert (error.reason, error.code, error.line, error.exit_code) == ("anchor-in-use", "DW0407", 1, 4)
    assert error.hint == "replace the alias by a copy, or move the anchor"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({}, "this is no edit: missing field `op`"),
        ({"op": "burn"}, "this is no edit: unknown variant `burn`"),
        ({"op": "set", "path": ["a"]}, "this is no edit: missing field `value`"),
        ({"op": "set", "path": ["a"], "value": float("inf")}, "the number inf has no notation"),
        ({"op": "remove", "list": "a[", "name": "b"}, "this is no edit: "),
    ],
)
def test_err_no_edit(edit: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        yaml_edit("a: 1\n", edit)


def test_events_are_those_of_the_suite() -> None:
    assert yaml_events("- &a b\n- *a\n") == "+STR\n+DOC\n+SEQ\n=VAL &a :b\n=ALI *a\n-SEQ\n-DOC\n-STR\n"


def test_events_as_lenient_as_helm() -> None:
    text = "a: 'x'# no space\n"
    with pytest.raises(ParseError):
        yaml_events(text)
    assert "=VAL 'x\n" in yaml_events(text, strict=False)
