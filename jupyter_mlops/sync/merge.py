"""The index of a remote as one segment."""

from __future__ import annotations

from collections.abc import Collection

from jupyter_mlops.formats.index import PackEntry, encode_index
from jupyter_mlops.formats.pack import RecordInfo
from jupyter_mlops.sync.listing import PackKey, segment_object
from jupyter_mlops.sync.remote import Remote

_MANY_SEGMENTS = 8


def merge_index(remote: Remote, *, drop_damaged: bool = False) -> bool:
    """Make one segment of all, where something is to be gained by it; return whether it was made.

    It says nothing of packs in the trash, and names those that no segment did. What is said of
    packs that are not listed stays. The segments that it replaces are deleted after it was put.

    Args:
        remote: the remote; it is looked at anew.
        drop_damaged: delete segments too that are not what their names say.

    Raises:
        UnavailableError: the remote failed.
    """
    remote.reload()
    tables: dict[PackKey, tuple[PackEntry, Collection[RecordInfo]]] = {
        (pack.hash, pack.plain): (pack, dict.fromkeys(table))
        for pack, table in remote.iter_tables()
    }
    trash = remote.listing.marks["trash"]
    segments = dict(remote.iter_segments())
    named: set[PackKey] = set()
    for view in segments.values():
        others: dict[PackKey, dict[RecordInfo, None]] = {}
        for pack in view.packs:
            key = (pack.hash, pack.plain)
            named.add(key)
            if key not in tables and key not in trash:
                others[key] = {}
                tables[key] = (pack, others[key])
        for id, place in view if others else ():
            table = others.get((place.pack, place.plain))
            if table is not None:
                table[place.info(id)] = None
    replaced = [*segments, *(remote.damaged_segments() if drop_damaged else ())]
    if named == tables.keys() and len(segments) == len(replaced) < _MANY_SEGMENTS:
        return False
    numbered = [pack for pack, _ in tables.values()]
    encoded = encode_index(
        numbered,
        ((number, info) for number, (_, table) in enumerate(tables.values()) for info in table),
    )
    name = segment_object(encoded)
    if numbered:
        remote.put_segment(encoded)
    for old in replaced:
        if old != name or not numbered:
            remote.delete_segment(old)
    return True
