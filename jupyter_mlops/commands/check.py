"""The command ``check``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.snapshots.check import Damage, check_project
from jupyter_mlops.units import plural

_SHOWN = 20
_SHOWN_NAMES = 3
_ID_LETTERS = 19


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found.

    ``packs`` and ``chunks`` count what the store holds (manifests of files and folders are chunks
    too), ``pointers`` the different pointer files that were followed, ``absent`` the files that
    commits name and that have never been on this machine. ``read_data`` tells whether every byte
    was read.
    """

    ok: bool
    packs: int
    chunks: int
    damaged: tuple[Damage, ...]
    pointers: int
    absent: int
    read_data: bool

    @property
    def exit_status(self) -> int:
        """5 when something is damaged."""
        return 0 if self.ok else 5

    def describe(self) -> Document:
        """Return what is damaged and whom it concerns, or that all is whole."""
        held = f"{plural(self.packs, 'pack')}, {plural(self.chunks, 'chunk')}"
        followed = f"{held}, {plural(self.pointers, 'pointer')} followed"
        blocks: list[Block]
        if self.ok:
            blocks = [Note(f"All is whole: {followed}.", "good")]
        else:
            blocks = [Note(f"{plural(len(self.damaged), 'problem')} found: {followed}.", "bad")]
            blocks += describe_damages(self.damaged)
            blocks.append(Hint("See what can be mended", "jupyter mlops repair"))
        if self.absent:
            files = plural(self.absent, "file")
            blocks.append(Note(f"{files} that commits name have never been on this machine."))
        if not self.read_data:
            blocks.append(Hint("Read every byte as well", "jupyter mlops check --read-data"))
        return Document(tuple(blocks))


def check(
    ws: Workspace,
    *,
    read_data: Annotated[
        bool, Arg("Read every byte of the store and of Git, and compare it with its name.")
    ] = False,
) -> CheckResult:
    """Find out whether every snapshot and commit can be brought back whole.

    Follows all snapshots, branches, tags, stashes and the index through their pointer files and
    manifests down to the packs, and asks Git for its own objects. Without --read-data names, sizes
    and tables are compared, which finds what is missing or cut short; with it also what has changed
    within. Writes nothing. The exit status is 5 when something is damaged.
    """
    found = check_project(ws, read_data=read_data)
    return CheckResult(
        ok=not found.damages,
        packs=found.store.packs,
        chunks=found.store.records,
        damaged=found.damages,
        pointers=found.pointers,
        absent=found.absent,
        read_data=read_data,
    )


def describe_damages(damages: Sequence[Damage]) -> list[Block]:
    """Return a table of damages, the first ones where there are many."""
    rows = tuple(
        (one.what, Code(one.id[:_ID_LETTERS]), one.why, _few(one.paths), _few(one.snapshots))
        for one in damages[:_SHOWN]
    )
    blocks: list[Block] = [Table(("what", "id", "why", "paths", "snapshots"), rows)]
    others = len(damages) - len(rows)
    if others:
        blocks.append(Note(f"And {others} more; --json lists them all."))
    return blocks


def _few(names: Sequence[str]) -> str:
    others = len(names) - _SHOWN_NAMES
    shown = ", ".join(names[:_SHOWN_NAMES])
    return f"{shown} and {others} more" if others > 0 else shown
