"""Garbage collection: what nothing needs leaves the packs, and what is kept moves together.

A record that nothing needs waits, first in its pack, then in the trash. Nothing here deletes; see
:mod:`jupyter_mlops.objects.trash` for what does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.formats.index import PackEntry, Place
from jupyter_mlops.formats.pack import RECORD_HEADER_BYTES, RecordInfo, RecordKind
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.compress import compress
from jupyter_mlops.objects.packing import PACK_BYTES, Record, make_record
from jupyter_mlops.objects.packs import PackFile, decode_place, list_packs, pack_path, stored_span
from jupyter_mlops.objects.segments import iter_rows, merge_segments
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.trash import move_to_trash
from jupyter_mlops.objects.writer import open_writer
from jupyter_mlops.progress import Task

_WORTH = 0.2
_SMALL_BYTES = PACK_BYTES // 2
_MANY_SMALL = 8
_OPEN_PACKS = 64
_LAST = 1 << 62

Fate = Literal["kept", "trashed", "rewritten"]
"""What becomes of a pack; ``rewritten``: what is kept of it moves to a new one."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Which records are needed, and since when others are not; times in seconds since 1970.

    Attributes:
        order: where a name stands among those that are read together; None: nothing needs it.
        replaced: outputs that newer ones of the same name replace.
        since: what was not needed at an earlier collection.
        now_seconds: the time.
        grace_seconds: how long a record counts as needed after it is not any more.
    """

    order: Callable[[Hash], int | None]
    replaced: Collection[Place]
    since: Mapping[Hash, int]
    now_seconds: int
    grace_seconds: int

    def first_seconds(self, id: Hash) -> int | None:
        """Return since when nothing needs the name, None where something does."""
        return None if self.order(id) is not None else self.since.get(id, self.now_seconds)

    def state_of(self, pack: PackEntry, info: RecordInfo) -> Literal["needed", "waiting", "gone"]:
        """Return what a record that stands in ``pack`` is; one that waits stays for the while."""
        first = self.first_seconds(info.id)
        if first is not None:
            return "waiting" if self.now_seconds - first < self.grace_seconds else "gone"
        if info.kind is RecordKind.OUTPUTS and place_of(pack, info) in self.replaced:
            return "gone"
        return "needed"


@dataclass(slots=True)
class PackPlan:
    """What is to become of a pack, and why; bytes are those of its records on disk."""

    pack: PackEntry
    fate: Fate = "kept"
    why: str = ""
    needed_bytes: int = 0
    waiting_bytes: int = 0
    gone_bytes: int = 0


@dataclass(frozen=True, slots=True)
class CollectionPlan:
    """What a garbage collection would do; ``since`` is what the next one is to be told."""

    packs: tuple[PackPlan, ...]
    since: Mapping[Hash, int]

    def having(self, *fates: Fate) -> list[PackEntry]:
        """Return the packs of these fates."""
        return [one.pack for one in self.packs if one.fate in fates]

    @property
    def unneeded_bytes(self) -> int:
        """The bytes on disk of records that are not needed and stay for the while."""
        return sum(
            one.waiting_bytes + (one.gone_bytes if one.fate == "kept" else 0) for one in self.packs
        )


def place_of(pack: PackEntry, info: RecordInfo) -> Place:
    """Return where a record is that stands in ``pack``."""
    kind, _, codec, offset, stored_bytes, plain_bytes = info
    return Place(pack.hash, pack.plain, kind, codec, offset, stored_bytes, plain_bytes)


def plan_collection(store: Store, needs: Needs) -> CollectionPlan:
    """Decide what becomes of each pack that the index knows; only looks.

    A pack of which nothing is kept goes; one of which much is not, and small ones when they have
    become many, are written anew.
    """
    store.index_new_packs()
    known = {pack for view in store.views() for pack in view.packs}
    plans = {pack: PackPlan(pack) for pack in list_packs(store.folder) if pack in known}
    since: dict[Hash, int] = {}
    for pack, info in iter_rows(store, plans):
        plan, state = plans[pack], needs.state_of(pack, info)
        size_bytes = info.stored_bytes + (0 if pack.plain else RECORD_HEADER_BYTES)
        first = needs.first_seconds(info.id)
        if first is not None:
            since[info.id] = first
        if state == "needed":
            plan.needed_bytes += size_bytes
        elif state == "waiting":
            plan.waiting_bytes += size_bytes
        else:
            plan.gone_bytes += size_bytes
    small = [pack for pack in plans if not pack.plain and pack.size_bytes < _SMALL_BYTES]
    merged = frozenset(small if len(small) >= _MANY_SMALL else ())
    for pack, plan in plans.items():
        is_file = pack.plain and needs.order(pack.hash) is not None
        plan.fate, plan.why = _decide(plan, is_file=is_file, is_merged=pack in merged)
    return CollectionPlan(tuple(plans.values()), since)


def carry_out(
    store: Store,
    plan: CollectionPlan,
    needs: Needs,
    under_way: Collection[str],
    task: Task | None = None,
) -> str | None:
    """Do what was planned, durably; return the name of the run in the trash, if there is one.

    What is kept of packs that go is written into new ones first, in the order in which it is read.
    Whoever writes or reads meanwhile goes on; killed at any moment, it can be done again.

    Args:
        store: the store.
        plan: what to do.
        needs: what the plan was made by.
        under_way: the commands that are under way.
        task: is told the bytes of records that are written anew.

    Raises:
        IntegrityError: a record that is kept is damaged; all packs stay.
        UnavailableError: the disk did not take it.
    """
    store.adopt_rebuilt()
    rewritten = plan.having("rewritten")
    # after a kill, what is written may be byte for byte a pack that is there already
    made = _rewrite(store, rewritten, needs, task) if rewritten else []
    going = [pack for pack in plan.having("trashed", "rewritten") if pack not in made]
    tables: dict[PackEntry, list[RecordInfo]] = {pack: [] for pack in going}
    for pack, info in iter_rows(store, going):
        tables[pack].append(info)
    merge_segments(store, going)
    if not going:
        return None
    return move_to_trash(store, list(tables.items()), needs.now_seconds, under_way)


def _decide(plan: PackPlan, *, is_file: bool, is_merged: bool) -> tuple[Fate, str]:
    kept_bytes = plan.needed_bytes + plan.waiting_bytes
    if not kept_bytes:
        return "trashed", "nothing needs any of it"
    if plan.pack.plain:
        if is_file or kept_bytes > plan.gone_bytes:
            return "kept", "it is a file that is needed" if is_file else "most of it is needed"
        return "rewritten", "most of it is not needed"
    if plan.gone_bytes > plan.pack.size_bytes * _WORTH:
        return "rewritten", "much of it is not needed"
    if is_merged:
        return "rewritten", "small packs have become many"
    if plan.waiting_bytes:
        return "kept", "some of it was needed until lately"
    return "kept", "little of it is not needed" if plan.gone_bytes else "all of it is needed"


def _rewrite(
    store: Store, packs: Sequence[PackEntry], needs: Needs, task: Task | None
) -> list[PackEntry]:
    """Write what is kept of ``packs`` into new ones, durably, and return those; ``packs`` stay."""
    kept = [row for row in iter_rows(store, packs) if needs.state_of(*row) != "gone"]
    kept.sort(key=lambda row: (_rank(needs, row[1].id), row[0], row[1].offset))
    own = Store(store.folder)  # what an alternate has is not its to lose
    own.distrust_packs(packs)
    with open_writer(own) as writer, _open_packs(own) as open_pack:
        for pack, info in kept:
            writer.add_record(read_record(open_pack(pack), place_of(pack, info), info.id))
            if task is not None:
                task.advance(info.stored_bytes)
        writer.finish()
        made = writer.published
    store.reload()
    return made


def _rank(needs: Needs, id: Hash) -> int:
    rank = needs.order(id)
    return _LAST if rank is None else rank


@contextmanager
def _open_packs(store: Store) -> Iterator[Callable[[PackEntry], PackFile]]:
    """Yield what opens packs, and keeps those open that were used last."""
    files: OrderedDict[PackEntry, PackFile] = OrderedDict()

    def open_pack(pack: PackEntry) -> PackFile:
        file = files.pop(pack, None) or PackFile(pack_path(store.folder, pack.hash, pack.plain))
        files[pack] = file
        if len(files) > _OPEN_PACKS:
            files.popitem(last=False)[1].__exit__()
        return file

    try:
        yield open_pack
    finally:
        for file in files.values():
            file.__exit__()


def read_record(file: PackFile, place: Place, id: Hash) -> Record:
    """Return a record as it stands in its pack, verified; a piece of a plain pack compressed."""
    offset, length = stored_span(place)
    return take_record(file.read(offset, length), place, id, file.origin)


def take_record(stored: bytes, place: Place, id: Hash, origin: str) -> Record:
    """Return the record that ``stored`` is, verified; a piece of a plain pack compressed.

    Raises:
        IntegrityError: the bytes are not that record.
    """
    content = decode_place(stored, place.offset, place, id, origin)
    if place.plain:
        codec, payload = compress(content)
        return make_record(place.kind, id, codec, len(content), payload)
    header, payload = stored[:RECORD_HEADER_BYTES], memoryview(stored)[RECORD_HEADER_BYTES:]
    return Record(place.kind, id, place.codec, place.plain_bytes, header, payload)
