"""The tree of errors: who is caught by what, and that errors travel between processes."""

import inspect
import json
import pickle

import pytest

import dagster_workspace as dw

CLASSES: list[type[dw.DagsterWorkspaceError]] = [
    it for it in vars(dw).values() if inspect.isclass(it) and issubclass(it, dw.DagsterWorkspaceError)
]


def test_all_are_under_one_root() -> None:
    errors = [it for it in vars(dw).values() if inspect.isclass(it) and issubclass(it, Exception)]
    assert errors == CLASSES
    assert {it.__name__: it.exit_code for it in CLASSES} == {
        "DagsterWorkspaceError": 1,
        "InvalidError": 4,
        "NameTakenError": 5,
        "NotFoundError": 4,
        "ParseError": 4,
        "RefusedError": 4,
    }


def test_caught_as_pythons_own() -> None:
    assert issubclass(dw.NotFoundError, KeyError)
    assert issubclass(dw.ParseError, ValueError)
    assert issubclass(dw.InvalidError, ValueError)


@pytest.mark.parametrize("kind", CLASSES)
def test_pickled_with_all_details(kind: type[dw.DagsterWorkspaceError]) -> None:
    error = kind("no `a`", hint="add it", code="DW0001")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert vars(back) == vars(error)
    assert str(back) == str(error) == "no `a` (hint: add it)"


def test_plain_data_of_an_error() -> None:
    with pytest.raises(dw.ParseError) as caught:
        dw.Values.parse("[")
    data = caught.value.to_dict()
    assert json.loads(json.dumps(data))["span"] == [0, 0]
    assert (data["error"], data["exit_code"], data["code"], data["line"]) == ("ParseError", 4, "DW0012", 1)


def test_everything_public_is_named() -> None:
    public = {name for name in vars(dw) if not name.startswith("_")} | {"__version__"}
    assert public == set(dw.__all__)
