"""What can go wrong, as a tree: a class is what the caller can do about it, its attributes are the details.

Wrong types are ``TypeError``, files that cannot be read ``OSError``, as everywhere in Python.
"""

from dataclasses import asdict, is_dataclass
from typing import Any, ClassVar

from dagster_workspace._model import Change, Finding


class DagsterWorkspaceError(Exception):
    """The root of them all."""

    exit_code: ClassVar[int] = 1
    """What the command exits with."""

    code: str | None
    """Stable code, ``DW`` and four digits, where there is one."""
    hint: str | None
    """What to do about it."""
    rendered: str | None
    """The error as the command prints it, with place and caret, where it has a place."""

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        hint: str | None = None,
        rendered: str | None = None,
    ) -> None:
        """Keep the details as attributes."""
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.rendered = rendered

    @property
    def message(self) -> str:
        """What is wrong, in one line."""
        return str(self.args[0])

    def __str__(self) -> str:
        """Return the error as the command prints it."""
        if self.rendered:
            return self.rendered
        return f"{self.message} (hint: {self.hint})" if self.hint else self.message

    def to_dict(self) -> dict[str, Any]:
        """Return type, message and all details as plain data."""
        details = {name: _plain(value) for name, value in vars(self).items()}
        return {"error": type(self).__name__, "message": self.message, "exit_code": self.exit_code, **details}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


class _PlacedError(DagsterWorkspaceError):
    """An error at a place in a document."""

    exit_code = 4

    line: int | None
    """Line, from 1."""
    column: int | None
    """Column in characters, from 1."""
    span: tuple[int, int] | None
    """Offsets in the bytes of the document: the first, and the one behind the last."""

    def __init__(
        self,
        message: str = "",
        *,
        line: int | None = None,
        column: int | None = None,
        span: tuple[int, int] | None = None,
        **details: Any,
    ) -> None:
        """Keep the details as attributes."""
        super().__init__(message, **details)
        self.line = line
        self.column = column
        self.span = span


class ParseError(_PlacedError, ValueError):
    """The text is no YAML, or has no meaning as data."""


class RefusedError(_PlacedError):
    """The edit cannot be made without changing something else; the document is as it was."""

    reason: str
    """The reason as programs read it: ``anchor-in-use``."""

    def __init__(self, message: str = "", *, reason: str = "", **details: Any) -> None:
        """Keep the details as attributes."""
        super().__init__(message, **details)
        self.reason = reason


class InvalidError(DagsterWorkspaceError, ValueError):
    """Dagster or the chart would not take it; nothing was changed."""

    exit_code = 4

    path: str | None
    """The field it is about: ``image.tag``."""
    findings: tuple[Finding, ...]
    """What was found in the document that would come of it."""

    def __init__(
        self, message: str = "", *, path: str | None = None, findings: tuple[Finding, ...] = (), **details: Any
    ) -> None:
        """Keep the details as attributes."""
        super().__init__(message, **details)
        self.path = path
        self.findings = findings


class NameTakenError(DagsterWorkspaceError):
    """A different entry has this name; use an update where it is meant."""

    exit_code = 5

    name: str
    """The name."""
    difference: tuple[Change, ...]
    """From the entry that is there to the one that was asked for, secrets hidden."""

    def __init__(
        self, message: str = "", *, name: str = "", difference: tuple[Change, ...] = (), **details: Any
    ) -> None:
        """Keep the details as attributes."""
        super().__init__(message, **details)
        self.name = name
        self.difference = difference


class NotFoundError(DagsterWorkspaceError, KeyError):
    """There is no entry of this name to change."""

    exit_code = 4

    name: str
    """The name."""

    def __init__(self, message: str = "", *, name: str = "", **details: Any) -> None:
        """Keep the details as attributes."""
        super().__init__(message, **details)
        self.name = name
