"""Whether packs and index are what their names say; only looks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.index import PackEntry, Place
from jupyter_mlops.formats.pack import RecordInfo, RecordKind, decode_footer
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.packs import (
    PackFile,
    decode_place,
    list_packs,
    pack_path,
    read_pack_table,
    stored_span,
)
from jupyter_mlops.objects.records import describe_away
from jupyter_mlops.objects.store import Store
from jupyter_mlops.progress import Task

RecordKey = tuple[RecordKind, Hash]
"""What names a record."""

_READ_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class PackDamage:
    """A pack that is not what its name says.

    ``folder`` is the store's folder that has it. ``lost`` are its records that cannot be read from
    it, ``whole`` the places of those that can. ``on_disk`` is False for a pack that is gone.
    """

    pack: PackEntry
    folder: Path
    reason: str
    lost: frozenset[RecordKey]
    whole: tuple[tuple[Hash, Place], ...]
    on_disk: bool = True

    def whole_keys(self) -> frozenset[RecordKey]:
        """Return the names of the records that can be read."""
        return frozenset((place.kind, id) for id, place in self.whole)


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What a look at all packs and the index found.

    ``records`` counts what the index names. ``lost`` are the records that no pack has whole, though
    one had them; ``hidden`` those that are whole only in a pack that is not read because of its
    size or its table.
    """

    packs: int
    records: int
    damaged_packs: tuple[PackDamage, ...]
    damaged_segments: tuple[str, ...]
    lost: frozenset[RecordKey]
    hidden: frozenset[RecordKey]


def check_store(store: Store, *, read_data: bool = False, task: Task | None = None) -> StoreCheck:
    """Look at every pack and every segment of the index; nothing is written.

    Without ``read_data`` the sizes and tables of packs are compared with the index; with it every
    byte is read and has the hash that names it. Packs that no segment names are looked at as well.
    ``task`` is told the bytes of each pack.

    Raises:
        UnsupportedError: a pack has a newer format.
    """
    store.reload()
    segments = store.damaged_segments()
    if segments:
        store.distrust_index()
    indexed = {(pack.hash, pack.plain): pack for pack in store.iter_packs()}
    reasons: dict[tuple[PackEntry, Path], str] = {}
    on_disk = set()
    whole = set()
    for folder in store.pack_folders:
        for pack in list_packs(folder):
            key = (pack.hash, pack.plain)
            on_disk.add(key)
            path = pack_path(folder, *key)
            try:
                _look_at(store, path, pack, indexed.get(key), read_data=read_data, task=task)
            except FileNotFoundError:  # collected meanwhile
                on_disk.discard(key)
            except IntegrityError as error:
                reasons[indexed.get(key, pack), folder] = error.message
            else:
                whole.add(key)
    gone = {pack for key, pack in indexed.items() if key not in on_disk}
    reasons |= {(pack, store.folder): f"it is gone{describe_away(store)}" for pack in gone}
    damaged = _examine(store, reasons, gone)
    keys = {(one.pack.hash, one.pack.plain) for one in damaged} - whole
    lost = {
        key
        for one in damaged
        if (one.pack.hash, one.pack.plain) in keys
        for key in one.lost
        if not _has_other(store, key, damaged, keys)
    }
    hidden = {key for one in damaged for key in one.whole_keys() if not store.places(*key)}
    # a pack that is gone and that nothing needs is no damage: it was collected
    kept = tuple(one for one in damaged if one.on_disk or one.lost & lost)
    records = sum(len(view) for view in store.views())
    return StoreCheck(len(on_disk), records, kept, segments, frozenset(lost), frozenset(hidden))


def _look_at(
    store: Store,
    path: Path,
    pack: PackEntry,
    indexed: PackEntry | None,
    *,
    read_data: bool,
    task: Task | None,
) -> None:
    """Let a pack pass if it is whole.

    Raises:
        IntegrityError: it is not.
        FileNotFoundError: it is gone.
    """
    with PackFile(path) as file:
        if indexed is not None and file.size_bytes != indexed.size_bytes:
            raise _not_whole(f"it has {file.size_bytes:,} bytes, not {indexed.size_bytes:,}")
        if not pack.plain:
            table = decode_footer(file.read, file.size_bytes, origin=file.origin)
            if indexed is not None and not _agrees(store, pack, table):
                raise _not_whole("it does not hold what the index says")
        if read_data and _hash_of(file, task) != pack.hash:
            raise _not_whole("its bytes do not have the hash that names it")


def _not_whole(reason: str) -> IntegrityError:
    return IntegrityError(reason, code="pack-damaged")


def _hash_of(file: PackFile, task: Task | None) -> bytes:
    hasher = blake3()
    for offset in range(0, file.size_bytes, _READ_BYTES):
        part = file.read(offset, _READ_BYTES)
        hasher.update(part)
        if task is not None:
            task.advance(len(part))
    return hasher.digest()


def _agrees(store: Store, pack: PackEntry, table: Iterable[RecordInfo]) -> bool:
    """Return whether the index leads to each record of a pack's table where it stands."""
    for kind, id, codec, offset, stored_bytes, plain_bytes in table:
        place = Place(pack.hash, False, kind, codec, offset, stored_bytes, plain_bytes)
        if place not in store.places(kind, id):
            return False
    return True


def _examine(
    store: Store, reasons: Mapping[tuple[PackEntry, Path], str], gone: Collection[PackEntry]
) -> list[PackDamage]:
    """Return what of each damaged pack can still be read."""
    if not reasons:
        return []
    places: dict[tuple[Hash, bool], dict[tuple[Hash, Place], None]] = {}
    wanted = {(pack.hash, pack.plain) for pack, _ in reasons}
    for view in store.views():
        for id, place in view:
            if (place.pack, place.plain) in wanted:
                places.setdefault((place.pack, place.plain), {})[id, place] = None
    found = []
    for (pack, folder), reason in reasons.items():
        path = pack_path(folder, pack.hash, pack.plain)
        known = places.get((pack.hash, pack.plain), {})
        whole = []
        if pack not in gone:
            own = dict.fromkeys(_own_places(path, pack))
            whole = _whole_places(path, known | own)
        keys = {(place.kind, id) for id, place in whole}
        lost = frozenset((place.kind, id) for id, place in known) - keys
        found.append(PackDamage(pack, folder, reason, lost, tuple(whole), pack not in gone))
    return found


def _own_places(path: Path, pack: PackEntry) -> list[tuple[Hash, Place]]:
    """Return what a pack says of itself, as far as it can: no segment may name it, or wrongly."""
    try:
        table = read_pack_table(path, plain=pack.plain)
    except (IntegrityError, FileNotFoundError):
        return []
    return [
        (id, Place(pack.hash, pack.plain, kind, codec, offset, stored_bytes, plain_bytes))
        for kind, id, codec, offset, stored_bytes, plain_bytes in table
    ]


def _whole_places(path: Path, known: Iterable[tuple[Hash, Place]]) -> list[tuple[Hash, Place]]:
    whole = []
    with PackFile(path) as file:
        for id, place in sorted(known, key=lambda item: item[1].offset):
            try:
                read_place(file, place, id)
            except (IntegrityError, UnsupportedError):
                continue
            whole.append((id, place))
    return whole


def read_place(file: PackFile, place: Place, id: Hash) -> bytes:
    """Return the plain bytes of one record of an open pack, verified; raises IntegrityError."""
    offset, length = stored_span(place)
    return decode_place(file.read(offset, length), offset, place, id, file.origin)


def _has_other(
    store: Store,
    key: RecordKey,
    damaged: Iterable[PackDamage],
    damaged_packs: Collection[tuple[Hash, bool]],
) -> bool:
    """Return whether a record that one pack lost is whole elsewhere.

    Of outputs, records of one name differ, so that another one does not stand for it.
    """
    if key[0] is RecordKind.OUTPUTS:
        return False
    if any((place.pack, place.plain) not in damaged_packs for place in store.places(*key)):
        return True
    return any(key in one.whole_keys() for one in damaged)
