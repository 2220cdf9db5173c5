"""The command ``remote list``."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Code, Document, Hint, Note, Table


@dataclass(frozen=True, slots=True)
class RemoteResult:
    """One remote of ``mlops.toml``."""

    name: str
    url: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class RemoteListResult:
    """The remotes, sorted by name."""

    remotes: tuple[RemoteResult, ...]

    def describe(self) -> Document:
        """Return them as a table."""
        if not self.remotes:
            return Document(
                (
                    Note("The project has no remote yet.", "quiet"),
                    Hint("Add one", "jupyter mlops remote add NAME URL"),
                )
            )
        rows = tuple(
            (Code(one.name), Code(one.url), "default" if one.is_default else "")
            for one in self.remotes
        )
        return Document((Table(("remote", "url", ""), rows),))


def remote_list(ws: Workspace) -> RemoteListResult:
    """List the remotes that the project names."""
    default = ws.config.default_remote
    if default is None and len(ws.config.remotes) == 1:
        default = next(iter(ws.config.remotes))
    return RemoteListResult(
        tuple(
            RemoteResult(name, one.url, name == default) for name, one in ws.config.remotes.items()
        )
    )
