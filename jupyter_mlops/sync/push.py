"""From the store to a remote: records that it lacks, in as few packs as may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from blake3 import blake3

from jupyter_mlops.errors import IntegrityError, UnavailableError
from jupyter_mlops.files.durable import Staging, open_staging
from jupyter_mlops.formats.index import PackEntry, Place
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH
from jupyter_mlops.formats.pack import RecordInfo, RecordKind
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.collect import place_of, read_record
from jupyter_mlops.objects.outputs import newest_outputs
from jupyter_mlops.objects.packing import Record
from jupyter_mlops.objects.packs import PackFile
from jupyter_mlops.objects.records import open_pack
from jupyter_mlops.objects.segments import iter_rows
from jupyter_mlops.objects.store import Store, create_store
from jupyter_mlops.progress import Task
from jupyter_mlops.sync.listing import PackKey
from jupyter_mlops.sync.outputs import RemoteOutputs, read_header
from jupyter_mlops.sync.put import name_packs, pack_up, put_pack
from jupyter_mlops.sync.remote import TRANSFERS, Remote

_FEW = 4
_KINDS = (RecordKind.CHUNK, RecordKind.FILE, RecordKind.TREE, RecordKind.OUTPUTS)

Records = Mapping[PackEntry, Sequence[RecordInfo]]


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What goes to a remote.

    ``whole`` are packs that go as they are, with what is in them; ``copied`` are records that go in
    new packs, in order. ``absent`` are names of records that neither end has. ``relied`` are packs
    there that a collection has marked, and that have something which does not go. ``outputs`` are
    the headers of the records of notebooks' outputs that go.
    """

    whole: Records
    copied: tuple[tuple[PackEntry, RecordInfo], ...]
    absent: tuple[Hash, ...]
    relied: tuple[PackKey, ...] = ()
    outputs: Mapping[Hash, bytes] = field(default_factory=dict)

    @property
    def up_to_date(self) -> bool:
        """Whether nothing goes."""
        return not (self.whole or self.copied)

    @property
    def records_count(self) -> int:
        """How many records go."""
        return sum(map(len, self.whole.values())) + len(self.copied)

    @property
    def size_bytes(self) -> int:
        """How many bytes go, but for footers."""
        copied = sum(info.stored_bytes for _, info in self.copied)
        return sum(pack.size_bytes for pack in self.whole) + copied


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did: packs put, records and bytes in them."""

    packs: int
    records: int
    size_bytes: int


def plan_push(store: Store, remote: Remote, ranks: Mapping[Hash, int]) -> PushPlan:
    """Return what of the records named in ``ranks`` goes to ``remote``.

    Args:
        store: where they are.
        remote: where they go.
        ranks: by name, the place of a record among those that are read together.
    """
    if not ranks:
        return PushPlan({}, (), (), ())
    packs = _find_packs(store)
    packs.sort(key=lambda pack: (not pack.plain, -pack.size_bytes))
    rows: dict[PackEntry, list[RecordInfo]] = {}
    here: set[Hash] = set()
    lacking: dict[PackEntry, list[RecordInfo]] = {}
    strangers: set[PackEntry] = set()
    outputs: dict[Hash, dict[Place, tuple[PackEntry, RecordInfo]]] = {}
    knows = _asker(remote, len(ranks))
    seen: set[tuple[RecordKind, Hash]] = set()
    for pack, info in iter_rows(store, packs):
        if info.id not in ranks:
            strangers.add(pack)
            continue
        here.add(info.id)
        rows.setdefault(pack, []).append(info)
        key = (info.kind, info.id)
        if info.kind is RecordKind.OUTPUTS:
            outputs.setdefault(info.id, {})[place_of(pack, info)] = (pack, info)
        elif key not in seen and not knows(*key):
            seen.add(key)
            lacking.setdefault(pack, []).append(info)
    headers, going = _find_outputs(store, remote, outputs)
    for pack, info in going:
        lacking.setdefault(pack, []).append(info)
    whole: dict[PackEntry, list[RecordInfo]] = {}
    copied: list[tuple[PackEntry, RecordInfo]] = []
    for pack, infos in lacking.items():
        wanted_bytes = sum(info.stored_bytes for info in infos)
        trashed = (pack.hash, pack.plain) in remote.listing.marks["trash"]
        if not trashed and pack not in strangers and 2 * wanted_bytes >= pack.size_bytes:
            whole[pack] = rows[pack]
        else:
            copied += [(pack, info) for info in infos]
    copied.sort(key=lambda item: ranks[item[1].id])
    here.add(EMPTY_TREE_HASH)  # nobody keeps its manifest
    absent = [id for id in ranks if id not in here and not any(knows(k, id) for k in _KINDS)]
    relied = tuple(_find_relied(remote, ranks))
    return PushPlan(whole, tuple(copied), tuple(absent), relied, headers)


def push_content(store: Store, remote: Remote, plan: PushPlan, task: Task) -> Pushed:
    """Carry out ``plan``: packs first, then, when they are listed, the index; durable on return.

    Args:
        store: where the records are.
        remote: where they go.
        plan: what goes.
        task: is told the bytes that have arrived.

    Raises:
        IntegrityError: a pack or record is damaged here; nothing was named by the remote's index.
        UnavailableError: the remote failed, or lists another size than what was put.
    """
    remote.unmark(plan.relied)
    if plan.up_to_date:
        if not remote.is_new:
            remote.prepare()
        return Pushed(0, 0, 0)
    remote.prepare()
    tables: dict[PackEntry, Sequence[RecordInfo]] = dict(plan.whole)
    with open_store_staging(store) as staging, ThreadPoolExecutor(TRANSFERS) as pool:
        waiting = [
            pool.submit(_put_whole, store, remote, pack, infos[0], task)
            for pack, infos in plan.whole.items()
        ]
        for sealed in pack_up(remote, staging, _read_records(store, plan.copied)):
            tables[sealed.pack] = sealed.table
            waiting.append(pool.submit(put_pack, remote, sealed.pack, sealed.staged.path, task))
        try:
            for one in waiting:
                one.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    name_packs(remote, tables)
    known = RemoteOutputs(remote)
    known.note_put(tables, plan.outputs)
    known.save()
    records = sum(map(len, tables.values()))
    return Pushed(len(tables), records, sum(pack.size_bytes for pack in tables))


@contextmanager
def open_store_staging(store: Store) -> Iterator[Staging]:
    """Yield a folder of the store for new packs, gone afterwards."""
    create_store(store)
    with open_staging(store.staging_folder, shared=store.is_shared) as staging:
        yield staging


def _find_packs(store: Store) -> list[PackEntry]:
    """Return the packs that are there and together have all records of the store.

    Where a garbage collection moves one meanwhile, what is kept of it stands in another by now.
    """
    missing: set[PackEntry] = set()
    while True:
        store.index_new_packs()
        there = {pack: store.has_packs([pack]) for pack in store.iter_packs()}
        gone = {pack for pack, is_there in there.items() if not is_there}
        if gone <= missing:
            return [pack for pack, is_there in there.items() if is_there]
        missing |= gone
        store.reload()


def _find_outputs(
    store: Store, remote: Remote, here: Mapping[Hash, Mapping[Place, tuple[PackEntry, RecordInfo]]]
) -> tuple[dict[Hash, bytes], list[tuple[PackEntry, RecordInfo]]]:
    """Return the newest outputs of each name that the remote lacks: their headers, and where."""
    newest = {id: newest_outputs(store, id, list(places)) for id, places in here.items()}
    headers = {id: read_header(store, place) for id, place in newest.items() if place is not None}
    known = RemoteOutputs(remote)
    lacking = known.lacks(headers)
    known.save()
    going = [here[id][place] for id, place in newest.items() if place and id in lacking]
    return {id: headers[id] for id in lacking}, going


def _asker(remote: Remote, count: int) -> Callable[[RecordKind, Hash], bool]:
    """Return what tells whether the remote has a record, about ``count`` of which are asked for."""
    if remote.records_count <= _FEW * count:
        known = {(place.kind, id) for id, place in remote.iter_records()}
        return lambda kind, id: (kind, id) in known
    return lambda kind, id: remote.find(kind, id) is not None


def _find_relied(remote: Remote, ids: Iterable[Hash]) -> dict[PackKey, None]:
    """Return the packs that a collection has marked and that have one of these records."""
    found: dict[PackKey, None] = {}
    marked = remote.listing.marks["unneeded"]
    for id in ids if marked else ():
        for kind in _KINDS:
            place = remote.find(kind, id)
            if place is not None and (place.pack, place.plain) in marked:
                found[place.pack, place.plain] = None
    return found


def _read_records(
    store: Store, records: Iterable[tuple[PackEntry, RecordInfo]]
) -> Iterator[Record]:
    for pack, infos in groupby(records, key=itemgetter(0)):
        places = [(place_of(pack, info), info.id) for _, info in infos]
        with open_pack(store, *places[0]) as file:
            for place, id in places:
                yield read_record(file, place, id)


def _put_whole(store: Store, remote: Remote, pack: PackEntry, info: RecordInfo, task: Task) -> None:
    while True:
        with open_pack(store, place_of(pack, info), info.id) as file:
            _verify(file, pack)
            try:
                put_pack(remote, pack, file.path, task)
                return
            except UnavailableError:
                if file.path.exists():
                    raise


def _verify(file: PackFile, pack: PackEntry) -> None:
    hasher = blake3()
    for offset in range(0, file.size_bytes, 1 << 20):
        hasher.update(file.read(offset, 1 << 20))
    if hasher.digest() != pack.hash:
        raise IntegrityError(
            f"The pack {file.path.name} of the store is damaged, so it was not pushed.",
            code="pack-damaged",
            hints=("jupyter mlops check --read-data", "jupyter mlops repair"),
        )
