"""The command ``snapshot branch``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Document, Hint, Note
from jupyter_mlops.snapshots.listing import find_snapshot
from jupyter_mlops.snapshots.manage import make_branch


@dataclass(frozen=True, slots=True)
class SnapshotBranchResult:
    """The branch that was made, and the full id of its commit."""

    id: str
    branch: str
    commit: str

    def describe(self) -> Document:
        """Return one line, and the way there."""
        line = f"Branch {self.branch} has the state of snapshot {self.id} as {self.commit[:10]}."
        return Document((Note(line, "good"), Hint("Go there", f"git switch {self.branch}")))


def snapshot_branch(
    ws: Workspace,
    snapshot: Annotated[str, Arg("Id or name of the snapshot.", "ID", complete="snapshot")],
    name: Annotated[str, Arg("The new branch.", metavar="NAME")],
) -> SnapshotBranchResult:
    """Make a Git branch of a snapshot, its code included.

    The branch is one commit on the snapshot's base; it is not switched to.
    """
    found = find_snapshot(ws.git, snapshot)
    commit = make_branch(ws, found, name, ws.execution.command)
    return SnapshotBranchResult(found.id, name, commit)
