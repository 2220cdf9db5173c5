"""The command ``check``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.remote import choose_known, with_remote
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.snapshots.check import Damage, check_project
from jupyter_mlops.sync.check import check_remote
from jupyter_mlops.sync.places import open_remote
from jupyter_mlops.units import plural

_SHOWN = 20
_SHOWN_NAMES = 3
_ID_LETTERS = 19


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found.

    ``packs`` and ``chunks`` count what the store holds (manifests of files and folders are chunks
    too), ``pointers`` the different pointer files that were followed, ``absent`` the files that
    commits name and that have never been on this machine, ``elsewhere`` those that were evicted
    because a remote holds them, ``erased`` those whose content was erased. ``read_data`` tells
    whether every byte was read. ``remote`` is what was looked at, None for the store; ``absent``
    are then the files that only snapshots of this clone name and that were not pushed.
    """

    ok: bool
    packs: int
    chunks: int
    damaged: tuple[Damage, ...]
    pointers: int
    absent: int
    read_data: bool
    elsewhere: int = 0
    erased: int = 0
    remote: str | None = None

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
            blocks.append(
                Hint("See what can be mended", with_remote("jupyter mlops repair", self.remote))
            )
        if self.absent:
            what = "commits name have never been on this machine"
            if self.remote is not None:
                what = f"snapshots of yours name are not on {self.remote}"
            blocks.append(Note(f"{plural(self.absent, 'file')} that {what}."))
        if self.elsewhere:
            files = plural(self.elsewhere, "file")
            blocks.append(Note(f"{files} were evicted: a remote holds them."))
            blocks.append(Hint("Bring back what HEAD needs", "jupyter mlops pull"))
        if self.erased:
            blocks.append(Note(f"{plural(self.erased, 'file')} that commits name were erased."))
        if not self.read_data:
            command = with_remote("jupyter mlops check --read-data", self.remote)
            blocks.append(Hint("Read every byte as well", command))
        return Document(tuple(blocks))


def check(
    ws: Workspace,
    *,
    read_data: Annotated[
        bool, Arg("Read every byte of the store and of Git, and compare it with its name.")
    ] = False,
    remote: Annotated[str | None, Arg("Check this remote, not the store.")] = None,
) -> CheckResult:
    """Find out whether every snapshot and commit can be brought back whole.

    Follows all snapshots, branches, tags, stashes and the index through their pointer files and
    manifests down to the packs, and asks Git for its own objects. Without --read-data names, sizes
    and tables are compared, which finds what is missing or cut short; with it also what has changed
    within. Writes nothing. The exit status is 5 when something is damaged.

    With --remote: whether that holds what branches and tags name, also those of Git's remotes.
    Packs that --read-data finds damaged are noted there, so that nobody believes them any more.
    """
    if remote is not None:
        return _check_remote(ws, remote, read_data=read_data)
    found = check_project(ws, read_data=read_data)
    return CheckResult(
        ok=not found.damages,
        packs=found.store.packs,
        chunks=found.store.records,
        damaged=found.damages,
        pointers=found.pointers,
        absent=found.absent,
        read_data=read_data,
        elsewhere=found.elsewhere,
        erased=found.erased,
    )


def _check_remote(ws: Workspace, name: str, *, read_data: bool) -> CheckResult:
    named = choose_known(ws, name, yes=False)
    with open_remote(ws, named) as there:
        found = check_remote(ws, there, read_data=read_data)
    return CheckResult(
        ok=not found.damages,
        packs=found.packs,
        chunks=found.records,
        damaged=found.damages,
        pointers=found.pointers,
        absent=found.absent,
        read_data=read_data,
        erased=found.erased,
        remote=named.name,
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
