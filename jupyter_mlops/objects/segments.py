"""New index segments, and the merging that keeps them few."""

from __future__ import annotations

import os
from collections.abc import Sequence

from jupyter_mlops.formats.index import IndexView, PackEntry, encode_index
from jupyter_mlops.formats.pack import RecordInfo
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
    if len(store.segments()) >= _MANY_SEGMENTS and store.distrust_index():
        store.adopt_rebuilt()
    existing = store.segments()
    new_rows = sum(len(table) for _, table in packs)
    merged = _choose(existing, new_rows)
    tables: dict[PackEntry, dict[RecordInfo, None]] = {}
    for pack, table in packs:
        tables.setdefault(pack, {}).update(dict.fromkeys(table))
    for name in merged:
        view = existing[name]
        entries = {(entry.hash, entry.plain): entry for entry in view.packs}
        for entry in view.packs:
            tables.setdefault(entry, {})
        for id, place in view:
            info = RecordInfo(
                place.kind, id, place.codec, place.offset, place.stored_bytes, place.plain_bytes
            )
            tables[entries[place.pack, place.plain]][info] = None
    rows = ((number, info) for number, table in enumerate(tables.values()) for info in table)
    encoded = encode_index(list(tables), rows)
    name = write_segment(store, encoded)
    replaced = [old for old in merged if old != name]
    freed = sum(_size(store, old) for old in replaced)
    remove_segments(store, replaced)
    return len(encoded) - freed


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
