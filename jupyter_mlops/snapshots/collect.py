"""Garbage collection of a project: what nothing names any more leaves the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

from jupyter_mlops.errors import ConflictError
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.formats.index import PackEntry, Place
from jupyter_mlops.git.refs import RefUpdate, list_refs, update_refs
from jupyter_mlops.objects.collect import (
    CollectionPlan,
    Needs,
    carry_out,
    plan_collection,
)
from jupyter_mlops.objects.ledger import Ledger, read_ledger, write_ledger
from jupyter_mlops.objects.outputs import replaced_outputs
from jupyter_mlops.objects.packs import list_packs
from jupyter_mlops.objects.running import list_running
from jupyter_mlops.objects.trash import TrashRun, list_trash, purge, take_from_trash, trash_bytes
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.listing import DROPPED_REFS
from jupyter_mlops.snapshots.needed import find_needed, needs_unknown
from jupyter_mlops.snapshots.operations import TRASHED, Move, Operation, log_operation
from jupyter_mlops.snapshots.roots import find_roots

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long what nothing needs stays: in its pack, then in the trash."""

    grace_seconds: int
    trash_seconds: int


@dataclass(frozen=True, slots=True)
class Collected:
    """What a garbage collection did, or would do; bytes are those of packs on disk.

    ``run`` is what it moved to the trash, ``back_bytes`` what it took from there because it is
    needed after all, ``purged_bytes`` what it deleted for good, ``forgotten`` the references of
    snapshots dropped so long ago that ``undo`` can do without.
    """

    plan: CollectionPlan
    run: str | None
    back_bytes: int
    purged_bytes: int
    trash_bytes: int
    kept_bytes: int
    forgotten: tuple[str, ...]


def collect_garbage(
    handles: Handles,
    waits: Waits,
    command: tuple[str, ...],
    *,
    even_all: bool = False,
    dry_run: bool = False,
) -> Collected:
    """Move what nothing needs to the trash, and empty the trash of what has been there long enough.

    Whatever can still be named by anybody is found again, in the trash as well; what was found
    there is taken back by the next collection. Only one collection of a store works at a time.

    Args:
        handles: the project.
        waits: how long what nothing needs stays.
        command: the words typed, for the operation log.
        even_all: go on when nothing at all is needed.
        dry_run: only look.

    Raises:
        ConflictError: nothing at all is needed (``nothing-needed``), or the store is shared with
            clones whose needs are not known here (``store-shared``).
        IntegrityError: something is damaged, so that it cannot be told what is needed.
        UnavailableError: Git cannot list what it keeps, or the store cannot be written.
    """
    if handles.store.is_shared:
        raise ConflictError(
            f"Nothing was collected: the store {handles.store.folder} is shared, and no clone knows"
            " what the others need of it.",
            code="store-shared",
            hints=("jupyter mlops forget --keep-last 20 --keep-named --dry-run",),
        )
    if dry_run:
        return _Collector(handles, waits, even_all=even_all).look()
    clear_leftovers(handles)
    with hold_lock(handles.store.folder / "collecting.lock"):
        return _Collector(handles, waits, even_all=even_all).work(command)


class _Collector:
    """One garbage collection: who was under way, then what is needed, in this order."""

    def __init__(self, handles: Handles, waits: Waits, *, even_all: bool) -> None:
        self._handles = handles
        self._store = handles.store
        self._waits = waits
        self._now = int(handles.clock.now().timestamp())
        self._under_way = list_running(self._store)
        self._store.reload()
        if self._store.damaged_segments():
            raise needs_unknown("the index of the store is damaged")
        self._ledger = read_ledger(self._store.ledger_file)
        grace = timedelta(seconds=waits.grace_seconds)
        roots = find_roots(handles, undo_since=handles.clock.now() - grace + _INSTANT)
        if roots.are_none and not even_all and any(list_packs(self._store.folder)):
            raise ConflictError(
                "Nothing was collected: no branch, tag, stash or snapshot names anything that the"
                " store holds.",
                code="nothing-needed",
                hints=("git fetch", "jupyter mlops gc --even-all"),
            )
        self._needed = find_needed(handles, roots)

    def look(self) -> Collected:
        needs = self._needs()
        plan = plan_collection(self._store, needs)
        runs = list_trash(self._store)
        wanted = {run.name: self._wanted(run) for run in runs}
        back = sum(pack.size_bytes for packs in wanted.values() for pack in packs)
        purged = sum(
            run.size_bytes - sum(pack.size_bytes for pack in wanted[run.name])
            for run in runs
            if self._may_go(run)
        )
        return self._result(plan, None, back, purged, self._overdue())

    def work(self, command: tuple[str, ...]) -> Collected:
        back = purged = 0
        for run in list_trash(self._store):
            packs = self._wanted(run)
            if packs:
                back += take_from_trash(self._store, run, packs)
            if self._may_go(run):
                purged += purge(self._store, run)
        needs = self._needs()
        plan = plan_collection(self._store, needs)
        total = sum(
            one.needed_bytes + one.waiting_bytes for one in plan.packs if one.fate == "rewritten"
        )
        with self._handles.progress.task("Packing", total) as task:
            name = carry_out(self._store, plan, needs, self._under_way, task)
        overdue = self._overdue()
        self._forget_dropped(overdue)
        write_ledger(
            self._store.ledger_file, Ledger(plan.unneeded_bytes, plan.since, self._dropped())
        )
        if name is not None:
            moved = {name: Move(None, TRASHED)}
            operation = Operation(command, self._handles.clock.now(), trash=moved)
            log_operation(self._handles.git.state_dir, operation)
        return self._result(plan, name, back, purged, overdue)

    def _needs(self) -> Needs:
        replaced: set[Place] = set()
        for key in self._needed.notebooks:
            replaced.update(replaced_outputs(self._store, key))
        return Needs(
            self._needed.ranks.get,
            replaced,
            self._ledger.since,
            self._now,
            self._waits.grace_seconds,
        )

    def _wanted(self, run: TrashRun) -> list[PackEntry]:
        """Return the packs of the trash that hold what is needed and nowhere else."""
        wanted = set()
        for view in run.store.views():
            for id, place in view:
                if id in self._needed.ranks and self._store.find(place.kind, id) is None:
                    wanted.add((place.pack, place.plain))
        return [p for p in list_packs(run.store.folder) if (p.hash, p.plain) in wanted]

    def _may_go(self, run: TrashRun) -> bool:
        old = self._now - run.at_seconds >= self._waits.trash_seconds
        return old and not run.waits_for() & self._under_way

    def _dropped(self) -> dict[str, int]:
        """Return the references of dropped snapshots, with the time of the first look at each."""
        refs = list_refs(self._handles.git, DROPPED_REFS)
        return {ref.name: self._ledger.dropped.get(ref.name, self._now) for ref in refs}

    def _overdue(self) -> list[str]:
        longest = self._waits.grace_seconds + self._waits.trash_seconds
        return [name for name, first in self._dropped().items() if self._now - first >= longest]

    def _forget_dropped(self, names: Collection[str]) -> None:
        there = list_refs(self._handles.git, *names) if names else []
        update_refs(self._handles.git, [RefUpdate(ref.name, None, ref.oid) for ref in there])

    def _result(
        self,
        plan: CollectionPlan,
        run: str | None,
        back_bytes: int,
        purged_bytes: int,
        forgotten: Iterable[str],
    ) -> Collected:
        return Collected(
            plan,
            run,
            back_bytes,
            purged_bytes,
            trash_bytes=trash_bytes(self._store),
            kept_bytes=sum(pack.size_bytes for pack in list_packs(self._store.folder)),
            forgotten=tuple(forgotten),
        )
