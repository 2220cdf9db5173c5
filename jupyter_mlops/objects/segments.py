"""New index segments, and the merging that keeps them few."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from jupyter_mlops.formats.index import IndexView, PackEntry, encode_index
from jupyter_mlops.formats.pack import RecordInfo
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.packs import list_packs
from jupyter_mlops.objects.store import Store, remove_segments, write_segment

_MANY_SEGMENTS = 8
_MERGE_ROWS = 200_000


def publish_rows(store: Store, packs: Sequence[tuple[PackEntry, Sequence[RecordInfo]]]) -> int:
    """Publish a segment for new packs, durably; return by how many bytes the index grew.

    When segments have become many, small ones are merged into the new one and removed after it is
    durable.

    Raises:
        UnavailableError: the store cannot be written.
    """
    store.reload()
    existing = store.open_segments()
    if len(existing) >= _MANY_SEGMENTS and store.distrust_index():
        store.adopt_rebuilt()
        existing = store.segments()
    new_rows = sum(len(table) for _, table in packs)
    merged = _choose(existing, new_rows)
    tables: dict[PackEntry, list[RecordInfo]] = {}
    for pack, table in packs:
        tables.setdefault(pack, []).extend(table)
    for name in merged:
        view = existing[name]
        found = {(pack.hash, pack.plain): tables.setdefault(pack, []) for pack in view.packs}
        _add_rows(view, found)
    encoded = _encode({pack: dict.fromkeys(table) for pack, table in tables.items()})
    name = write_segment(store, encoded)
    replaced = [old for old in merged if old != name]
    freed = sum(_size(store, old) for old in replaced)
    remove_segments(store, replaced)
    store.reload()
    return len(encoded) - freed


def forget_packs(store: Store, packs: Collection[PackEntry]) -> None:
    """Take all that the index says of ``packs`` out of it, durably.

    Raises:
        UnavailableError: the store cannot be written.
    """
    gone = {(pack.hash, pack.plain) for pack in packs}
    for name, view in store.segments().items():
        if gone.isdisjoint((pack.hash, pack.plain) for pack in view.packs):
            continue
        tables: dict[PackEntry, list[RecordInfo]] = {
            pack: [] for pack in view.packs if (pack.hash, pack.plain) not in gone
        }
        _add_rows(view, {(pack.hash, pack.plain): table for pack, table in tables.items()})
        if tables:
            write_segment(store, _encode(tables))
        remove_segments(store, [name])
    store.reload()


def merge_segments(store: Store, without: Collection[PackEntry]) -> None:
    """Make one segment of all, without these packs and without those that are gone, durably.

    Raises:
        UnavailableError: the store cannot be written.
    """
    store.adopt_rebuilt()
    old = list(store.segments())
    left_out = {(pack.hash, pack.plain) for pack in without}
    known = {(pack.hash, pack.plain) for view in store.views() for pack in view.packs}
    kept = known - left_out
    there = {pack for folder in store.pack_folders for pack in list_packs(folder)}
    packs = [pack for pack in sorted(there) if (pack.hash, pack.plain) in kept]
    if len(old) == 1 and len(packs) == len(known):
        return
    numbers = {pack: number for number, pack in enumerate(packs)}
    rows = ((numbers[pack], info) for pack, info in iter_rows(store, packs))
    name = write_segment(store, encode_index(packs, rows)) if packs else ""
    remove_segments(store, [one for one in old if one != name])
    store.reload()


def iter_rows(store: Store, packs: Iterable[PackEntry]) -> Iterator[tuple[PackEntry, RecordInfo]]:
    """Yield what the index says that each of ``packs`` holds, each record of a pack once."""
    left = {(pack.hash, pack.plain): pack for pack in packs}
    for view in store.views():
        keys = [(pack.hash, pack.plain) for pack in view.packs]
        here = {number: left.pop(key) for number, key in enumerate(keys) if key in left}
        for number, info in view.iter_infos() if here else ():
            pack = here.get(number)
            if pack is not None:
                yield pack, info


def _encode(tables: Mapping[PackEntry, Iterable[RecordInfo]]) -> bytes:
    rows = ((number, info) for number, table in enumerate(tables.values()) for info in table)
    return encode_index(list(tables), rows)


def _add_rows(view: IndexView, tables: Mapping[tuple[Hash, bool], list[RecordInfo]]) -> None:
    """Add the rows of ``view`` to the tables of the packs that they are of."""
    for id, place in view:
        table = tables.get((place.pack, place.plain))
        if table is not None:
            table.append(place.info(id))


def _choose(existing: dict[str, IndexView], new_rows: int) -> list[str]:
    """Return the segments to merge: none while there are few, else small ones."""
    if len(existing) < _MANY_SEGMENTS:
        return []
    chosen = []
    total = new_rows
    for name in sorted(existing, key=lambda name: (len(existing[name]), name)):
        total += len(existing[name])
        if total > _MERGE_ROWS:
            break
        chosen.append(name)
    return chosen


def _size(store: Store, name: str) -> int:
    try:
        return os.stat(store.index_folder / name).st_size
    except FileNotFoundError:  # another writer merged it too
        return 0
