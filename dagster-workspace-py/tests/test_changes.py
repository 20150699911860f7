"""Changes of one document and of both: other bytes stay, what is done stays done, what would be refused is not made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import dagster_workspace as dw
from conftest import VALUES, WORKSPACE
from dagster_workspace import Change, Deployment, Values, Workspace
from test_deployment import Model, OldModel

values, workspace = Values.parse(VALUES), Workspace.parse(WORKSPACE)
crlf = Values.parse(VALUES.replace("\n", "\r\n"))
new = Deployment(name="new", image="a/new:1.10", dagster_api_grpc_args=["-m", "new"])


def test_add_keeps_every_byte_before() -> None:
    added = crlf.add(new)
    assert str(added).startswith(str(crlf))
    assert str(added).removeprefix(str(crlf)).count("\n") == str(added).removeprefix(str(crlf)).count("\r\n") > 0
    assert added.deployments["new"] == new
    assert str(crlf) == VALUES.replace("\n", "\r\n")


def test_what_is_done_gives_the_same_object() -> None:
    added = values.add(new)
    assert added != values
    assert added.add(new) is added
    assert added.set_image("new", "a/new:1.10") is added
    assert added.update("new", port=3030, labels=None) is added
    assert added.remove("absent") is added
    assert workspace.add("etl", host="etl", port=3030) is workspace
    assert workspace.update("etl", port=3030) is workspace
    assert workspace.remove("absent") is workspace


def test_remove_takes_back_an_add() -> None:
    assert values.add(new).remove("new") == values
    assert workspace.add("new", host="new", port=3030).remove("new") == workspace
    assert str(values.remove("etl")) == "# ours\ndeployments: []\n"
    assert str(workspace.remove("etl")) == "load_from: []\n"


@dataclass
class Server:
    name: str
    image: str
    dagster_api_grpc_args: list[str]
    labels: dict[str, str] | None = None


@pytest.mark.parametrize(
    "like",
    [
        {"name": "new", "image": "a/new:1.10", "dagster_api_grpc_args": ["-m", "new"]},
        {
            "name": "new",
            "image": {"repository": "a/new", "tag": "1.10", "pullPolicy": "Always"},
            "port": 3030,
            "dagsterApiGrpcArgs": ("-m", "new"),
        },
        Server("new", "a/new:1.10", ["-m", "new"]),
    ],
)
def test_everything_like_a_deployment_is_one(like: Any) -> None:
    assert values.add(like) == values.add(new)


@pytest.mark.parametrize("model", [Model(), OldModel()])
def test_models_are_deployments(model: Any) -> None:
    added = Values.parse("deployments: []\n").add(model).deployments["etl"]
    assert added == Deployment(name="etl", image="a", env_secrets=["s"])


def test_update_touches_only_what_is_named() -> None:
    updated = values.update("etl", port=3031, env={"STAGE": "on"}, labels=None)
    assert str(updated) == VALUES.replace("3030", "3031").replace("{STAGE: prod}", '{STAGE: "on"}')


def test_set_names_one_field_in_either_form_of_env() -> None:
    assert values.set("etl", "env.STAGE", "1.10") == values.update("etl", env={"STAGE": "1.10"})
    listed = values.update("etl", env=None).update("etl", env=[{"name": "STAGE", "value": "prod"}])
    assert listed.set("etl", "env.STAGE", 7).deployments["etl"]["env"] == [{"name": "STAGE", "value": "7"}]
    assert listed.set("etl", "env[name=STAGE].value", "7") == listed.set("etl", "env.STAGE", "7")
    assert values.set("etl", "env.STAGE", None) == values.update("etl", env={"STAGE": None})
    assert values.set("etl", "image.tag", 5176135) == values.set_image("etl", "ghcr.io/acme/etl:5176135")


def test_upsert_adds_or_changes() -> None:
    added = values.upsert("new", image="a/new:1.10", dagster_api_grpc_args=["-m", "new"])
    assert added == values.add(new)
    assert added.upsert("new", image="a/new:1.10") is added
    assert added.upsert("new", image="a/new:2") == added.set_image("new", "a/new:2")
    with pytest.raises(dw.InvalidError, match="`image` must be a mapping, got nothing"):
        values.upsert("other", port=3040)


def test_err_fraction_where_a_text_is_meant() -> None:
    with pytest.raises(dw.InvalidError, match=r"`image\.tag` must be a text in quotes, got the number 1\.1"):
        values.set("etl", "image.tag", 1.10)
    with pytest.raises(dw.InvalidError, match=r"`env\.STAGE` must be a text in quotes, got a number"):
        values.update("etl", env={"STAGE": 1.5})
    asked: dict[str, Any] = {
        "name": "a",
        "image": {"repository": "r", "tag": 7, "pullPolicy": "Never"},
        "labels": {"v": 7},
    }
    assert values.add(asked).deployments["a"]["labels"] == {"v": "7"}


def test_new_image_takes_the_old_digest_out() -> None:
    digest = values.set_image("etl", "ghcr.io/acme/etl@sha256:" + "a" * 64)
    assert digest.deployments["etl"].image == "ghcr.io/acme/etl@sha256:" + "a" * 64
    for tagged in (digest.set_image("etl", "ghcr.io/acme/etl:2"), digest.update("etl", image="ghcr.io/acme/etl:2")):
        assert tagged.deployments["etl"]["image"] == {
            "repository": "ghcr.io/acme/etl",
            "tag": "2",
            "pullPolicy": "Always",
        }


def test_pull_policy_stays() -> None:
    lazy = Values.parse(VALUES.replace("Always", "IfNotPresent"))
    for other in (lazy.set_image("etl", "b:2"), lazy.update("etl", image="b:2")):
        assert other.deployments["etl"]["image"]["pullPolicy"] == "IfNotPresent"
    replaced = lazy.deployments["etl"].replace(image="b:2")
    assert replaced["image"] == {"repository": "b", "tag": "2", "pullPolicy": "IfNotPresent"}


def test_diff_tells_each_value() -> None:
    updated = values.set_image("etl", "ghcr.io/acme/etl:2").add(new)
    changes = values.diff(updated)
    assert [str(change) for change in changes] == ['~ deployment etl: image.tag "1.0" -> "2"', "+ deployment new"]
    tag, added = changes
    assert tag == Change(
        path="deployments[name=etl].image.tag",
        before="1.0",
        after="2",
        summary='~ deployment etl: image.tag "1.0" -> "2"',
    )
    assert added.before is None
    assert added.after["name"] == "new"
    assert values.diff(Values.parse("# other notes\n" + VALUES)) == ()
    assert [str(it) for it in workspace.diff(workspace.remove("etl"))] == ["- location etl"]


def test_changes_show_no_secrets() -> None:
    change = values.diff(values.update("etl", env={"TOKEN": "hunter2"}))
    assert "hunter2" not in repr(change) + "".join(map(str, change))
    assert change[0].after == "hunter2"


def test_err_name_taken_shows_the_difference() -> None:
    with pytest.raises(dw.NameTakenError) as caught:
        values.add(Deployment(name="etl", image="other"))
    error = caught.value
    assert (error.name, error.exit_code, error.code) == ("etl", 5, "DW0501")
    assert "image.repository" in {change.path.split("].")[-1] for change in error.difference}
    assert "values.yaml:3:11" in str(error)
    assert error.to_dict()["difference"][0]["path"] == error.difference[0].path


def test_err_no_entry_to_change() -> None:
    for change in (
        lambda: values.update("etlx", port=1),
        lambda: values.set_image("etlx", "a"),
        lambda: workspace.update("etlx", port=1),
        lambda: dw.update(values, workspace, "etlx", port=1),
    ):
        with pytest.raises(dw.NotFoundError) as caught:
            change()
        assert (caught.value.name, caught.value.hint) == ("etlx", "did you mean `etl`?")
        assert str(caught.value) == "there is no `etlx` (hint: did you mean `etl`?)"


def test_err_what_would_be_refused_is_not_made() -> None:
    with pytest.raises(dw.InvalidError) as caught:
        values.add(Deployment(name="Not_A_Name", image="a"))
    (finding, *_) = caught.value.findings
    assert finding.severity == "error"
    assert finding.code == caught.value.code
    assert finding.message in str(caught.value)
    with pytest.raises(dw.InvalidError):
        workspace.update("etl", port="soon")


def test_err_refused_edit() -> None:
    with pytest.raises(dw.RefusedError) as caught:
        Values.parse("deployments: &d\n- name: a\n  port: 1\nothers: *d\n").remove("a")
    assert caught.value.reason == "anchor-in-use"


def test_err_not_a_server() -> None:
    with pytest.raises(dw.RefusedError) as caught:
        Workspace.parse("load_from:\n- python_module: acme\n").update("acme", port=1)
    assert caught.value.reason == "not-a-server"


def test_err_rename() -> None:
    with pytest.raises(dw.InvalidError) as caught:
        values.update("etl", **{"name": "new"})
    assert caught.value.code == "DW0504"


def test_err_no_deployment() -> None:
    for like in ("etl", 3, [new], None, Server):
        with pytest.raises(TypeError):
            values.add(like)  # type: ignore[arg-type]


def test_err_field_given_twice() -> None:
    with pytest.raises(TypeError, match="`envSecrets` is given twice"):
        values.add({"name": "a", "image": "b", "envSecrets": [], "env_secrets": []})


def test_both_documents_stay_paired() -> None:
    both = dw.add(values, workspace, new)
    assert dw.lint(*both) == ()
    assert both[0].deployments["new"] == new
    location = both[1].locations[1]
    assert (location.name, location.host, location.port) == ("new", "new", 3030)
    moved = dw.update(*both, "new", port=3031, image="a/new:2")
    assert dw.lint(*moved) == ()
    assert moved[1].locations[1].port == 3031
    assert moved[0].deployments["new"].image == "a/new:2"
    newer = dw.set_image(*moved, "new", "a/new:3")
    assert newer[1] is moved[1]
    assert dw.remove(*newer, "new") == (values, workspace)


def test_both_done_already_are_the_same_objects() -> None:
    first = dw.add(values, workspace, new)
    second = dw.add(*first, new)
    assert all(one is other for one, other in zip(first, second, strict=True))
    assert dw.remove(values, workspace, "absent") == (values, workspace)


def test_both_in_another_namespace() -> None:
    both = dw.add(values, workspace, new, namespace="team")
    assert both[1].locations[1].host == "new.team"
    assert dw.remove(*both, "new", namespace="team") == (values, workspace)


def test_location_with_a_host_and_a_name() -> None:
    wanted = {"host": "new.team.svc.cluster.local", "location_name": "warehouse"}
    both = dw.add(values, workspace, new, **wanted)
    added = both[1].locations[1]
    assert (added.host, added.name) == (wanted["host"], wanted["location_name"])
    assert dw.add(*both, new, **wanted) == both
    assert dw.remove(*both, "new") == (values, workspace)
    with pytest.raises(dw.DagsterWorkspaceError, match="served by code location `warehouse`, not `other`"):
        dw.add(*both, new, location_name="other")
    with pytest.raises(ValueError, match="one of `host` and `namespace`"):
        dw.add(values, workspace, new, host="new", namespace="team")


def test_err_half_a_change_is_none() -> None:
    broken = Workspace.parse("load_from: 3\n")
    with pytest.raises(dw.DagsterWorkspaceError):
        dw.add(values, broken, new)


def test_names_of_files_stay_with_changed_documents(folder: Path) -> None:
    read = Values.parse(folder / "values.yaml").add(Deployment(name="new", image="a/new:1"))
    with pytest.raises(dw.NameTakenError, match=r"values\.yaml:"):
        read.add(Deployment(name="new", image="other"))
    assert {it.source for it in read.lint()} == {str(folder / "values.yaml")}


def test_preview_deployments_of_one_repository() -> None:
    previews = Values.parse(
        "deployments: []\n"
        "x-dagster-workspace:\n"
        "  etl-pr-12: {repository: acme/etl, pullRequest: 12, owner: data}\n"
        "  ml-pr-12: {repository: acme/ml, pullRequest: 12, expires: 2026-01-01T00:00:00Z}\n"
        "  old-pr-12: {pullRequest: 12}\n"
    )
    now = "2026-02-01T00:00:00Z"
    found, undecided = dw.outdated(previews, now=now, closed_prs={12}, repository="acme/etl")
    reason = "pull request 12 is closed"
    assert found == ({"name": "etl-pr-12", "owner": "data", "repository": "acme/etl", "reason": reason},)
    assert [it["name"] for it in undecided] == ["old-pr-12"]
    assert [it["name"] for it in dw.outdated(previews, now=now, expired=True)[0]] == ["ml-pr-12"]
    with pytest.raises(ValueError, match="nothing says whose pull requests"):
        dw.outdated(previews, now=now, closed_prs={12})
    with pytest.raises(ValueError, match="is not a time"):
        dw.outdated(previews, now="tomorrow", expired=True)
