"""The command ``snapshot drop``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Document, Hint, Note
from jupyter_mlops.snapshots.manage import drop_snapshots


@dataclass(frozen=True, slots=True)
class SnapshotDropResult:
    """The ids of the snapshots that were dropped."""

    dropped: tuple[str, ...]

    def describe(self) -> Document:
        """Return one line, and the way back."""
        line = f"Dropped {', '.join(self.dropped)}."
        return Document((Note(line, "good"), Hint("Take it back", "jupyter mlops undo")))


def snapshot_drop(
    ws: Workspace,
    snapshots: Annotated[
        tuple[str, ...], Arg("Ids or names of snapshots.", metavar="ID", complete="snapshot")
    ],
) -> SnapshotDropResult:
    """Remove snapshots; content that another state needs stays."""
    dropped = drop_snapshots(ws, list(snapshots), ws.execution.command)
    return SnapshotDropResult(tuple(snapshot.id for snapshot in dropped))
