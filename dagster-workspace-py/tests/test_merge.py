"""Three-way merge."""

from pathlib import Path

import pytest

from dagster_workspace import Merge, ParseError, merge

BASE = "# values\ndeployments:\n  - name: a\n    port: 1 # one\n"


def test_both_sides_are_in_the_result() -> None:
    ours = BASE + "  - name: b\n"
    theirs = BASE.replace("port: 1", "port: 2")
    assert merge(BASE, ours, theirs) == Merge(text=theirs + "  - name: b\n")


def test_conflict_tells_where_and_what() -> None:
    ours, theirs = BASE.replace("port: 1", "port: 2"), "# ä\n" + BASE.replace("port: 1", "port: 3")
    merged = merge(BASE, ours, theirs)
    assert merged.text == "# ä\n" + ours
    (conflict,) = merged.conflicts
    assert (conflict.path, conflict.kind, conflict.renamed_to) == ("deployments[a].port", "edit-edit", None)
    assert str(conflict) == "`deployments[a].port`: both sides changed it"
    assert conflict.base
    assert conflict.ours
    assert conflict.theirs
    assert [side.value for side in (conflict.base, conflict.ours, conflict.theirs)] == [1, 2, 3]
    assert (conflict.ours.line, conflict.theirs.line, conflict.line) == (4, 5, 5)
    start, end = conflict.theirs.span
    assert theirs.encode()[start:end].decode() == conflict.theirs.text == "3"
    start, end = conflict.result
    assert merged.text.encode()[start:end] == b": 2 # one"


def test_resolve_takes_a_side() -> None:
    ours, theirs = BASE.replace("port: 1", "port: 2"), BASE.replace("port: 1", "port: 3")
    assert merge(BASE, ours, theirs, resolve="ours") == Merge(text=ours)
    assert merge(BASE, ours, theirs, resolve="theirs") == Merge(text=theirs)
    with pytest.raises(ValueError, match="expected 'ours' or 'theirs', got \"mine\""):
        merge(BASE, ours, theirs, resolve="mine")  # type: ignore[arg-type]


def test_deleted_side_is_none_and_a_new_name_is_a_hint() -> None:
    ours, theirs = BASE.replace("name: a", "name: z"), BASE.replace("port: 1", "port: 3")
    (conflict,) = merge(BASE, ours, theirs).conflicts
    assert (conflict.path, conflict.kind, conflict.renamed_to) == ("deployments[a]", "delete-edit", "z")
    assert conflict.ours is None
    assert conflict.theirs
    assert conflict.theirs.value == {"name": "a", "port": 3}


def test_keys_say_where_names_stand() -> None:
    base = "jobs:\n- {id: a, x: 1}\n- {id: b, x: 1}\n"
    ours, theirs = base.replace("a, x: 1", "a, x: 2"), base.replace("b, x: 1", "b, x: 2")
    both = ours.replace("b, x: 1", "b, x: 2")
    assert merge(base, ours, theirs).conflicts[0].path == "jobs"
    assert merge(base, ours, theirs, keys={"jobs": "id"}) == Merge(text=both)
    with pytest.raises(ValueError, match="is no key of items"):
        merge(base, ours, theirs, keys={"jobs": ""})


def test_err_tells_which_of_the_three(tmp_path: Path) -> None:
    with pytest.raises(ParseError) as caught:
        merge(BASE, BASE + "x: 1\n", BASE + " bad\n")
    assert caught.value.line == 5
    assert caught.value.rendered is not None
    assert caught.value.rendered.splitlines()[1].endswith("--> theirs:5:2")
    path = tmp_path / "base.yaml"
    path.write_text("a: [\n")
    with pytest.raises(ParseError) as caught:
        merge(path, BASE, b"a: 1\n")
    assert caught.value.rendered is not None
    assert str(path) in caught.value.rendered
