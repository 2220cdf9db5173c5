"""Carrying a plan out: staged and verified whole, then moved into place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from jupyter_mlops.errors import ConflictError, MlopsError, UnavailableError
from jupyter_mlops.files.batch import Batch
from jupyter_mlops.files.durable import clear_staging, free_bytes
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.files.stat_cache import GRANULARITY_NS
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.git.index_file import clear_own_lock
from jupyter_mlops.objects.reader import read_file, restore_files
from jupyter_mlops.objects.running import clear_running
from jupyter_mlops.objects.store import clear_store
from jupyter_mlops.progress import Task
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.operations import Move
from jupyter_mlops.snapshots.plan import PathPlan
from jupyter_mlops.snapshots.scan import Scanner
from jupyter_mlops.snapshots.unfinished import settle_unfinished, write_unfinished
from jupyter_mlops.units import format_bytes

_SPARE_BYTES = 1 << 20
_STATE_FOLDERS = ("operations", "origins", "runs", "runs/open", "unfinished")


def open_worktree(handles: Handles) -> WorkTree:
    """Return the project's working tree.

    Staging in the worktree's state folder where that is possible.
    """
    return WorkTree(handles.root, handles.git.state_dir / "staging")


@contextmanager
def one_mover(handles: Handles) -> Iterator[None]:
    """Let no other command of this worktree move pointers or data meanwhile; not reentrant."""
    with hold_lock(handles.git.state_dir / "moving.lock"):
        yield


def clear_leftovers(handles: Handles) -> None:
    """Remove the temporary files, and Git's lock, that killed commands of ours left behind."""
    clear_own_lock(handles.git)
    open_worktree(handles).clear()
    state_dir = handles.git.state_dir
    clear_store(handles.store)
    clear_running(handles.store)
    clear_staging(handles.git.common_dir / "hooks")
    clear_staging(state_dir)
    for name in _STATE_FOLDERS:
        clear_staging(state_dir / name)


class DataMoves:
    """Changes to data that are staged and verified; made by :func:`open_moves`."""

    def __init__(self, scanner: Scanner, plans: Sequence[PathPlan], batch: Batch | None) -> None:
        self._scanner = scanner
        self._plans = plans
        self._batch = batch

    def carry_out(self, state_dir: Path, noted: Mapping[str, Move]) -> None:
        """Make the data on disk what was planned, durably; a note of the pointers stays behind.

        The note is for the caller to settle, once pointers and origins stand as well. A refusal
        that left all as it was leaves no note.

        Args:
            state_dir: the worktree's state folder.
            noted: by tracked path, how the pointer file moves with its data.

        Raises:
            ConflictError: a file that would be replaced was changed meanwhile, or something is in
                the way.
            UnavailableError: the disk did not take it.
        """
        for plan in self._plans:
            _check_untouched(self._scanner, plan)
        write_unfinished(state_dir, noted)
        if self._batch is None:
            return
        staged = self._batch.stat_files()
        try:
            self._batch.apply()
        except MlopsError:
            with suppress(ConflictError):
                for plan in self._plans:
                    _check_untouched(self._scanner, plan)
                settle_unfinished(state_dir, noted.keys())
            raise
        for plan in self._plans:
            _learn(self._scanner, plan, staged)


@contextmanager
def open_moves(
    handles: Handles, scanner: Scanner, plans: Sequence[PathPlan]
) -> Iterator[DataMoves]:
    """Stage and verify every byte that ``plans`` need; nothing in the working tree changes yet.

    Args:
        handles: the project.
        scanner: its stat cache learns of the files written.
        plans: what to do; paths do not overlap.

    Raises:
        NotFoundError: the store lacks content.
        IntegrityError: content in the store is damaged.
        ConflictError: a path is refused.
        UnavailableError: the disk is full or read-only.
    """
    busy = [plan for plan in plans if plan.moves]
    if not busy:
        yield DataMoves(scanner, (), None)
        return
    total = sum(plan.written_bytes for plan in busy)
    check_room(handles, total)
    near = busy[0].path if len(busy) == 1 else ""
    with open_worktree(handles).open_batch(near) as batch:
        with handles.progress.task("Restoring", total) as task:
            for plan in busy:
                _stage(handles, batch, plan, task)
        yield DataMoves(scanner, busy, batch)


def check_room(handles: Handles, needed_bytes: int) -> None:
    """Let pass if the working tree's disk has room for so much.

    Raises:
        UnavailableError: it has not; code ``disk-full``.
    """
    free = free_bytes(handles.root)
    if free is not None and free < needed_bytes + _SPARE_BYTES:
        raise UnavailableError(
            f"Nothing was restored: {handles.root} has {format_bytes(free)} free, and"
            f" {format_bytes(needed_bytes)} are to be written.",
            code="disk-full",
            hints=["jupyter mlops restore PATH"],
        )


def _stage(handles: Handles, batch: Batch, plan: PathPlan, task: Task) -> None:
    files: list[tuple[Entry, Callable[[], int]]] = []
    for name in plan.write:
        entry = plan.wanted[name]
        full = f"{plan.path}/{name}" if name else plan.path
        if entry.mode is Mode.FOLDER:
            batch.add_folder(full)
        elif entry.mode is Mode.SYMLINK:
            target = read_file(handles.store, entry).decode()
            batch.add_link(full, target, within=plan.path if name else "")
        else:
            files.append((entry, _opener(batch, full, entry.mode)))
    if plan.makes_folder:
        batch.add_folder(plan.path)
    for name in (*plan.delete, *plan.empty):
        batch.delete(f"{plan.path}/{name}" if name else plan.path)
    restore_files(handles.store, files, task)


def _opener(batch: Batch, path: str, mode: Mode) -> Callable[[], int]:
    return lambda: batch.open_file(path, mode)


def _check_untouched(scanner: Scanner, plan: PathPlan) -> None:
    """Refuse when a file that will be replaced is no longer the one that was looked at."""
    if plan.present is None:
        if scanner.is_occupied(plan.path):
            raise _touched(plan.path)
        return
    find_stat = plan.present.find_stat
    for name in plan.overwritten:
        if scanner.stat(plan.path, name) != find_stat(name):
            raise _touched(f"{plan.path}/{name}" if name else plan.path)
    for name in plan.write:
        if find_stat(name) is not None:
            continue
        found = scanner.stat(plan.path, name)
        if found is not None and found.mode is not Mode.FOLDER:
            raise _touched(f"{plan.path}/{name}" if name else plan.path)


def _touched(path: str) -> ConflictError:
    return ConflictError(
        f"Nothing was restored: {path} was changed by another program meanwhile.",
        code="file-changing",
        hints=["jupyter mlops restore"],
    )


def _learn(scanner: Scanner, plan: PathPlan, staged: Mapping[str, os.stat_result]) -> None:
    """Let the stat cache know the files that were written, as they were ``staged``.

    One that another program has written or replaced since is another one, and one that was written
    just now is not learned.
    """
    settled_ns = time.time_ns() - GRANULARITY_NS
    for name in plan.write:
        entry = plan.wanted[name]
        written = staged.get(f"{plan.path}/{name}" if name else plan.path)
        if written is None or written.st_mtime_ns >= settled_ns:
            continue
        found = scanner.stat(plan.path, name)
        if found is not None and (found.size_bytes, found.mtime_ns, found.inode) == (
            entry.size_bytes,
            written.st_mtime_ns,
            written.st_ino,
        ):
            scanner.remember(plan.path, name, found, entry.hash)
