"""The command ``undo``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jupyter_mlops.commands.remote import choose_known
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Hint, Note
from jupyter_mlops.snapshots.operations import Move
from jupyter_mlops.snapshots.undo import undo_last
from jupyter_mlops.sync.erased import take_over
from jupyter_mlops.sync.evict import remote_of, undo_eviction
from jupyter_mlops.sync.places import open_remote
from jupyter_mlops.units import plural


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What was taken back; ``written`` and ``deleted`` count data files."""

    command: tuple[str, ...]
    at: datetime
    files: tuple[str, ...]
    refs: tuple[str, ...]
    written: int
    deleted: int
    hints: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return what was taken back, and how to have it again."""
        blocks: list[Block] = [Note(f"Took back: {' '.join(self.command)}", "good")]
        if self.written or self.deleted:
            moved = f"Wrote {plural(self.written, 'file')}, deleted {self.deleted}."
            blocks.append(Note(moved))
        blocks.append(Hint("Have it again", "jupyter mlops undo"))
        blocks += [Hint("To do", hint) for hint in self.hints]
        return Document(tuple(blocks))


def undo(ws: Workspace) -> UndoResult:
    """Take back the last command of this worktree.

    Refused when something has moved since. An undo can itself be taken back.
    """

    def move_remote(name: str, move: Move) -> None:
        named = choose_known(ws, remote_of(name), yes=False)
        with open_remote(ws, named) as there:
            take_over(ws.store, there)
            undo_eviction(ws, there, named.name, move)

    undone = undo_last(ws, ws.execution.command or ("undo",), move_remote)
    return UndoResult(
        command=undone.operation.command,
        at=undone.operation.at,
        files=tuple(undone.operation.files),
        refs=tuple(undone.operation.refs),
        written=sum(plan.written_count for plan in undone.plans),
        deleted=sum(plan.deleted_count for plan in undone.plans),
        hints=undone.hints,
    )
