"""What documents hold and what is found in them, as frozen dataclasses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that Dagster, the chart or Kubernetes would refuse or misread."""

    code: str
    """Stable code, ``DW`` and four digits."""
    severity: Literal["error", "warning"]
    """An error is refused or misread, a warning worth knowing."""
    message: str
    """One line, without the place."""
    source: str
    """The document it is about: its path, ``values.yaml`` or ``workspace.yaml``."""
    line: int | None = None
    """Line, from 1."""
    column: int | None = None
    """Column in characters, from 1."""
    span: tuple[int, int] | None = None
    """Offsets in the bytes of the document: the first, and the one behind the last."""
    hint: str | None = None
    """What to do about it."""
    rendered: str = field(default="", repr=False)
    """The finding as the command prints it: headline, place, the line with a caret under it, hint."""

    def __str__(self) -> str:
        """Return it as the command prints it."""
        return self.rendered


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value that differs between two documents."""

    path: str
    """Where it stands: ``deployments[name=etl].image.tag``."""
    before: Any = field(default=None, hash=False, repr=False)
    """What it was; ``None`` where it is new. May hold secrets."""
    after: Any = field(default=None, hash=False, repr=False)
    """What it is; ``None`` where it is gone. May hold secrets."""
    summary: str = ""
    """The change in one line, without secrets."""

    def __str__(self) -> str:
        """Return the summary."""
        return self.summary


@dataclass(frozen=True)
class Env:
    """The name of an environment variable in place of a value: ``{env: NAME}``."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Location:
    """One code location of the workspace file, as written."""

    name: str | None
    """Its name as Dagster resolves it; ``None`` where that depends on the environment, or where Dagster refuses it."""
    origin: str | None
    """Its one key: ``grpc_server``, ``python_file`` and so on; ``None`` where Dagster knows no such kind."""
    host: str | Env | None = None
    """Host of a server."""
    port: int | Env | None = None
    """Port of a server."""
    socket: str | Env | None = None
    """Socket of a server, in place of a port."""
    entry: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    """The whole entry as data."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one input of a merge has at the place of a conflict."""

    span: tuple[int, int]
    """Offsets in the bytes of that input: the first, and the one behind the last."""
    line: int
    """Line of that input, from 1."""
    text: str = field(repr=False)
    """The bytes themselves."""
    value: Any = field(default=None, hash=False, repr=False)
    """What they mean as data; of a comment the comment. May hold secrets."""


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A place at which two sides do not go together."""

    path: str
    """Where it is: ``deployments[etl].image.tag``."""
    kind: Literal["edit-edit", "delete-edit", "add-add", "type", "order", "anchor", "note"]
    """Why they do not; ``note`` is about comments alone."""
    message: str
    """The conflict in one line, without values."""
    base: Side | None = None
    """What both sides began with; ``None`` where nothing was there."""
    ours: Side | None = None
    """What ours has there."""
    theirs: Side | None = None
    """What theirs has there."""
    renamed_to: str | None = None
    """The name under which a deleted element seems to stand now."""
    result: tuple[int, int]
    """Offsets in the bytes of the merged text: one of the sides, from behind the key to behind the comment."""
    line: int
    """Line of the merged text, from 1."""

    def __str__(self) -> str:
        """Return the message."""
        return self.message


@dataclass(frozen=True, kw_only=True)
class Merge:
    """A merged text, and what is left to be decided."""

    text: str = field(repr=False)
    """Always valid YAML, without markers: what ours says where there is a conflict."""
    conflicts: tuple[Conflict, ...] = ()
    """In the order of the text."""
