"""What may be secret is in no exception, finding or repr: neither in what they say nor in their attributes."""

import pickle
import traceback
from collections.abc import Callable

import pytest

import dagster_workspace as dw

MARK = "s3cr3t-MARK"
DEPLOYMENT = f"""\
x-common: &env {{SHARED: {MARK}-01}}
deployments:
- name: etl
  image: {{repository: a/etl, tag: "1", pullPolicy: Always}}
  dagsterApiGrpcArgs: ["-m", "etl"]
  port: 3030
  env: {{<<: *env, A: {MARK}-02}}
"""
VALUES = dw.Values.parse(DEPLOYMENT)
WORKSPACE = dw.Workspace.parse("load_from: []\n")


def shown(error: BaseException) -> str:
    """Return all that a logger could write of it."""
    assert isinstance(error, dw.DagsterWorkspaceError)
    parts = [str(error), repr(error), repr(vars(error)), repr(error.to_dict()), repr(pickle.loads(pickle.dumps(error)))]
    return "\n".join([*parts, *traceback.format_exception_only(error)])


@pytest.mark.parametrize(
    "call",
    [
        lambda: dw.Values.parse(DEPLOYMENT.rstrip().removesuffix("}")),
        lambda: dw.Values.parse(DEPLOYMENT.replace(f"A: {MARK}-02", f'A: "{MARK}-02')),
        lambda: dw.Values.parse(f"env: {{A: {MARK}: x}}\n"),
        lambda: dw.Workspace.parse(f"load_from:\n- grpc_server:\n    additional_metadata: {{password: {MARK}\n"),
        lambda: dw.yaml_edit(f"a: [\nenv: {{A: {MARK}}}\n", {"op": "remove", "list": "a", "name": "b"}),
        lambda: dw.merge(DEPLOYMENT, DEPLOYMENT, DEPLOYMENT.replace("A: ", "A: [")),
        lambda: VALUES.add(dw.Deployment(name="etl", image="b", env={"A": f"{MARK}-03", "B": f"{MARK}-04"})),
        lambda: VALUES.update("etl", **{"env": {"A": [f"{MARK}-03"]}}),
        lambda: VALUES.update("etl", env=f"{MARK}-03"),
        lambda: VALUES.update("nobody", env={"A": f"{MARK}-03"}),
        lambda: dw.Deployment(name="etl", image="b", extra={"env": {"A": [f"{MARK}-03"]}}),
        lambda: dw.Values.parse(DEPLOYMENT.replace(f"{MARK}-02", f"*{MARK}-02")).add(
            dw.Deployment(name="b", image="b")
        ),
    ],
)
def test_no_exception_shows_a_secret(call: Callable[[], object]) -> None:
    with pytest.raises(dw.DagsterWorkspaceError) as caught:
        call()
    assert "MARK" not in shown(caught.value)


def test_difference_of_a_taken_name_is_hidden() -> None:
    with pytest.raises(dw.NameTakenError) as caught:
        VALUES.add(dw.Deployment(name="etl", image="b", env={"A": f"{MARK}-03"}))
    changes = {change.path: (change.before, change.after) for change in caught.value.difference}
    assert changes["env.A"] == ("(hidden)", "(hidden)")
    assert changes["image.repository"] == ("a/etl", "b")


def test_no_finding_and_no_repr_shows_a_secret() -> None:
    wrong = dw.Values.parse(DEPLOYMENT.replace(f"A: {MARK}-02", f"A: !{MARK}-02 5, B: [{MARK}-05], C: *{MARK}-06"))
    found = dw.lint(wrong, WORKSPACE)
    assert found
    assert "MARK" not in repr(found) + "".join(map(str, found)) + "".join(finding.rendered for finding in found)
    assert "MARK" not in repr(VALUES.deployments["etl"]) + repr(VALUES) + repr(VALUES.deployments)
    changed = VALUES.update("etl", env={"A": f"{MARK}-07"})
    assert "MARK" not in repr(dw.merge(DEPLOYMENT, str(changed), DEPLOYMENT.replace(f"{MARK}-02", f"{MARK}-08")))
