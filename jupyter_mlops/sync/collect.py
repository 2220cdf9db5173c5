"""Garbage collection on a remote: docs/formats/remote.md says what each step is and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from jupyter_mlops.errors import ConflictError, IntegrityError, NotFoundError, UnavailableError
from jupyter_mlops.formats.index import IndexView, PackEntry, encode_index
from jupyter_mlops.formats.pack import RECORD_HEADER_BYTES, RecordInfo, RecordKind
from jupyter_mlops.formats.pointer import decode_pointer, find_hashes
from jupyter_mlops.git.published import list_published_commits
from jupyter_mlops.git.trees import open_blob_reader
from jupyter_mlops.ids import HASH_BYTES, Hash, hash_bytes
from jupyter_mlops.objects.collect import CollectionPlan, PackPlan, place_of
from jupyter_mlops.objects.packing import Record
from jupyter_mlops.objects.records import Located
from jupyter_mlops.progress import Task
from jupyter_mlops.snapshots.collect import Collected, Waits
from jupyter_mlops.snapshots.content import pointer_entries
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.needed import needs_unknown
from jupyter_mlops.snapshots.roots import Roots, find_roots
from jupyter_mlops.sync.claims import read_claims
from jupyter_mlops.sync.listing import Mark, PackKey, mark_object, pack_object
from jupyter_mlops.sync.merge import merge_index
from jupyter_mlops.sync.projects import require_sole_project
from jupyter_mlops.sync.push import open_store_staging
from jupyter_mlops.sync.put import name_packs, pack_up, put_pack
from jupyter_mlops.sync.records import iter_located
from jupyter_mlops.sync.remote import TRANSFERS, Remote
from jupyter_mlops.sync.snapshots import count_waiting
from jupyter_mlops.sync.walk import ContentWalk
from jupyter_mlops.sync.whole import find_broken
from jupyter_mlops.units import plural

_INSTANT = timedelta(microseconds=1)
_MARK_LIMIT_BYTES = 64 << 20
_MANIFESTS = (RecordKind.FILE, RecordKind.TREE)
_PURGED: tuple[Mark, ...] = ("damaged", "unneeded", "trash")
"""What is said of a pack that is gone, in the order in which it is taken away."""

_UNKNOWN = "it is not known what it holds"


def collect_remote(
    handles: Handles,
    remote: Remote,
    waits: Waits,
    *,
    even_all: bool = False,
    dry_run: bool = False,
) -> Collected:
    """Do on a remote what ``gc`` does in the store; ``run`` of the result is None.

    Whoever pushes or fetches meanwhile goes on, and so does another collection; killed at any
    moment, it can be done again.

    Args:
        handles: the project.
        remote: the remote, as it is now.
        waits: how long what nothing needs stays.
        even_all: go on when nothing at all is needed.
        dry_run: only look.

    Raises:
        ConflictError: not all that Git's remotes have is here, or snapshots that the remote has
            are not (``not-fetched``); another project has pushed there (``remote-shared``), or
            nothing at all is needed (``nothing-needed``).
        IntegrityError: something is damaged, so that it cannot be told what is needed.
        UnavailableError: the remote lists nothing (``listing-empty``), or it or Git failed.
        UnsupportedError: it does not tell the time.
    """
    commits = list_published_commits(handles.git)
    require_sole_project(handles.git, remote)
    waiting = count_waiting(handles.git, remote)
    if waiting:
        raise ConflictError(
            f"Nothing was collected: {remote.place} has {plural(waiting, 'snapshot')} that"
            " this clone does not have, and what they need is not known here.",
            code="not-fetched",
            hints=("jupyter mlops fetch --snapshots",),
        )
    if not remote.packs:
        raise UnavailableError(
            f"Nothing was collected: {remote.place} lists no packs.",
            code="listing-empty",
            hints=("jupyter mlops remote test", "jupyter mlops push"),
        )
    now = handles.clock.now()
    if not dry_run:
        now = remote.read_time()
    elif remote.listing.newest_at is not None:
        now = max(now, remote.listing.newest_at)
    grace = timedelta(seconds=waits.grace_seconds)
    roots = find_roots(handles, undo_since=handles.clock.now() - grace + _INSTANT, also=commits)
    if roots.are_none and not even_all:
        raise ConflictError(
            "Nothing was collected: no branch, tag, stash or snapshot names anything.",
            code="nothing-needed",
            hints=("git fetch", "jupyter mlops gc --even-all"),
        )
    return _Collector(handles, remote, waits, now, dry_run=dry_run).work(roots)


@dataclass(slots=True)
class _Plan:
    """What becomes of one pack; ``gone`` are its records that are not kept."""

    shown: PackPlan
    table: Sequence[RecordInfo]
    gone: frozenset[RecordInfo] = frozenset()
    mark: bytes | None = None
    """What is to be put beside it as ``unneeded/``, None where nothing is."""
    unmark: bool = False

    @property
    def key(self) -> PackKey:
        return self.shown.pack.hash, self.shown.pack.plain


class _Collector:
    def __init__(
        self, handles: Handles, remote: Remote, waits: Waits, now: datetime, *, dry_run: bool
    ) -> None:
        self.handles = handles
        self.remote = remote
        self.waits = waits
        self.now = now
        self.dry_run = dry_run
        self.claimed = read_claims(remote)
        self.needed: set[Hash] = set()

    def work(self, roots: Roots) -> Collected:
        back_bytes = self._find_needed(roots)
        purged_bytes = self._purge()
        with self.handles.progress.task(
            "Looking at packs", len(self.remote.packs), "packs"
        ) as task:
            plans = []
            for pack, table in self.remote.iter_tables():
                plans.append(self._plan(pack, table))
                task.advance(1)
            for pack, table in self.remote.iter_lost():
                if (pack.hash, pack.plain) in self.remote.packs:
                    plans.append(self._plan(pack, table, damaged=True))
        known = {plan.key for plan in plans}
        rest = [one for one in self.remote.iter_packs() if (one.hash, one.plain) not in known]
        if not self.dry_run:
            self._carry_out(plans)
        shown = [plan.shown for plan in plans]
        shown += [PackPlan(pack, why=_UNKNOWN) for pack in rest]
        trash = self.remote.listing.marks["trash"]
        trash_bytes = sum(self.remote.packs.get(key, 0) for key in trash)
        return Collected(
            CollectionPlan(tuple(shown), {}),
            None,
            back_bytes,
            purged_bytes,
            trash_bytes=trash_bytes,
            kept_bytes=sum(self.remote.packs.values()) - trash_bytes,
            forgotten=(),
        )

    def _find_needed(self, roots: Roots) -> int:
        """Find all that is needed; bring back what of it is only in the trash, and return how much.

        Raises:
            IntegrityError: it cannot be told.
        """
        back_bytes = 0
        while True:
            trash = self.remote.trash()
            walk, names = follow_roots(self.handles, self.remote, roots)
            self._require_known(walk)
            self.needed = names
            wanted = [(key, view) for key, view in trash.items() if self._wants(key, view)]
            if not wanted:
                return back_bytes
            for key, view in wanted:
                back_bytes += self.remote.packs.get(key, 0)
                if self.dry_run:
                    self.remote.adopt(key, view)
                else:
                    self.remote.take_back(key, view)

    def _require_known(self, walk: ContentWalk) -> None:
        """Let pass if no manifest is lost that tells what is needed.

        One that the index never named has not been pushed, and tells of nothing there.
        """
        lost = {
            info.id
            for _, table in self.remote.iter_lost()
            for info in table
            if info.kind in _MANIFESTS
        }
        if walk.damaged or not lost.isdisjoint(walk.missing):
            raise IntegrityError(
                f"Nothing was collected: {self.remote.place} has lost lists of what files and"
                " folders consist of, so that it cannot be told what is needed.",
                code="needs-unknown",
                hints=(
                    "jupyter mlops check --remote NAME --read-data",
                    "jupyter mlops repair --remote NAME",
                ),
            )

    def _wants(self, key: PackKey, view: IndexView) -> bool:
        """Return whether a pack of the trash is claimed, or has what is needed and nowhere else."""
        if key not in self.remote.packs:
            return False
        if key in self.claimed:
            return True
        return any(
            id in self.needed and self.remote.find(place.kind, id) is None for id, place in view
        )

    def _purge(self) -> int:
        """Delete what has been in the trash for long enough; return how many bytes that were."""
        longest = timedelta(seconds=self.waits.trash_seconds)
        purged_bytes = 0
        for key, at in list(self.remote.listing.marks["trash"].items()):
            if at is None or self.now - at < longest:
                continue
            purged_bytes += self.remote.packs.get(key, 0)
            if not self.dry_run and self._is_still_trash(key):
                self.remote.backend.delete(pack_object(*key))
                self.remote.listing.packs.pop(key, None)
                for mark in _PURGED:
                    if key in self.remote.listing.marks[mark]:
                        self.remote.backend.delete(mark_object(mark, key))
                        del self.remote.listing.marks[mark][key]
        return purged_bytes

    def _is_still_trash(self, key: PackKey) -> bool:
        try:
            self.remote.backend.stat(mark_object("trash", key))
        except NotFoundError:  # somebody has missed what it holds
            return False
        return True

    def _plan(
        self, pack: PackEntry, table: Sequence[RecordInfo], *, damaged: bool = False
    ) -> _Plan:
        """Decide about a pack; of a damaged one nothing is needed that stands elsewhere as well."""
        plan = _Plan(PackPlan(pack), table)
        key, shown = plan.key, plan.shown
        is_marked = key in self.remote.listing.marks["unneeded"]
        unneeded = frozenset(
            info
            for info in table
            if info.id not in self.needed
            or (damaged and self.remote.find(info.kind, info.id) is not None)
        )
        total_bytes = sum(map(_size_of, table))
        shown.waiting_bytes = sum(map(_size_of, unneeded))
        shown.needed_bytes = total_bytes - shown.waiting_bytes
        why = self._why_kept(plan, len(table) - len(unneeded), total_bytes, damaged=damaged)
        if why:
            shown.why, plan.unmark = why, is_marked
            return plan
        waited = self._waited(key, table) if is_marked else frozenset()
        over = self._is_over(key)
        gone = unneeded & waited if is_marked and over else frozenset()
        if not self.waits.grace_seconds:
            gone = unneeded
        gone_bytes = sum(map(_size_of, gone))
        if len(gone) == len(table):
            shown.fate, shown.why = "trashed", "nothing needs any of it"
        elif 2 * gone_bytes > total_bytes:
            shown.fate, shown.why = "rewritten", "most of it is not needed"
        else:
            shown.why = "much of it was needed until lately"
            if not is_marked or over:
                ids = b"".join(sorted({info.id for info in unneeded}))
                plan.mark = b"" if len(unneeded) == len(table) else ids
            return plan
        plan.gone = gone
        shown.gone_bytes = gone_bytes
        shown.waiting_bytes -= gone_bytes
        return plan

    def _why_kept(
        self, plan: _Plan, needed_count: int, total_bytes: int, *, damaged: bool
    ) -> str | None:
        """Say why a pack stays as it is; None where it, or most of it, is garbage."""
        if plan.key in self.claimed:
            return "a clone relies on it"
        if damaged:
            return "it is damaged, and something in it is needed" if needed_count else None
        if plan.shown.pack.plain and plan.shown.pack.hash in self.needed:
            return "it is a file that is needed"
        if 2 * plan.shown.waiting_bytes > total_bytes:
            return None
        return "most of it is needed" if plan.shown.waiting_bytes else "all of it is needed"

    def _is_over(self, key: PackKey) -> bool:
        """Return whether a pack has waited for long enough since it was marked."""
        at = self.remote.listing.marks["unneeded"].get(key)
        return at is not None and self.now - at >= timedelta(seconds=self.waits.grace_seconds)

    def _waited(self, key: PackKey, table: Iterable[RecordInfo]) -> frozenset[RecordInfo]:
        """Return the records of a pack that its mark says were not needed."""
        name = mark_object("unneeded", key)
        try:
            ids = self.remote.backend.read(name, limit_bytes=_MARK_LIMIT_BYTES)
        except NotFoundError:  # somebody relies on it
            return frozenset()
        if not ids:
            return frozenset(table)
        marked = {ids[start : start + HASH_BYTES] for start in range(0, len(ids), HASH_BYTES)}
        return frozenset(info for info in table if info.id in marked)

    def _carry_out(self, plans: Sequence[_Plan]) -> None:
        backend = self.remote.backend
        for name in self.remote.wrong_marks:
            backend.delete(name)
        _each(
            lambda plan: backend.put(mark_object("unneeded", plan.key), plan.mark or b""),
            [plan for plan in plans if plan.mark is not None],
        )
        self.remote.unmark([plan.key for plan in plans if plan.unmark])
        rewritten = [plan for plan in plans if plan.shown.fate == "rewritten"]
        made = self._rewrite(rewritten) if rewritten else {}
        going = [
            plan for plan in plans if plan.shown.fate != "kept" and plan.shown.pack not in made
        ]
        _each(self._trash, going)
        merge_index(self.remote)

    def _rewrite(self, plans: Sequence[_Plan]) -> Mapping[PackEntry, Sequence[RecordInfo]]:
        """Copy what is kept of packs into new ones; a pack that is damaged stays.

        Raises:
            UnavailableError: a new pack does not come back as it was put.
        """
        items = [
            (info.id, place_of(plan.shown.pack, info))
            for plan in plans
            for info in plan.table
            if info not in plan.gone
        ]
        total = sum(place.stored_bytes for _, place in items)
        tables: dict[PackEntry, Sequence[RecordInfo]] = {}
        got: set[Located] = set()
        with (
            self.handles.progress.task("Packing", total) as task,
            self.handles.progress.task("Pushing", None) as pushing,
            open_store_staging(self.handles.store) as staging,
        ):
            for sealed in pack_up(self.remote, staging, self._read(items, got, task)):
                put_pack(self.remote, sealed.pack, sealed.staged.path, pushing)
                sealed.staged.discard()
                tables[sealed.pack] = sealed.table
        name_packs(self.remote, tables)
        if find_broken(self.remote, tables):
            raise UnavailableError(
                f"Nothing was collected: {self.remote.place} gives back other bytes than it took.",
                code="remote-not-kept",
                hints=("jupyter mlops remote test",),
            )
        for plan in plans:
            places = [
                (i.id, place_of(plan.shown.pack, i)) for i in plan.table if i not in plan.gone
            ]
            if not got.issuperset(places):
                plan.shown.fate, plan.shown.why = "kept", "it is damaged"
        return tables

    def _read(self, items: Iterable[Located], got: set[Located], task: Task) -> Iterator[Record]:
        for item, record in iter_located(self.remote, items, task):
            got.add(item)
            yield record

    def _trash(self, plan: _Plan) -> None:
        encoded = encode_index([plan.shown.pack], ((0, info) for info in plan.table))
        self.remote.backend.put_new(mark_object("trash", plan.key), encoded)
        self.remote.backend.delete(mark_object("unneeded", plan.key))


def follow_roots(handles: Handles, remote: Remote, roots: Roots) -> tuple[ContentWalk, set[Hash]]:
    """Follow all that names content; return the walk, and the names of all records needed.

    Raises:
        IntegrityError: Git lacks what its references name (code ``needs-unknown``).
        UnavailableError: the remote failed.
    """
    walk = ContentWalk(handles.store, remote)
    encoded = list(roots.files)
    notebooks: set[Hash] = set()
    with open_blob_reader(handles.git) as reader:
        try:
            encoded += reader.read_many(roots.pointers)
            notebooks.update(map(hash_bytes, reader.read_many(roots.notebooks)))
        except NotFoundError as error:
            raise needs_unknown("Git lacks objects that its references name") from error
    for one in dict.fromkeys(encoded):
        try:
            walk.add(pointer_entries(decode_pointer(one, origin="a pointer file")).values())
        except IntegrityError:  # no valid pointer, yet somebody may make one of it
            for id in find_hashes(one):
                walk.add_hash(id)
    walk.follow()
    return walk, walk.names() | notebooks


def _each(work: Callable[[_Plan], None], plans: Sequence[_Plan]) -> None:
    with ThreadPoolExecutor(TRANSFERS) as pool:
        for _ in pool.map(work, plans):
            pass


def _size_of(info: RecordInfo) -> int:
    return info.stored_bytes + RECORD_HEADER_BYTES
