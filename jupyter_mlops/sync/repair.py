"""Mending a remote by what this clone has, and the store by what a remote has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from jupyter_mlops.files.durable import Staging
from jupyter_mlops.formats.index import PackEntry, encode_index
from jupyter_mlops.formats.pack import RecordInfo, RecordKind
from jupyter_mlops.ids import Hash, format_hash
from jupyter_mlops.objects.check import RecordKey
from jupyter_mlops.objects.collect import place_of
from jupyter_mlops.objects.packing import Record
from jupyter_mlops.objects.packs import read_pack_table
from jupyter_mlops.snapshots.check import Damage, ProjectCheck, needed_by
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.sync.check import RemoteCheck, check_remote
from jupyter_mlops.sync.erased import known_there
from jupyter_mlops.sync.fetch import fetch_content
from jupyter_mlops.sync.listing import pack_name
from jupyter_mlops.sync.merge import merge_index
from jupyter_mlops.sync.push import PushPlan, open_store_staging, plan_push, push_content
from jupyter_mlops.sync.put import name_packs, pack_up, put_pack
from jupyter_mlops.sync.records import iter_located
from jupyter_mlops.sync.remote import Remote
from jupyter_mlops.sync.whole import iter_blocks


@dataclass(frozen=True, slots=True)
class RemoteRepairPlan:
    """What is to be mended on a remote.

    ``unnamed`` are packs that no whole segment names, ``push`` is what this clone has of what the
    remote lost.
    """

    found: RemoteCheck
    unnamed: tuple[PackEntry, ...]
    push: PushPlan

    @property
    def rebuilt(self) -> tuple[str, ...]:
        """What of the index is made anew: damaged segments, and packs that none names."""
        unnamed = (pack_name((pack.hash, pack.plain)) for pack in self.unnamed)
        return (*self.found.damaged_segments, *unnamed)

    @property
    def remaining(self) -> tuple[Damage, ...]:
        """The content that this clone lacks too, some of which may be whole in damaged packs."""
        infos = [info for table in self.push.whole.values() for info in table]
        infos += [info for _, info in self.push.copied]
        sent = {(info.kind, info.id) for info in infos}
        wanted = self.found.wanted
        return tuple(one for one in self.found.damages if not wanted.get(one.id, sent) <= sent)


def plan_remote_repair(handles: Handles, remote: Remote) -> RemoteRepairPlan:
    """Read all of a remote, and decide what can be mended by what this clone has.

    Raises:
        UnavailableError: the remote failed.
    """
    found = check_remote(handles, remote, read_data=True)
    named = {(pack.hash, pack.plain) for _, view in remote.iter_segments() for pack in view.packs}
    unnamed = tuple(pack for pack in remote.iter_packs() if (pack.hash, pack.plain) not in named)
    # in their order, so that a pack that lost something is likely to come about again as it was
    lost = [sorted(table, key=attrgetter("offset")) for _, table in found.lost]
    erased = known_there(handles.store, remote)
    ids = dict.fromkeys(info.id for table in lost for info in table if info.id not in erased)
    wanted = {key for keys in found.wanted.values() for key in keys}
    ids.update(dict.fromkeys(id for _, id in sorted(wanted)))
    push = plan_push(handles.store, remote, {id: rank for rank, id in enumerate(ids)})
    return RemoteRepairPlan(found, unnamed, push)


def repair_remote(handles: Handles, remote: Remote, plan: RemoteRepairPlan) -> tuple[Damage, ...]:
    """Carry ``plan`` out; return the damage that is left.

    Nothing is deleted but segments of the index that were damaged or became part of another.
    Killed at any moment, it can be done again.

    Raises:
        UnavailableError: the remote failed.
    """
    with open_store_staging(handles.store) as staging:
        for pack in plan.unnamed:
            if pack.plain:
                _name_plain(remote, staging, pack)
    if plan.rebuilt:
        merge_index(remote, drop_damaged=True)
    with handles.progress.task(f"Pushing to {remote.place}", plan.push.size_bytes) as task:
        push_content(handles.store, remote, plan.push, task)
    remote.reload()
    _save_whole(handles, remote, plan.found)
    remote.reload()
    return check_remote(handles, remote).damages


def find_given(remote: Remote, found: ProjectCheck, damages: Iterable[Damage]) -> list[Damage]:
    """Return the damages of the store that a remote can mend, as far as its index tells."""
    return [one for one in damages if _is_given(remote, found, one)]


def take_from_remote(
    handles: Handles, remote: Remote, found: ProjectCheck, damages: Sequence[Damage]
) -> None:
    """Bring what was damaged or lost in the store, as far as a remote has it.

    Raises:
        UnavailableError: the remote failed, or the store cannot be written.
    """
    entries = {format_hash(hash): entry for hash, entry in found.bad_entries.items()}
    keys: dict[RecordKey, None] = {}
    for one in damages:
        keys.update(dict.fromkeys(needed_by(found, one)))
    wanted = [entries[one.id] for one in damages if one.id in entries]
    fetch_content(handles.store, remote, wanted, (), handles.progress, records=keys)


def _is_given(remote: Remote, found: ProjectCheck, damage: Damage) -> bool:
    needs = needed_by(found, damage)
    if needs:
        return all(remote.locate(*key) is not None for key in needs)
    ids = [hash for hash in found.bad_entries if format_hash(hash) == damage.id]
    kinds = (RecordKind.CHUNK, RecordKind.FILE, RecordKind.TREE)
    return any(remote.locate(kind, id) is not None for id in ids for kind in kinds)


def _name_plain(remote: Remote, staging: Staging, pack: PackEntry) -> None:
    """Let the index name a plain pack, by cutting its bytes again."""
    staged = staging.create()
    for block in iter_blocks(remote, pack):
        staged.write(block)
    table = read_pack_table(staged.path, plain=True)
    staged.discard()
    encoded = encode_index([pack], ((0, info) for info in table))
    remote.put_segment(encoded)


def _save_whole(handles: Handles, remote: Remote, found: RemoteCheck) -> None:
    """Copy what is whole in damaged packs, and nowhere else, into new ones."""
    erased = known_there(handles.store, remote)
    items: dict[tuple[RecordKind, Hash], tuple[PackEntry, RecordInfo]] = {}
    for pack, table in found.lost:
        if (pack.hash, pack.plain) in remote.packs:
            for info in table:
                if remote.find(info.kind, info.id) is None and info.id not in erased:
                    items[info.kind, info.id] = (pack, info)
    if not items:
        return
    located = [(info.id, place_of(pack, info)) for pack, info in items.values()]

    def read() -> Iterator[Record]:
        for _, record in iter_located(remote, located, reading):
            yield record

    total = sum(place.stored_bytes for _, place in located)
    tables: dict[PackEntry, Sequence[RecordInfo]] = {}
    with (
        handles.progress.task("Reading damaged packs", total) as reading,
        handles.progress.task("Pushing", None) as pushing,
        open_store_staging(handles.store) as staging,
    ):
        for sealed in pack_up(remote, staging, read()):
            put_pack(remote, sealed.pack, sealed.staged.path, pushing)
            sealed.staged.discard()
            tables[sealed.pack] = sealed.table
    if tables:
        name_packs(remote, tables)
