"""Dropping what a remote is verified to hold, at once, and bringing it back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.formats.index import Place
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.evict import EvictionPlan, evict, plan_eviction
from jupyter_mlops.objects.packs import list_packs
from jupyter_mlops.objects.segments import iter_rows
from jupyter_mlops.objects.store import Store
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.erase import needed_names
from jupyter_mlops.snapshots.evict import own_store, require_own_store
from jupyter_mlops.snapshots.evicted import read_evicted, write_evicted
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.operations import EVICTED, Move, Operation, log_operation
from jupyter_mlops.sync.claims import add_claims, drop_claims
from jupyter_mlops.sync.fetch import fetch_content
from jupyter_mlops.sync.records import iter_located
from jupyter_mlops.sync.remote import Remote

_PREFIX = "remote "


@dataclass(frozen=True, slots=True)
class Evicted:
    """What was dropped, or would be; bytes on disk.

    ``only_here_bytes`` are chunks that the remote was not found to hold: they stay. Manifests and
    outputs of notebooks stay too, and are not counted.
    """

    freed_bytes: int
    only_here_bytes: int


def log_name(remote: str) -> str:
    """Return how the operation log calls content that a remote holds."""
    return f"{_PREFIX}{remote}"


def remote_of(name: str) -> str:
    """Return the remote that :func:`log_name` gave ``name``."""
    return name.removeprefix(_PREFIX)


def evict_to_remote(
    handles: Handles,
    remote: Remote,
    name: str,
    command: tuple[str, ...],
    *,
    dry_run: bool = False,
) -> Evicted:
    """Drop the chunks that ``remote`` is verified to hold; each is read there, every byte.

    The remote is told first that this clone relies on their packs. With ``dry_run`` nothing is
    read, and its listing believed.

    Args:
        handles: the project.
        remote: the remote, as it is now.
        name: what the project calls it.
        command: the words typed, for the operation log.
        dry_run: only look.

    Raises:
        ConflictError: the store is shared (``store-shared``).
        IntegrityError: a record that is kept is damaged; nothing was dropped.
        UnavailableError: the remote failed, or the store cannot be written.
    """
    require_own_store(handles)
    if dry_run:
        own = Store(handles.store.folder)
        return _report(own, _plan(handles, own, _find_held(remote, _iter_chunks(own))))
    clear_leftovers(handles)
    with own_store(handles) as own:
        found = _report(own, plan := _verify_and_plan(handles, remote, own))
        _drop(handles, own, name, plan)
    if found.freed_bytes:
        moved = {log_name(name): Move(None, EVICTED)}
        operation = Operation(command, handles.clock.now(), evicted=moved)
        log_operation(handles.git.state_dir, operation)
    return found


def undo_eviction(handles: Handles, remote: Remote, name: str, move: Move) -> None:
    """Make a move of content that was evicted to a remote: bring it back, or drop it again.

    Raises:
        NotFoundError: the remote does not hold all of it any more; what there is has come.
        UnavailableError: the remote failed, or the store cannot be written.
    """
    if move.after == EVICTED:
        with own_store(handles) as own:
            _drop(handles, own, name, _verify_and_plan(handles, remote, own))
        return
    ids = _without_erased(handles, read_evicted(handles.store, name))
    keys = [(RecordKind.CHUNK, id) for id in sorted(ids)]
    fetch_content(handles.store, remote, (), (), handles.progress, records=keys)
    lacking = {id for kind, id in keys if handles.store.find(kind, id) is None}
    write_evicted(handles.store, name, lacking)
    if lacking:
        raise NotFoundError(
            f"Not all came back: {remote.place} lacks {len(lacking):,} chunks that it held when"
            " they were evicted.",
            code="content-missing",
            hints=(f"jupyter mlops check --read-data --remote {name}",),
        )
    drop_claims(remote)


def _without_erased(handles: Handles, ids: frozenset[Hash]) -> frozenset[Hash]:
    """Return chunks without those that only erased files had."""
    erased = handles.store.erased
    gone = ids & (erased.ids | erased.pieces)
    return ids - (gone - needed_names(handles)) if gone else ids


def _verify_and_plan(handles: Handles, remote: Remote, own: Store) -> EvictionPlan:
    """Find what the remote holds, and let it be kept there, before anything is dropped."""
    places = _find_held(remote, _iter_chunks(own))
    total = sum(place.stored_bytes for place in places.values())
    verified: dict[Hash, Place] = {}
    with handles.progress.task(f"Reading {remote.place}", total) as task:
        for (id, place), _ in iter_located(remote, places.items(), task):
            verified[id] = place
    if verified:
        add_claims(remote, {(place.pack, place.plain) for place in verified.values()})
        remote.reload()
    held = {(pack.hash, pack.plain) for pack in remote.iter_packs()}
    still = {id for id, place in verified.items() if (place.pack, place.plain) in held}
    return _plan(handles, own, still)


def _plan(handles: Handles, own: Store, held: Iterable[Hash]) -> EvictionPlan:
    ids = frozenset(held)
    now_seconds = int(handles.clock.now().timestamp())
    return plan_eviction(
        own, lambda place, id: place.kind is RecordKind.CHUNK and id in ids, now_seconds
    )


def _drop(handles: Handles, own: Store, name: str, plan: EvictionPlan) -> None:
    write_evicted(own, name, plan.held | read_evicted(own, name))
    evict(own, plan)


def _iter_chunks(own: Store) -> dict[Hash, int]:
    """Return the chunks of a store, each with its bytes on disk."""
    own.index_new_packs()
    rows = iter_rows(own, list(list_packs(own.folder)))
    return {info.id: info.stored_bytes for _, info in rows if info.kind is RecordKind.CHUNK}


def _find_held(remote: Remote, ids: Iterable[Hash]) -> dict[Hash, Place]:
    places = {id: remote.find(RecordKind.CHUNK, id) for id in ids}
    return {id: place for id, place in places.items() if place is not None}


def _report(own: Store, plan: EvictionPlan) -> Evicted:
    left = {id: size for id, size in _iter_chunks(own).items() if id not in plan.held}
    return Evicted(plan.freed_bytes, sum(left.values()))
