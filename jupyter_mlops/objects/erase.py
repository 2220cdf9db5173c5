"""Destroying records: packs are written anew without them, and the old ones are deleted at once.

What is kept of a pack is durable in another one before the pack goes to the trash, and that is
emptied only when nobody is under way any more who may have found something there. Killed at any
moment, all of it can be done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jupyter_mlops.errors import IntegrityError, MlopsError, UnavailableError
from jupyter_mlops.files.durable import iter_names, remove
from jupyter_mlops.formats.index import PackEntry, Place
from jupyter_mlops.formats.pack import RECORD_HEADER_BYTES, RecordInfo, RecordKind
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.collect import (
    CollectionPlan,
    Needs,
    PackPlan,
    carry_out,
    place_of,
    read_record,
)
from jupyter_mlops.objects.erased import Erased
from jupyter_mlops.objects.packs import PackFile, list_packs, pack_path, read_pack_table
from jupyter_mlops.objects.repair import QUARANTINE
from jupyter_mlops.objects.running import list_others
from jupyter_mlops.objects.segments import iter_rows, merge_segments
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.trash import list_trash, purge
from jupyter_mlops.objects.writer import open_writer
from jupyter_mlops.progress import Task

_WAIT_SECONDS = 5.0
_PAUSE_SECONDS = 0.1
_BY_NAME = (RecordKind.FILE, RecordKind.OUTPUTS)
_ERASABLE = (RecordKind.CHUNK, *_BY_NAME)

FindNeeded = Callable[[], Container[Hash]]
"""Returns the names of all records that something needs which was not erased."""

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Marks:
    """What is to be destroyed: ``ids`` always, and of ``pieces`` what nothing else needs."""

    ids: frozenset[Hash]
    pieces: frozenset[Hash]

    @classmethod
    def of(cls, erased: Erased) -> Marks:
        """Return what erasures mark."""
        return cls(erased.ids, erased.pieces)

    def __contains__(self, id: object) -> bool:
        return id in self.ids or id in self.pieces

    def dooms(self, kind: RecordKind, id: Hash, needed: Container[Hash]) -> bool:
        """Return whether a record goes; a chunk that something else needs as well stays."""
        if kind in _BY_NAME:
            return id in self.ids
        return kind is RecordKind.CHUNK and id in self and id not in needed

    def find_places(self, store: Store) -> dict[tuple[RecordKind, Hash], list[Place]]:
        """Return where a store, its alternates included, has records of these names."""
        found = {}
        for id in self.ids | self.pieces:
            for kind in _ERASABLE if id in self.ids else (RecordKind.CHUNK,):
                places = store.places(kind, id)
                if places:
                    found[kind, id] = places
        return found


@dataclass(slots=True)
class Swept:
    """What was destroyed in a store; bytes are those on disk.

    Attributes:
        packs: packs that were written anew or deleted, those of the quarantine included.
        destroyed_bytes: of records that are gone.
        shared: chunks of erased files that something else needs too and that stay, with their
            length.
    """

    packs: int = 0
    destroyed_bytes: int = 0
    shared: dict[Hash, int] = field(default_factory=dict)


def sweep(
    store: Store,
    marks: Marks,
    find_needed: FindNeeded,
    now_seconds: int,
    *,
    task: Task | None = None,
    sleep: Sleep = time.sleep,
) -> Swept:
    """Destroy what is marked, in packs, trash and quarantine of a store's own folder.

    On return no file there has it, and whatever else those packs held is kept. The caller lets no
    other collection work meanwhile, and has made durable that nothing marked is kept any more.

    Args:
        store: the store; not a shared one.
        marks: what goes.
        find_needed: is asked when something marked is there, and again after a wait.
        now_seconds: the time, in seconds since 1970.
        task: is told the bytes of records that are written anew.
        sleep: how commands under way are waited for.

    Raises:
        IntegrityError: what is kept of a pack is damaged, or it cannot be told what is needed;
            nothing was destroyed.
        UnavailableError: the disk did not take it, or a command is under way that may need some of
            it (code ``commands-under-way``); what is marked is in the trash then.
    """
    own = Store(store.folder)
    own.index_new_packs()
    own.adopt_rebuilt()
    _require_readable(own)
    swept = Swept()
    affected = _affected(own, marks)
    if affected or any(_affected(run.store, marks) for run in list_trash(own)):
        under_way = list_others(store)
        _sweep_packs(own, marks, find_needed(), affected, now_seconds, under_way, swept, task)
        # whoever found something before it moved is under way still, or has named it by now
        _wait_for(store, list_others(store), sleep)
        needed = find_needed()
        for run in list_trash(own):
            _sweep_trash(own, run.store, marks, needed)
            if not any(list_packs(run.store.folder)):
                purge(own, run)
    swept.packs += _sweep_quarantine(own, marks)
    store.reload()
    return swept


def _require_readable(own: Store) -> None:
    """Let pass if it is known of every pack what is in it.

    Raises:
        IntegrityError: it is not, so that what is marked may be there.
    """
    known = {(pack.hash, pack.plain) for pack in own.iter_packs()}
    for pack in list_packs(own.folder, known):
        raise IntegrityError(
            f"It cannot be told what the damaged pack {pack.hash.hex()} holds, so that what was"
            " erased may still be in it.",
            code="pack-damaged",
            hints=("jupyter mlops repair --yes", "jupyter mlops fetch"),
        )


def _affected(store: Store, marks: Marks) -> list[PackEntry]:
    """Return the packs in the store's own folder that have something marked."""
    keys = {
        (place.pack, place.plain)
        for places in marks.find_places(store).values()
        for place in places
    }
    return [
        pack
        for pack in list_packs(store.folder)
        if (pack.hash, pack.plain) in keys or (pack.plain and pack.hash in marks.ids)
    ]


@dataclass(frozen=True, slots=True)
class _Doom(Needs):
    """Needs of which only what is marked is not there."""

    marks: Marks = field(default_factory=lambda: Marks(frozenset(), frozenset()))
    needed: Container[Hash] = ()

    def state_of(self, pack: PackEntry, info: RecordInfo) -> Literal["needed", "gone"]:
        return "gone" if self.marks.dooms(info.kind, info.id, self.needed) else "needed"


def _sweep_packs(
    own: Store,
    marks: Marks,
    needed: Container[Hash],
    affected: Collection[PackEntry],
    now_seconds: int,
    under_way: Collection[str],
    swept: Swept,
    task: Task | None,
) -> None:
    """Move packs with something doomed to the trash, once all else in them is in others."""
    doom = _Doom(lambda _: 0, (), {}, now_seconds, 0, marks, needed)
    plans = {pack: PackPlan(pack) for pack in affected}
    for pack, info in iter_rows(own, affected):
        size_bytes = info.stored_bytes + (0 if pack.plain else RECORD_HEADER_BYTES)
        if doom.state_of(pack, info) == "gone":
            plans[pack].gone_bytes += size_bytes
        else:
            plans[pack].needed_bytes += size_bytes
            if info.kind is RecordKind.CHUNK and info.id in marks:
                swept.shared[info.id] = info.plain_bytes
    for pack, plan in plans.items():
        if plan.gone_bytes or (pack.plain and pack.hash in marks.ids):
            plan.fate = "rewritten" if plan.needed_bytes else "trashed"
    going = tuple(plan for plan in plans.values() if plan.fate != "kept")
    if going:
        carry_out(own, CollectionPlan(going, {}), doom, under_way, task)
    swept.packs += len(going)
    swept.destroyed_bytes += sum(plan.gone_bytes for plan in going)


def _sweep_trash(own: Store, run: Store, marks: Marks, needed: Container[Hash]) -> None:
    """Delete the packs of a run that have something doomed; what else they hold goes back."""
    affected = _affected(run, marks)
    doomed = {pack for pack in affected if pack.plain and pack.hash in marks.ids}
    kept: list[tuple[PackEntry, RecordInfo]] = []
    for pack, info in iter_rows(run, affected):
        if marks.dooms(info.kind, info.id, needed):
            doomed.add(pack)
        else:
            kept.append((pack, info))
    if not doomed:
        return
    with open_writer(own) as writer:
        for pack, info in kept:
            if pack in doomed and own.find(info.kind, info.id) is None:
                with (
                    suppress(IntegrityError, FileNotFoundError),
                    PackFile(pack_path(run.folder, pack.hash, pack.plain)) as file,
                ):
                    writer.add_record(read_record(file, place_of(pack, info), info.id))
        writer.finish()
    merge_segments(run, list(doomed))
    _delete(pack_path(run.folder, pack.hash, pack.plain) for pack in doomed)
    run.reload()


def _sweep_quarantine(own: Store, marks: Marks) -> int:
    """Delete the damaged packs that may have something marked; return how many those were."""
    folder = own.folder / QUARANTINE
    paths = [folder / name for name in iter_names(folder)]
    going = [path for path in paths if _may_hold(path, marks)]
    _delete(going)
    return len(going)


def _may_hold(path: Path, marks: Marks) -> bool:
    plain = ".plain" in path.suffixes
    if path.name[:64] in {id.hex() for id in marks.ids}:
        return True
    try:
        return any(info.id in marks for info in read_pack_table(path, plain=plain))
    except FileNotFoundError:
        return False
    except MlopsError:  # nobody can tell what stands in it
        return bool(marks.ids)


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        remove(path, durable=True)


def _wait_for(store: Store, names: Collection[str], sleep: Sleep) -> None:
    """Let pass once none of these commands is under way any more."""
    for _ in _pauses(sleep):
        if not list_others(store) & set(names):
            return
    raise UnavailableError(
        "What was erased can neither be read nor kept any more, and still lies in the trash of the"
        " store: another command is under way that may need what stands beside it.",
        code="commands-under-way",
        hints=("Wait until it has ended, then run the same command again.",),
    )


def _pauses(sleep: Sleep) -> Iterator[None]:
    yield
    for _ in range(round(_WAIT_SECONDS / _PAUSE_SECONDS)):
        sleep(_PAUSE_SECONDS)
        yield
