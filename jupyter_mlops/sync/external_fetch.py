"""Copies of external data in the working tree."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from blake3 import blake3

from jupyter_mlops.files.batch import Batch
from jupyter_mlops.files.durable import disk_error
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import FilePointer, StoredPointer, TreePointer, encode_pointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.ids import Hash
from jupyter_mlops.snapshots.apply import (
    DataMoves,
    check_room,
    clear_leftovers,
    one_mover,
    open_worktree,
)
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.operations import Move, Operation, log_operation, origin_move
from jupyter_mlops.snapshots.origins import Origin, read_origins, write_origin
from jupyter_mlops.snapshots.plan import PathPlan, plan_path
from jupyter_mlops.snapshots.restore import (
    Restored,
    check_pointers_stand,
    encode_present,
    keep_overwritten,
)
from jupyter_mlops.snapshots.scan import Scanner
from jupyter_mlops.snapshots.tracked import content_of
from jupyter_mlops.snapshots.unfinished import settle_unfinished
from jupyter_mlops.sync.external import NO_HASH, OpenPlace, iter_blocks, locate

_AT_ONCE = 8


def fetch_external(
    handles: Handles,
    path: str,
    pointer: ExternalPointer,
    open_place: OpenPlace,
    *,
    command: tuple[str, ...],
    dry_run: bool = False,
) -> Restored:
    """Let a copy of external data be at ``path``, whole or not at all; durable on return.

    What comes is hashed, so that what is changed in the copy is noticed. What would be overwritten
    and is not in the store is kept as an automatic snapshot first. A copy that is here already is
    left.

    Args:
        handles: the project.
        path: a tracked path.
        pointer: what its pointer file says.
        open_place: reaches the place.
        command: the words typed, for the operation log.
        dry_run: nothing is fetched.

    Raises:
        ConflictError: the place has something else now (code ``object-changed``); Git tracks a file
            that would be overwritten; the pointer or a file was changed meanwhile.
        NotFoundError: an object is gone.
        UnavailableError: the place cannot be reached, or the disk is full.
    """
    clear_leftovers(handles)
    scanner = Scanner(handles)
    scanner.ask_git([path])
    present = scanner.look(path)
    state_dir = handles.git.state_dir
    origins = read_origins(state_dir)
    origin, external = origins.get(path), content_of(pointer).hash
    here = (origin.external, origin.content) if origin is not None else None
    if present is not None and here == (external, present.content):
        return Restored((PathPlan(path, pointer, present.entries, present, (), ()),), None)
    if dry_run:
        wanted = _expect(pointer)
        return Restored((plan_path(path, _point(pointer, wanted), wanted, present),), None)
    encoded = encode_pointer(pointer)
    with open_worktree(handles).open_batch(path) as batch:
        check_room(handles, pointer.size_bytes)
        entries = _download(handles, batch, path, pointer, open_place)
        stored = _point(pointer, entries)
        plan = plan_path(path, stored, entries, present)
        plan = replace(plan, write=tuple(entries))
        for name in (*plan.delete, *plan.empty):
            batch.delete(f"{path}/{name}" if name else path)
        saved_as = keep_overwritten(handles, scanner, [plan], origins)
        after = Origin(path, content_of(stored), external=external)
        with one_mover(handles):
            check_pointers_stand(handles, {path: Move(encoded, encoded)})
            moves = DataMoves(scanner, [plan], batch)
            moves.carry_out(state_dir, {path: Move(encoded, encoded)})
            write_origin(state_dir, after)
            settle_unfinished(state_dir, [path])
    scanner.save()
    log_operation(
        state_dir,
        Operation(
            command,
            handles.clock.now(),
            data={path: Move(encode_present(present), encode_pointer(stored))},
            origins={path: origin_move(origin, after)},
        ),
    )
    return Restored((plan,), saved_as)


def _download(
    handles: Handles,
    batch: Batch,
    path: str,
    pointer: ExternalPointer,
    open_place: OpenPlace,
) -> dict[str, Entry]:
    """Stage every object; return what came by path in the tracked one."""
    place = locate(pointer)
    names = list(pointer.objects)
    with (
        open_place(place.base) as backend,
        ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mlops-external") as pool,
        handles.progress.task(f"Fetching from {backend.place}", pointer.size_bytes) as task,
    ):

        def fetch(name: str) -> Entry:
            one, hasher = pointer.objects[name], blake3()
            fd = batch.open_file(f"{path}/{name}" if name else path, Mode.FILE)
            try:
                for block in iter_blocks(backend, name or place.name, one):
                    hasher.update(block)
                    _write(handles, fd, block)
                    task.advance(len(block))
            finally:
                os.close(fd)
            return Entry(Mode.FILE, Hash(hasher.digest()), one.size_bytes)

        try:
            return dict(zip(names, pool.map(fetch, names), strict=True))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _write(handles: Handles, fd: int, block: bytes) -> None:
    view = memoryview(block)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        raise disk_error(error, handles.root) from error


def _point(pointer: ExternalPointer, entries: Mapping[str, Entry]) -> StoredPointer:
    """Return the pointer to what came, or to what would come."""
    return TreePointer(entries=entries) if pointer.is_folder else FilePointer(entries[""])


def _expect(pointer: ExternalPointer) -> dict[str, Entry]:
    """Return what would come, of which no hash is known yet."""
    return {
        name: Entry(Mode.FILE, NO_HASH, one.size_bytes) for name, one in pointer.objects.items()
    }
