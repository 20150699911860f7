"""What stands for a deployment, and what it becomes."""

import copy
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

import pytest

from dagster_workspace import Deployment, InvalidError

FULL: dict[str, Any] = {
    "name": "etl",
    "image": {"repository": "a/etl", "tag": "1.10", "pullPolicy": "Always"},
    "port": 3031,
    "env": {"STAGE": "on"},
    "envSecrets": [{"name": "etl"}],
}


def test_keywords_are_the_charts_keys() -> None:
    etl = Deployment(name="etl", image="a/etl:1.10", port=3031, env={"STAGE": "on"}, env_secrets=["etl"])
    assert etl.to_dict() == FULL
    assert list(etl.to_dict()) == list(FULL)
    assert isinstance(etl, Mapping)
    assert dict(etl) == FULL
    assert (etl.get("port"), etl.get("x"), etl.get("x", 1), "port" in etl, "x" in etl, len(etl)) == (
        3031,
        None,
        1,
        True,
        False,
        5,
    )
    assert list(etl.keys()) == list(etl)
    assert list(etl.items()) == list(FULL.items())
    assert list(etl.values()) == list(FULL.values())
    with pytest.raises(KeyError):
        etl["x"]


def test_absent_fields_get_the_charts_defaults() -> None:
    etl = Deployment(name="etl", image="etl", labels=None)
    assert etl.to_dict() == {"name": "etl", "image": {"repository": "etl", "pullPolicy": "Always"}, "port": 3030}


def test_unknown_keys_go_through_extra() -> None:
    assert Deployment(name="a", image="b", extra={"team": {"x": 1}})["team"] == {"x": 1}
    with pytest.raises(TypeError, match="the chart knows no `grpc_args`"):
        Deployment(name="a", image="b", grpc_args=["-m"])  # type: ignore[call-arg]


def test_equal_whatever_the_order_of_keys() -> None:
    first = Deployment(name="a", image="b", env={"x": "1", "y": "2"})
    second = Deployment(env={"y": "2", "x": "1"}, image="b", name="a")
    assert first == second
    assert hash(first) == hash(second)
    assert first != Deployment(name="a", image="b")
    assert first != dict(first)


def test_pickled_and_copied() -> None:
    etl = Deployment(name="etl", image="a", extra={"x": [1, 1.5, None, True]})
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(etl, protocol)) == etl
    assert copy.deepcopy(etl) == etl


def test_cannot_be_changed() -> None:
    etl = Deployment(name="etl", image="a")
    with pytest.raises(AttributeError):
        etl.port = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        etl["port"] = 1  # type: ignore[index]


def test_replace_makes_another() -> None:
    etl = Deployment(name="etl", image="a:1", env_secrets=["s"])
    other = etl.replace(image="a:2", env_secrets=None, replica_count=2)
    assert (etl.image, other.image) == ("a:1", "a:2")
    assert other.to_dict() == {
        "name": "etl",
        "image": {"repository": "a", "tag": "2", "pullPolicy": "Always"},
        "port": 3030,
        "replicaCount": 2,
    }


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"image": "a b"}, "image"),
        ({"image": {"tag": "1"}}, "image.repository"),
        ({"image": {"repository": "a", "tag": 1.10}}, "image.tag"),
        ({"port": 0}, "port"),
        ({"port": "3030"}, "port"),
        ({"env": "x"}, "env"),
        ({"env": {"A": 1.5}}, "env.A"),
        ({"name": 3.5}, "name"),
    ],
)
def test_err_chart_would_not_take_it(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidError) as caught:
        Deployment(**{"name": "a", "image": "b", **fields})
    assert (caught.value.path, caught.value.exit_code) == (path, 4)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "expected data, got `object` at `team.x\\[1\\]`"),
        ({1: 2}, "keys must be `str`, got `int` at `team.x\\[1\\]`"),
        ({1, 2}, "got `set`"),
        (Enum, "got `EnumType`|got `EnumMeta`"),
    ],
)
def test_err_no_data(value: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Deployment(name="a", image="b", extra={"team": {"x": [0, value]}})


def test_err_number_beyond_64_bits() -> None:
    with pytest.raises(ValueError, match="beyond 64 bits at `team`"):
        Deployment(name="a", image="b", extra={"team": 1 << 63})


def test_err_endless_data() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested more than"):
        Deployment(name="a", image="b", extra={"x": endless})


@dataclass
class Server:
    name: str
    image: str
    port: int | None = None
    env_secrets: tuple[str, ...] = ()
    kind: ClassVar[str] = "not a field"


class Model:
    """As a model of pydantic 2 behaves."""

    def model_dump(self, *, mode: str, by_alias: bool, exclude_none: bool) -> dict[str, Any]:
        assert (mode, by_alias, exclude_none) == ("json", True, True)
        return {"name": "etl", "image": "a", "env_secrets": ["s"]}


class OldModel:
    """As a model of pydantic 1 behaves."""

    __fields_set__: ClassVar[set[str]] = {"name"}

    def json(self, *, by_alias: bool, exclude_none: bool) -> str:
        assert (by_alias, exclude_none) == (True, True)
        return '{"name": "etl", "image": "a", "env_secrets": ["s"]}'


class Stage(str, Enum):
    PROD = "prod"


def test_texts_that_are_enums() -> None:
    assert Deployment(name="a", image="b", env={"STAGE": Stage.PROD})["env"] == {"STAGE": "prod"}


@pytest.mark.parametrize("like", [Server("etl", "a", env_secrets=("s",)), Model(), OldModel()])
def test_dataclasses_and_models_inside(like: object) -> None:
    extra = Deployment(name="a", image="b", extra={"like": like})["like"]
    assert extra == {"name": "etl", "image": "a", "env_secrets": ["s"]}
