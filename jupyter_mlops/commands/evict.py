"""The command ``evict``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.remote import choose_known, with_remote
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Hint, Note
from jupyter_mlops.snapshots.evict import evict_content
from jupyter_mlops.sync.evict import evict_to_remote
from jupyter_mlops.sync.places import open_remote
from jupyter_mlops.units import format_bytes


@dataclass(frozen=True, slots=True)
class EvictResult:
    """How many bytes on disk were freed, or without ``done`` would be.

    ``only_here_bytes`` nobody else was verified to hold: they stay. ``remote`` is who holds them,
    None for alternates.
    """

    done: bool
    freed_bytes: int
    only_here_bytes: int
    remote: str | None = None

    def describe(self) -> Document:
        """Return what was freed, and the way back."""
        did = "Freed" if self.done else "Would free"
        holder = self.remote or "another store"
        is_held = "is verified to hold" if self.done or self.remote is None else "seems to hold"
        line = f"{did} {format_bytes(self.freed_bytes)} that {holder} {is_held}."
        blocks: list[Block] = [Note(line, "good" if self.done else "plain")]
        if self.only_here_bytes:
            blocks.append(Note(f"{format_bytes(self.only_here_bytes)} are only here and stay."))
        if self.done and self.freed_bytes:
            blocks.append(Hint("Take it back", "jupyter mlops undo"))
        if not self.done and self.freed_bytes:
            blocks.append(Hint("Do it", with_remote("jupyter mlops evict", self.remote)))
        return Document(tuple(blocks))


def evict(
    ws: Workspace,
    *,
    remote: Annotated[str | None, Arg("Drop what this remote holds, not an alternate.")] = None,
    dry_run: Annotated[bool, Arg("Only tell how much would be freed.")] = False,
) -> EvictResult:
    """Drop at once what an alternate, or a remote, is verified to hold.

    Reads all of it there, every byte, before anything is dropped here. What is only here stays, and
    what was dropped is read from the alternate from now on: the setting mlops.alternates of this
    clone's Git says where those are. undo copies back what is needed.

    With --remote, content goes and lists of folders stay; pull brings back what HEAD needs, undo
    all of it. The remote is told what this clone relies on, so that no collection there takes it.
    With --dry-run the remote's listing is believed, and nothing is read.
    """
    command = ws.execution.command or ("evict",)
    if remote is not None:
        named = choose_known(ws, remote, yes=False)
        with open_remote(ws, named) as there:
            found = evict_to_remote(ws, there, named.name, command, dry_run=dry_run)
        return EvictResult(not dry_run, found.freed_bytes, found.only_here_bytes, named.name)
    plan = evict_content(ws, command, dry_run=dry_run)
    return EvictResult(
        done=not dry_run, freed_bytes=plan.freed_bytes, only_here_bytes=plan.lacking_bytes
    )
