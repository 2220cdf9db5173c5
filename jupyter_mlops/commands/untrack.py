"""The command ``untrack``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Document, Hint, Note
from jupyter_mlops.snapshots.relocate import untrack_path


@dataclass(frozen=True, slots=True)
class UntrackResult:
    """The path that is no longer tracked."""

    path: str
    hints: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return one line, and the ways on."""
        line = f"{self.path} is no longer tracked; its files stay, and so do snapshots of it."
        return Document(
            (
                Note(line, "good"),
                Hint("Give it to Git", f"git add -- {self.path}"),
                Hint("Take it back", "jupyter mlops undo"),
                *(Hint("To do", hint) for hint in self.hints),
            )
        )


def untrack(
    ws: Workspace,
    path: Annotated[str, Arg("The tracked path.", metavar="PATH", complete="tracked")],
) -> UntrackResult:
    """Give a path back to Git or to you; its files stay.

    The pointer file and the line in ``.gitignore`` go, and Git's index follows.
    """
    resolved = resolve_paths(ws, [path])[0]
    return UntrackResult(resolved, untrack_path(ws, resolved, ws.execution.command))
