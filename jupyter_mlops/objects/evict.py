"""Content that other stores hold as well: dropped here at once, and taken back from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from jupyter_mlops.errors import IntegrityError, MlopsError
from jupyter_mlops.formats.index import Place
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.collect import (
    CollectionPlan,
    Needs,
    carry_out,
    place_of,
    plan_collection,
    read_record,
)
from jupyter_mlops.objects.packs import PackFile, list_packs
from jupyter_mlops.objects.records import read_place
from jupyter_mlops.objects.segments import iter_rows
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.trash import list_trash, purge
from jupyter_mlops.objects.writer import Writer, open_writer
from jupyter_mlops.progress import Task

IsHeld = Callable[[Place, Hash], bool]
"""Returns whether another place is verified to hold a record that stands at a place here."""

_NAMED_BY_OWN_BYTES = frozenset({RecordKind.CHUNK, RecordKind.TREE})


@dataclass(frozen=True, slots=True)
class EvictionPlan:
    """What can go because other stores are verified to hold it.

    ``held`` are the names of those records, ``lacking_bytes`` the bytes on disk of all others.
    """

    collection: CollectionPlan
    needs: Needs
    held: frozenset[Hash]
    lacking_bytes: int

    @property
    def freed_bytes(self) -> int:
        """The bytes on disk that this frees."""
        gone = [one for one in self.collection.packs if one.fate != "kept"]
        return sum(one.pack.size_bytes - one.needed_bytes for one in gone)


def plan_eviction(
    own: Store, is_held: IsHeld, now_seconds: int, task: Task | None = None
) -> EvictionPlan:
    """Find what is held elsewhere of a store that has no alternates.

    Args:
        own: the store.
        is_held: asked of each record.
        now_seconds: the time, in seconds since 1970.
        task: is told the bytes of the records that were looked at.
    """
    lacking: set[Hash] = set()
    held: set[Hash] = set()
    lacking_bytes = 0
    own.index_new_packs()
    for pack, info in iter_rows(own, list(list_packs(own.folder))):
        if is_held(place_of(pack, info), info.id):
            held.add(info.id)
        else:
            lacking.add(info.id)
            lacking_bytes += info.stored_bytes
        if task is not None:
            task.advance(info.stored_bytes)
    held -= lacking
    needs = Needs(lambda id: None if id in held else 0, (), {}, now_seconds, grace_seconds=0)
    return EvictionPlan(plan_collection(own, needs), needs, frozenset(held), lacking_bytes)


def evict(own: Store, plan: EvictionPlan) -> None:
    """Delete what was planned; what is kept of packs that go is written into new ones first.

    Raises:
        IntegrityError: a record that is kept is damaged; nothing was deleted.
        UnavailableError: the disk did not take it.
    """
    name = carry_out(own, plan.collection, plan.needs, ())
    for run in list_trash(own):
        if run.name == name:
            purge(own, run)


def take_back(own: Store, others: Sequence[Store], wanted: Iterable[Hash]) -> None:
    """Copy what a store lacks of the ``wanted`` records from others, durably.

    What no store has whole is passed over.

    Raises:
        UnavailableError: the disk is full or cannot be written.
    """
    with open_writer(own) as writer:
        for id in wanted:
            for kind in RecordKind:
                if own.find(kind, id) is None:
                    _copy(writer, others, kind, id)
        writer.finish()


def _copy(writer: Writer, others: Sequence[Store], kind: RecordKind, id: Hash) -> None:
    for other, place in _places(others, kind, id):
        with (
            suppress(IntegrityError, FileNotFoundError),
            PackFile(other.pack_path(place)) as file,
        ):
            writer.add_record(read_record(file, place, id))
            return


def holds_elsewhere(own: Store, others: Sequence[Store], place: Place, id: Hash) -> bool:
    """Return whether another store gives the same bytes as ``place`` does; reads them there."""
    for other, there in _places(others, place.kind, id):
        try:
            content = read_place(other, there, id)
            if place.kind in _NAMED_BY_OWN_BYTES or content == read_place(own, place, id):
                return True
        except (MlopsError, FileNotFoundError):
            continue
    return False


def _places(others: Sequence[Store], kind: RecordKind, id: Hash) -> list[tuple[Store, Place]]:
    return [(other, place) for other in others for place in other.places(kind, id)]
