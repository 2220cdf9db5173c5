"""Packs of a clone's own folder, moved to the shared store that the clone uses now."""

from __future__ import annotations

from pathlib import Path

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.clone import try_clone
from jupyter_mlops.files.durable import (
    StagedFile,
    disk_error,
    free_bytes,
    is_same_file,
    open_staging,
    publish_all,
    remove,
)
from jupyter_mlops.formats.index import PackEntry
from jupyter_mlops.ids import Hash, new_hasher
from jupyter_mlops.objects.packs import PackFile, list_packs, pack_path
from jupyter_mlops.objects.store import Store, clear_store, create_store
from jupyter_mlops.progress import Task
from jupyter_mlops.units import format_bytes

_READ_BYTES = 4 << 20


def own_packs(store: Store) -> list[PackEntry]:
    """Return the packs in the clone's own folder that belong into the shared store it uses."""
    return list(list_packs(store.local_folder)) if store.is_shared else []


def move_own_packs(store: Store, task: Task) -> list[PackEntry]:
    """Move what :func:`own_packs` lists to the shared store; return what was moved.

    A pack leaves the clone only when its bytes, which have the hash that names them, are durable in
    the shared store; a damaged one stays where it is, for ``repair``. Killed at any moment, it can
    be done again. Who has opened the shared store finds each pack all the time, at one place or the
    other.

    Raises:
        UnavailableError: the shared store is not there, cannot be written, or has too little room.
    """
    packs = own_packs(store)
    if not packs:
        return []
    create_store(store)
    clear_store(store)
    _ensure_room(store, packs)
    moved = []
    with open_staging(store.staging_folder, shared=True) as staging:
        for pack in packs:
            source = pack_path(store.local_folder, pack.hash, pack.plain)
            target = pack_path(store.folder, pack.hash, pack.plain)
            if is_same_file(source.parent, target.parent):
                continue
            with staging.create() as staged:
                if _copy(source, staged, task) != pack.hash:
                    continue
                staged.sync()
                publish_all([(staged, target)], overwrite=True, shared=True)
            remove(source, durable=True)
            moved.append(pack)
    store.reload()
    return moved


def _ensure_room(store: Store, packs: list[PackEntry]) -> None:
    needed = sum(
        pack.size_bytes
        for pack in packs
        if not pack_path(store.folder, pack.hash, pack.plain).exists()
    )
    free = free_bytes(store.folder)
    if free is not None and free < needed:
        raise UnavailableError(
            f"The disk that holds {store.folder} has {format_bytes(free)} free, and"
            f" {format_bytes(needed)} are to be moved there; nothing was moved.",
            code="disk-full",
            hints=("Free some space there, then run the same command again.",),
        )


def _copy(source: Path, staged: StagedFile, task: Task) -> Hash | None:
    """Copy the pack ``source``; return the hash of what the copy has, None where it is gone."""
    hasher = new_hasher()
    try:
        pack = PackFile(source)
    except FileNotFoundError:  # another call has moved it
        return None
    with pack:
        try:
            cloned = try_clone(pack.fd, staged.fd)
        except OSError as error:
            raise disk_error(error, staged.path.parent) from error
        for offset in range(0, pack.size_bytes, _READ_BYTES):
            part = pack.read(offset, _READ_BYTES)
            hasher.update(part)
            if not cloned:
                staged.write(part)
            task.advance(len(part))
    return Hash(hasher.digest())
