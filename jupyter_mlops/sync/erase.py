"""Destroying what was erased in the packs of a remote.

An object cannot be moved out of the way of those who read it. So the packs without it are put and
named first, and whoever then misses an old one finds all else it held by looking again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from jupyter_mlops.errors import IntegrityError, MlopsError, NotFoundError, UnavailableError
from jupyter_mlops.files.durable import Staging
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.index import IndexView, PackEntry, Place, encode_index
from jupyter_mlops.formats.manifest import decode_file_manifest, decode_tree
from jupyter_mlops.formats.pack import RecordInfo, RecordKind, decode_footer, scan_records
from jupyter_mlops.ids import Hash, format_hash
from jupyter_mlops.objects.collect import place_of
from jupyter_mlops.objects.erase import Marks
from jupyter_mlops.objects.packing import Record
from jupyter_mlops.objects.records import Located
from jupyter_mlops.objects.store import Store
from jupyter_mlops.progress import Task
from jupyter_mlops.sync.claims import add_heirs
from jupyter_mlops.sync.listing import PackKey, pack_object, segment_object
from jupyter_mlops.sync.put import pack_up, put_pack
from jupyter_mlops.sync.records import iter_located
from jupyter_mlops.sync.remote import Remote
from jupyter_mlops.sync.source import Source

_MANIFESTS = 256

Table = Sequence[RecordInfo]


@dataclass(slots=True)
class SweptRemote:
    """What was destroyed on a remote; bytes are those of records.

    Attributes:
        packs: packs that were written anew or deleted.
        destroyed_bytes: of records that are gone.
        shared: chunks of erased files that other content there needs too and that stay, with their
            length.
        holders: files there that nothing here names and that need some of these.
        not_fetched: snapshots there, as Git bundles, that are not here; told by who asked.
    """

    packs: int = 0
    destroyed_bytes: int = 0
    shared: dict[Hash, int] = field(default_factory=dict)
    holders: set[Hash] = field(default_factory=set)
    not_fetched: int = 0


def find_pieces_there(store: Store, remote: Remote, ids: Iterable[Hash]) -> set[Hash]:
    """Return the chunks of files, as far as the store or a remote knows them.

    Raises:
        UnavailableError: the remote failed.
    """
    there = [id for id in ids if remote.locate(RecordKind.FILE, id) is not None]
    return {id for refs in _read_manifests(store, remote, there).values() for id in refs}


def sweep_remote(
    store: Store,
    remote: Remote,
    marks: Marks,
    needed: Collection[Hash],
    staging: Staging,
    task: Task,
) -> SweptRemote:
    """Destroy what is marked in the packs of a remote that was just looked at; durable on return.

    A chunk that other content needs stays: what something here needs, and what any file or folder
    on the remote names. Packs in the trash are cleaned as well: what stays of them is no trash any
    more until a collection says so again. Others may push and read meanwhile. Killed at any moment,
    it can be done again.

    Args:
        store: manifests that are here are not asked for.
        remote: the remote, which was told before what is erased.
        marks: what goes.
        needed: the names of all records that something here needs.
        staging: where new packs are written.
        task: is told the bytes of records that are written anew, as they come and as they go.

    Raises:
        UnavailableError: the remote failed, or lists something else than was put there.
    """
    swept = SweptRemote()
    trash = remote.trash()
    for key, view in trash.items():
        remote.adopt(key, view)
    tables, damaged = _read_tables(remote)
    marks = Marks(marks.ids, marks.pieces | find_pieces_there(store, remote, marks.ids))
    used = _find_used(store, remote, marks, tables)
    kept = {id: size for id, size in _iter_marked_chunks(marks, tables) if id in needed}
    kept |= {id: size for id, size in _iter_marked_chunks(marks, tables) if id in used}
    swept.shared = kept
    swept.holders = {used[id] for id in kept if id in used and used[id] not in needed}
    affected: dict[PackEntry, Table] = {}
    for pack, table in tables.items():
        doomed = [info for info in table if marks.dooms(info.kind, info.id, kept)]
        if doomed or pack in damaged or (pack.plain and pack.hash in marks.ids):
            affected[pack] = table
            swept.destroyed_bytes += sum(info.stored_bytes for info in doomed)
    if trash:
        remote.reload()  # where it is trash again, so that no new pack bears the name of one there
    records = _iter_kept(remote, affected, marks, kept, task)
    new: dict[PackEntry, Table] = {}
    for sealed in pack_up(remote, staging, records):
        put_pack(remote, sealed.pack, sealed.staged.path, task)
        new[sealed.pack] = sealed.table
        sealed.staged.discard()
    going = {(pack.hash, pack.plain) for pack in affected if pack not in new}
    remote.note_put(new)
    _write_index(remote, going, new, marks)
    add_heirs(remote, going, ((pack.hash, pack.plain) for pack in new))
    _delete_packs(remote, going)
    swept.packs = len(going)
    return swept


def _read_tables(remote: Remote) -> tuple[dict[PackEntry, Table], set[PackEntry]]:
    """Return what each pack that is listed holds, and those of them that are not whole.

    Of a plain pack that no index names it is not known.
    """
    tables: dict[PackEntry, Table] = dict(remote.iter_tables())
    known = {(pack.hash, pack.plain) for pack in tables}
    damaged: set[PackEntry] = set()
    for (hash, plain), size_bytes in sorted(remote.packs.items()):
        if (hash, plain) in known:
            continue
        pack = PackEntry(hash, plain, size_bytes)
        tables[pack] = []
        if plain:
            continue
        name = pack_object(hash, plain)
        try:
            content = remote.backend.read(name, limit_bytes=size_bytes)
        except (NotFoundError, IntegrityError):
            continue
        try:
            tables[pack] = decode_footer(content, origin=name)
        except MlopsError:
            damaged.add(pack)
            tables[pack] = list(_scan(content, name))
    return tables, damaged


def _scan(content: bytes, name: str) -> Iterator[RecordInfo]:
    with suppress(MlopsError):
        yield from scan_records(content, origin=name)


def _iter_marked_chunks(
    marks: Marks, tables: Mapping[PackEntry, Table]
) -> Iterator[tuple[Hash, int]]:
    for table in tables.values():
        for info in table:
            if info.kind is RecordKind.CHUNK and info.id in marks:
                yield info.id, info.plain_bytes


def _find_used(
    store: Store, remote: Remote, marks: Marks, tables: Mapping[PackEntry, Table]
) -> dict[Hash, Hash]:
    """Return the marked chunks that a file on the remote needs which was not erased, with one."""
    present = {id for id, _ in _iter_marked_chunks(marks, tables)}
    if not present:
        return {}
    used: dict[Hash, Hash] = {}
    ids: dict[RecordKind, list[Hash]] = {RecordKind.FILE: [], RecordKind.TREE: []}
    for pack, table in tables.items():
        for info in table:
            if info.kind in ids and info.id not in marks.ids:
                ids[info.kind].append(info.id)
            if pack.plain and info.id in present and pack.hash not in marks.ids:
                used[info.id] = pack.hash
    for file, refs in _read_manifests(store, remote, ids[RecordKind.FILE]).items():
        used.update((id, file) for id in refs if id in present)
    for encoded in _read_all(store, remote, RecordKind.TREE, ids[RecordKind.TREE]).values():
        with suppress(IntegrityError):
            for entry in decode_tree(encoded, origin="a folder").values():
                if entry.mode is not Mode.FOLDER and entry.hash not in marks.ids:
                    used.update({entry.hash: entry.hash} if entry.hash in present else {})
    return used


def _read_manifests(
    store: Store, remote: Remote, ids: Sequence[Hash]
) -> dict[Hash, tuple[Hash, ...]]:
    """Return the chunks of files whose manifest can be read here or there."""
    found: dict[Hash, tuple[Hash, ...]] = {}
    for id, encoded in _read_all(store, remote, RecordKind.FILE, ids).items():
        with suppress(IntegrityError):
            chunks = decode_file_manifest(encoded, origin=format_hash(id)).chunks
            found[id] = tuple(ref.hash for ref in chunks)
    return found


def _read_all(
    store: Store, remote: Remote, kind: RecordKind, ids: Sequence[Hash]
) -> dict[Hash, bytes]:
    """Return those of some records that are whole here or there."""
    source = Source(store, lambda: remote)
    found: dict[Hash, bytes] = {}
    listed = list(dict.fromkeys(ids))
    for start in range(0, len(listed), _MANIFESTS):
        part = listed[start : start + _MANIFESTS]
        try:
            found.update(zip(part, source.read(kind, part), strict=True))
        except (NotFoundError, IntegrityError):
            for id in part:
                with suppress(NotFoundError, IntegrityError):
                    found[id] = source.read(kind, [id])[0]
    return found


def _iter_kept(
    remote: Remote,
    affected: Mapping[PackEntry, Table],
    marks: Marks,
    kept: Collection[Hash],
    task: Task,
) -> Iterator[Record]:
    """Yield the records of packs that stay, each once, as far as they are whole."""
    items: dict[tuple[RecordKind, Hash, Place | None], Located] = {}
    for pack, table in affected.items():
        for info in table:
            if not marks.dooms(info.kind, info.id, kept):
                place = place_of(pack, info)
                own = place if info.kind is RecordKind.OUTPUTS else None  # each copy is another one
                items.setdefault((info.kind, info.id, own), (info.id, place))
    for _, record in iter_located(remote, items.values(), task):
        yield record


def _write_index(
    remote: Remote, going: Collection[PackKey], new: Mapping[PackEntry, Table], marks: Marks
) -> None:
    """Put a segment of the new packs and of what segments name beside those that go; drop these."""
    replaced = {
        name: view for name, view in remote.iter_segments() if _tells_of(view, going, remote, marks)
    }
    tables: dict[PackEntry, dict[RecordInfo, None]] = {
        pack: dict.fromkeys(table) for pack, table in new.items()
    }
    for view in replaced.values():
        stay = {
            (pack.hash, pack.plain): tables.setdefault(pack, {})
            for pack in view.packs
            if remote.packs.get((pack.hash, pack.plain)) == pack.size_bytes
            and (pack.hash, pack.plain) not in going
        }
        for id, place in view:
            if (place.pack, place.plain) in stay:
                stay[place.pack, place.plain][place.info(id)] = None
    kept = ""
    if tables:
        packs = list(tables)
        rows = ((number, info) for number, pack in enumerate(packs) for info in tables[pack])
        segment = encode_index(packs, rows)
        kept = segment_object(segment)
        remote.put_segment(segment)
    for name in replaced:
        if name != kept:
            remote.delete_segment(name)


def _tells_of(view: IndexView, going: Collection[PackKey], remote: Remote, marks: Marks) -> bool:
    """Return whether a segment names a pack that goes, or one with something marked that is gone.

    The latter is left by an erasure that was killed.
    """
    gone = set()
    for pack in view.packs:
        key = (pack.hash, pack.plain)
        if key in going:
            return True
        if key not in remote.packs:
            gone.add(key)
    return bool(gone) and any(
        (place.pack, place.plain) in gone and id in marks for id, place in view
    )


def _delete_packs(remote: Remote, going: Collection[PackKey]) -> None:
    """Delete packs, and whatever else is there that bears their names.

    Raises:
        UnavailableError: one of them is listed still (code ``remote-not-deleted``).
    """
    if not going:
        return
    names = {pack_object(*key) for key in going}
    for name in sorted(names):
        remote.backend.delete(name)
    ends = {name.rpartition("/")[2] for name in names}
    for one in list(remote.backend.iter_objects()):
        if one.name in names:
            raise UnavailableError(
                f"{remote.place} was told to delete {one.name} and lists it still.",
                code="remote-not-deleted",
                hints=("jupyter mlops remote test",),
            )
        if one.name.rpartition("/")[2] in ends:
            remote.backend.delete(one.name)
