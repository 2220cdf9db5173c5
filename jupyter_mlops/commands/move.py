"""The command ``move``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Document, Hint, Note
from jupyter_mlops.snapshots.relocate import move_path


@dataclass(frozen=True, slots=True)
class MoveResult:
    """What was renamed, and its new name."""

    old: str
    new: str
    hints: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return one line, and the way back."""
        return Document(
            (
                Note(f"{self.old} is now {self.new}.", "good"),
                Hint("Take it back", "jupyter mlops undo"),
                *(Hint("To do", hint) for hint in self.hints),
            )
        )


def move(
    ws: Workspace,
    old: Annotated[str, Arg("The tracked path.", metavar="OLD", complete="tracked")],
    new: Annotated[str, Arg("Its new name.", metavar="NEW", complete="path")],
) -> MoveResult:
    """Rename tracked data together with its pointer file."""
    source, target = resolve_paths(ws, [old])[0], resolve_paths(ws, [new])[0]
    return MoveResult(source, target, move_path(ws, source, target, ws.execution.command))
