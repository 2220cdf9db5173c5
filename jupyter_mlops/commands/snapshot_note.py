"""The command ``snapshot note``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Document, Note
from jupyter_mlops.snapshots.listing import find_snapshot
from jupyter_mlops.snapshots.manage import change_record


@dataclass(frozen=True, slots=True)
class SnapshotNoteResult:
    """A snapshot and its message."""

    id: str
    message: str | None

    def describe(self) -> Document:
        """Return one line."""
        return Document((Note(f"Snapshot {self.id}: {self.message or 'no message'}", "good"),))


def snapshot_note(
    ws: Workspace,
    snapshot: Annotated[str, Arg("Id or name of the snapshot.", "ID", complete="snapshot")],
    text: Annotated[str, Arg("Why it is worth keeping.", metavar="TEXT")],
) -> SnapshotNoteResult:
    """Write down why a snapshot is worth keeping."""
    found = find_snapshot(ws.git, snapshot)
    command = ws.execution.command
    record = change_record(ws, found, command, name=found.name, message=text or None)
    return SnapshotNoteResult(record.id, record.message)
