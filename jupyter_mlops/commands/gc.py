"""The command ``gc``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated

from jupyter_mlops.commands.erase import erase_there
from jupyter_mlops.commands.remote import choose_known, with_remote
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Bytes, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import UsageError
from jupyter_mlops.objects.collect import Fate, PackPlan
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.collect import Collected, Waits, collect_garbage
from jupyter_mlops.sync.collect import collect_remote
from jupyter_mlops.sync.places import open_remote
from jupyter_mlops.units import format_bytes

_HOUR_SECONDS = 3600
_DAY_SECONDS = 24 * _HOUR_SECONDS
_GRACE_HOURS = (24.0, 14 * 24.0)
"""In the store, and on a remote."""

_SHOWN = 10
_ID_LETTERS = 12


@dataclass(frozen=True, slots=True)
class PackResult:
    """What becomes of one pack, and why; bytes are those of its records on disk.

    ``fate`` is ``kept``, ``trashed``, or ``rewritten``: what is kept of it moves to a new pack.
    """

    pack: str
    fate: Fate
    why: str
    size_bytes: int
    needed_bytes: int
    waiting_bytes: int
    gone_bytes: int


@dataclass(frozen=True, slots=True)
class GcResult:
    """What was collected, or without ``done`` would be; bytes on disk.

    ``trashed_bytes`` moved to the trash, ``rewritten_bytes`` of them because what is kept stands in
    new packs now; ``purged_bytes`` were deleted for good, ``taken_back_bytes`` came back from the
    trash, as they are needed after all. Left are ``kept_bytes`` in the store, ``waiting_bytes`` of
    them no longer needed, and ``trash_bytes`` in the trash. ``forgotten`` are the ids of snapshots
    dropped so long ago that they cannot be had back any more. ``remote`` is where that was, None
    for the store.
    """

    done: bool
    trashed_bytes: int
    rewritten_bytes: int
    purged_bytes: int
    taken_back_bytes: int
    kept_bytes: int
    waiting_bytes: int
    trash_bytes: int
    forgotten: tuple[str, ...]
    packs: tuple[PackResult, ...]
    remote: str | None = None

    def describe(self) -> Document:
        """Return what was freed, what waits, and why."""
        blocks: list[Block] = [Note(self._headline(), "good" if self.done else "plain")]
        going = [pack for pack in self.packs if pack.fate != "kept"]
        if not self.done and going:
            rows = tuple(
                (Code(pack.pack[:_ID_LETTERS]), pack.fate, pack.why, Bytes(pack.size_bytes))
                for pack in going[:_SHOWN]
            )
            blocks.append(Table(("pack", "fate", "why", "size"), rows))
            if len(going) > len(rows):
                blocks.append(Note(f"And {len(going) - len(rows)} more; --json lists them all."))
        if self.waiting_bytes:
            waiting = format_bytes(self.waiting_bytes)
            blocks.append(Note(f"{waiting} in packs are not needed any more and wait.", "quiet"))
        if self.trash_bytes:
            trash = format_bytes(self.trash_bytes)
            blocks.append(Note(f"{trash} are in the trash until a later collection.", "quiet"))
        if self.done and self.trashed_bytes and self.remote is None:
            blocks.append(Hint("Take it back", "jupyter mlops undo"))
        if not self.done:
            blocks.append(Hint("Do it", with_remote("jupyter mlops gc", self.remote)))
        return Document(tuple(blocks))

    def _headline(self) -> str:
        did = "Moved" if self.done else "Would move"
        parts = [f"{did} {format_bytes(self.trashed_bytes)} to the trash"]
        if self.purged_bytes:
            parts.append(f"deleted {format_bytes(self.purged_bytes)} for good")
        if self.taken_back_bytes:
            parts.append(f"took {format_bytes(self.taken_back_bytes)} back")
        return f"{', '.join(parts)}; {format_bytes(self.kept_bytes)} stay."


def gc(
    ws: Workspace,
    *,
    remote: Annotated[str | None, Arg("Collect this remote, not the store.")] = None,
    dry_run: Annotated[bool, Arg("Only tell what would go, and why.")] = False,
    grace_hours: Annotated[
        float | None,
        Arg(
            "How long what is not needed any more stays in its pack: a day, on a remote 14.",
            metavar="HOURS",
        ),
    ] = None,
    trash_days: Annotated[float, Arg("How long it then stays in the trash.", metavar="DAYS")] = 7.0,
    even_all: Annotated[bool, Arg("Go on when nothing at all is needed.")] = False,
) -> GcResult:
    """Make the store smaller, or a remote: what nothing names any more goes, in steps.

    Needed is what any branch, tag, stash, reflog, snapshot, worktree or index names, and what undo
    would bring back; of a notebook's outputs the newest. The rest first stays where it is for
    --grace-hours, counted from the first collection that finds it, then goes to the trash, and is
    deleted by a collection --trash-days later. Until then whoever misses it finds it there, and
    undo takes it back. What is kept of packs that are mostly garbage, or small and many, moves
    together into new ones, in the order in which it is read. It can be stopped at any moment, and
    run while others work.

    With --remote the same is done there, by its own clock. Needed is then also what Git's remotes
    have, all of which has to be fetched first, and what other clones have evicted.
    """
    hours = grace_hours if grace_hours is not None else _GRACE_HOURS[remote is not None]
    for name, value in (("--grace-hours", hours), ("--trash-days", trash_days)):
        if not 0 <= value <= 1e6:
            raise UsageError(f"{name} wants a number from 0 on.", code="bad-number")
    waits = Waits(round(hours * _HOUR_SECONDS), round(trash_days * _DAY_SECONDS))
    if remote is not None:
        named = choose_known(ws, remote, yes=False)
        clear_leftovers(ws)
        with open_remote(ws, named) as there:
            known = frozenset(there.erasures)
            found = collect_remote(ws, there, waits, even_all=even_all, dry_run=dry_run)
            meanwhile = there.erasures - known
        if meanwhile:  # it may have been copied into a new pack
            erase_there(ws, named)
        return replace(_result(found, done=not dry_run), remote=named.name)
    found = collect_garbage(
        ws, waits, ws.execution.command or ("gc",), even_all=even_all, dry_run=dry_run
    )
    return _result(found, done=not dry_run)


def _result(found: Collected, *, done: bool) -> GcResult:
    rewritten = _size(found.plan.packs, "rewritten")
    return GcResult(
        done=done,
        trashed_bytes=_size(found.plan.packs, "trashed") + rewritten,
        rewritten_bytes=rewritten,
        purged_bytes=found.purged_bytes,
        taken_back_bytes=found.back_bytes,
        kept_bytes=found.kept_bytes,
        waiting_bytes=found.plan.unneeded_bytes,
        trash_bytes=found.trash_bytes,
        forgotten=tuple(name.rpartition("/")[2] for name in found.forgotten),
        packs=tuple(
            PackResult(
                one.pack.hash.hex(),
                one.fate,
                one.why,
                one.pack.size_bytes,
                one.needed_bytes,
                one.waiting_bytes,
                one.gone_bytes,
            )
            for one in found.plan.packs
        ),
    )


def _size(plans: Iterable[PackPlan], fate: Fate) -> int:
    return sum(one.pack.size_bytes for one in plans if one.fate == fate)
