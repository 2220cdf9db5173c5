"""The command ``evict``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Hint, Note
from jupyter_mlops.snapshots.evict import evict_content
from jupyter_mlops.units import format_bytes


@dataclass(frozen=True, slots=True)
class EvictResult:
    """How many bytes on disk were freed, or without ``done`` would be.

    ``only_here_bytes`` no alternate was verified to hold: they stay.
    """

    done: bool
    freed_bytes: int
    only_here_bytes: int

    def describe(self) -> Document:
        """Return what was freed, and the way back."""
        did = "Freed" if self.done else "Would free"
        line = f"{did} {format_bytes(self.freed_bytes)} that another store is verified to hold."
        blocks: list[Block] = [Note(line, "good" if self.done else "plain")]
        if self.only_here_bytes:
            blocks.append(Note(f"{format_bytes(self.only_here_bytes)} are only here and stay."))
        if self.done and self.freed_bytes:
            blocks.append(Hint("Take it back", "jupyter mlops undo"))
        if not self.done and self.freed_bytes:
            blocks.append(Hint("Do it", "jupyter mlops evict"))
        return Document(tuple(blocks))


def evict(
    ws: Workspace,
    *,
    dry_run: Annotated[bool, Arg("Only tell how much would be freed.")] = False,
) -> EvictResult:
    """Drop at once what an alternate is verified to hold.

    Reads all of it there, every byte, before anything is dropped here. What is only here stays, and
    what was dropped is read from the alternate from now on: the setting mlops.alternates of this
    clone's Git says where those are. undo copies back what is needed.
    """
    plan = evict_content(ws, ws.execution.command or ("evict",), dry_run=dry_run)
    return EvictResult(
        done=not dry_run, freed_bytes=plan.freed_bytes, only_here_bytes=plan.lacking_bytes
    )
