"""Adds, edits and removes Dagster code locations on Kubernetes, and leaves every other byte alone.

Two documents say which code locations there are: the Helm values of chart ``dagster-user-deployments`` and the
workspace file. :class:`Values` and :class:`Workspace` are those documents, as immutable objects. Nothing here writes a
file.
"""

from dagster_workspace._errors import (
    DagsterWorkspaceError,
    InvalidError,
    NameTakenError,
    NotFoundError,
    ParseError,
    RefusedError,
)
from dagster_workspace._model import Change, Conflict, Env, Finding, Location, Merge, Side
from dagster_workspace._native import (
    Deployment,
    Values,
    Workspace,
    __version__,
    add,
    lint,
    merge,
    outdated,
    remove,
    set_image,
    update,
    yaml_edit,
    yaml_events,
)

__all__ = [
    "Change",
    "Conflict",
    "DagsterWorkspaceError",
    "Deployment",
    "Env",
    "Finding",
    "InvalidError",
    "Location",
    "Merge",
    "NameTakenError",
    "NotFoundError",
    "ParseError",
    "RefusedError",
    "Side",
    "Values",
    "Workspace",
    "__version__",
    "add",
    "lint",
    "merge",
    "outdated",
    "remove",
    "set_image",
    "update",
    "yaml_edit",
    "yaml_events",
]
