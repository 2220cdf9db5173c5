"""The command ``snapshot name``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Document, Hint, Note
from jupyter_mlops.errors import UsageError
from jupyter_mlops.snapshots.listing import find_snapshot
from jupyter_mlops.snapshots.manage import change_record, check_name


@dataclass(frozen=True, slots=True)
class SnapshotNameResult:
    """A snapshot and the name that it has now."""

    id: str
    name: str | None

    def describe(self) -> Document:
        """Return one line."""
        if self.name is None:
            return Document((Note(f"Snapshot {self.id} has no name now."),))
        return Document(
            (
                Note(f"Snapshot {self.id} is called {self.name}.", "good"),
                Hint("Get it back", f"jupyter mlops restore {self.id}"),
            )
        )


def snapshot_name(
    ws: Workspace,
    snapshot: Annotated[str, Arg("Id or name of the snapshot.", "ID", complete="snapshot")],
    name: Annotated[str | None, Arg("The name.", metavar="NAME")] = None,
    *,
    remove: Annotated[bool, Arg("Take the name away.")] = False,
) -> SnapshotNameResult:
    """Give a snapshot a name, or take it away.

    One that was fetched from a remote becomes one of this clone's own by that.
    """
    if (name is None) is not remove:
        raise UsageError(
            "Give either a name or --remove.",
            code="usage",
            hints=("jupyter mlops snapshot name --help",),
        )
    found = find_snapshot(ws.git, snapshot)
    if name is not None and (name != found.name or found.remote is not None):
        check_name(ws, name)
    message = found.record.message
    record = change_record(ws, found, ws.execution.command, name=name, message=message)
    return SnapshotNameResult(record.id, record.name)
