"""Erasing content of a project in its store: what goes, what needs some of it, and doing it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from jupyter_mlops.errors import ConflictError, IntegrityError, MlopsError, NotFoundError
from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.erasure import MAX_HASHES, Erasure
from jupyter_mlops.formats.manifest import decode_file_manifest
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.git.config import read_setting
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.worktrees import list_worktrees
from jupyter_mlops.ids import Hash, format_hash
from jupyter_mlops.objects.erase import Marks, Sleep, Swept, sweep
from jupyter_mlops.objects.erased import Erased, write_erasures
from jupyter_mlops.objects.records import iter_copies
from jupyter_mlops.objects.store import Store
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.needed import find_needed
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.referrers import Referrer, Versions
from jupyter_mlops.snapshots.roots import find_roots
from jupyter_mlops.snapshots.scan import Scanner
from jupyter_mlops.snapshots.tracked import in_tracked, read_tracked

_SWEPT = "swept"
_INSTANT = timedelta(microseconds=1)


def make_erasures(
    handles: Handles,
    ids: Collection[Hash],
    pieces: Collection[Hash],
    *,
    reason: str | None,
    here_only: bool,
    lift: bool = False,
) -> list[Erasure]:
    """Return what says that ``ids`` are erased now, by this user of Git; or that they may be kept.

    It comes after all that is known to have been said of them before.
    """
    by = read_setting(handles.git, "user.name") or "somebody whom Git does not know"
    at = _after(handles.store, ids, handles.clock.now())
    base = Erasure(at, by, reason, here_only=here_only)
    if lift:
        return [replace(base, lifted=part) for part in _parts(ids)]
    erasures = [replace(base, erased=part) for part in _parts(ids)]
    if erasures and len(erasures[-1].erased) + len(pieces) <= MAX_HASHES:
        erasures[-1] = replace(erasures[-1], pieces=tuple(pieces))
    elif erasures:
        first = erasures[0].erased[:1]
        erasures += [
            replace(base, erased=first, pieces=part) for part in _parts(pieces, MAX_HASHES - 1)
        ]
    return erasures


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """What an erasure would come to.

    Attributes:
        ids: what is to be erased, with the length of files where it is known.
        pieces: the chunks of these files, as far as the store knows them.
        referrers: all that names it.
        shared_bytes: the length of those of their chunks that other content needs as well, so that
            they stay.
        sharers: what that other content is.
        in_git: the files and notebooks of which Git itself has content.
        unread: the tracked paths of which some version could not be looked into.
    """

    ids: Mapping[Hash, int | None]
    pieces: frozenset[Hash]
    referrers: tuple[Referrer, ...]
    shared_bytes: int
    sharers: tuple[Referrer, ...]
    in_git: tuple[str, ...]
    unread: tuple[str, ...]


def plan_erasure(
    handles: Handles, paths: Sequence[str], hashes: Sequence[Hash], commit: str | None
) -> ErasurePlan:
    """Find what ``paths`` name and what ``hashes`` are, and all that refers to it; only looks.

    Args:
        handles: the project.
        paths: project-relative; files and folders that are tracked or in what is, and notebooks,
            whose outputs are meant.
        hashes: files, folders' manifests, stripped notebooks.
        commit: only what ``paths`` were there; in every version without it.

    Raises:
        NotFoundError: nothing is named at one of the paths.
        IntegrityError: something is damaged, so that it cannot be told what is needed.
    """
    store = handles.store
    store.reload()
    versions = Versions(handles, paths)
    ids: dict[Hash, int | None] = {}
    for path in paths:
        found = versions.select(path, commit)
        if not found:
            where = f"in revision {commit[:10]}" if commit else "in any version"
            raise NotFoundError(
                f"Nothing is tracked at {path} {where}, so nothing was erased.",
                code="path-not-tracked",
                hints=("jupyter mlops log",),
            )
        ids.update(found)
    for hash in hashes:
        ids.update(versions.select_hash(hash))
    pieces = frozenset(find_pieces(store, ids))
    supposed = Erasure(handles.clock.now(), "", erased=tuple(ids), pieces=tuple(pieces))
    store.assume_erased({"": replace(supposed, at=_after(store, ids, supposed.at))})
    needed = _find_needed(handles)
    shared = {
        id: place.plain_bytes
        for id in pieces | ids.keys()
        if id in needed and (place := store.find(RecordKind.CHUNK, id)) is not None
    }
    sharers = versions.find(_find_sharers(store, shared, needed, ids)) if shared else []
    store.reload()
    return ErasurePlan(
        ids,
        pieces,
        tuple(versions.find(ids)),
        sum(shared.values()),
        tuple(sharers),
        tuple(sorted(versions.in_git)),
        tuple(sorted(versions.unread)),
    )


def _find_sharers(
    store: Store, shared: Collection[Hash], needed: Collection[Hash], ids: Collection[Hash]
) -> set[Hash]:
    """Return the files that need some of these chunks."""
    found = set(shared) - set(ids)
    files = {id for view in store.views() for id, place in view if place.kind is RecordKind.FILE}
    for id in files & set(needed):
        if not find_pieces(store, [id]).isdisjoint(shared):
            found.add(id)
    return found


def _after(store: Store, ids: Iterable[Hash], now: datetime) -> datetime:
    """Return a time after all that was said of ``ids`` before, no earlier than ``now``."""
    before = store.erased.latest
    return max((now, *(before[id].at + _INSTANT for id in ids if id in before)))


def find_pieces(store: Store, ids: Iterable[Hash]) -> set[Hash]:
    """Return the chunks of files, as far as the store knows them."""
    found: set[Hash] = set()
    for id in ids:
        with suppress(IntegrityError):
            for encoded in islice(iter_copies(store, RecordKind.FILE, id), 1):
                chunks = decode_file_manifest(encoded, origin=format_hash(id)).chunks
                found.update(ref.hash for ref in chunks)
    return found


def require_own_store(handles: Handles) -> None:
    """Let pass if no other clone needs what the store holds.

    Raises:
        ConflictError: it is shared (code ``store-shared``).
    """
    if handles.store.is_shared:
        raise ConflictError(
            f"Nothing was erased: the store {handles.store.folder} is shared, and no clone knows"
            " what the others need of it.",
            code="store-shared",
            hints=("git config --show-origin --get mlops.store",),
        )


def keep_erasures(handles: Handles, erasures: Iterable[Erasure]) -> dict[str, Erasure]:
    """Note durably what may not be kept or read from now on; return it by name.

    Raises:
        UnavailableError: the disk did not take it.
    """
    written = write_erasures(handles.store.erased_folder, erasures)
    handles.store.reload()
    return written


def is_swept(store: Store) -> bool:
    """Return whether all that is known to be erased was destroyed in the store already."""
    try:
        names = (store.local_folder / _SWEPT).read_text("ascii").split()
    except (OSError, ValueError):
        names = []
    return store.erased.erasures.keys() <= set(names)


def sweep_store(handles: Handles, *, sleep: Sleep = time.sleep) -> Swept:
    """Destroy what is erased in a store that is not shared; see :func:`~objects.erase.sweep`.

    What killed commands left, in any worktree, goes first.

    Raises:
        IntegrityError: something is damaged, so that it cannot be told what is needed; nothing was
            destroyed.
        UnavailableError: the disk did not take it, or a command is under way that may need some of
            it (code ``commands-under-way``).
    """
    store = handles.store
    clear_leftovers(handles)
    for folder in list_worktrees(handles.git):
        with suppress(MlopsError):
            _clear_worktree(open_repository(folder))
    with hold_lock(store.folder / "collecting.lock"):
        store.reload()
        erased = store.erased
        marks = Marks.of(erased)
        marks = Marks(marks.ids, marks.pieces | find_pieces(store, marks.ids))
        with handles.progress.task("Erasing", None) as task:
            now = int(handles.clock.now().timestamp())
            swept = sweep(store, marks, lambda: needed_names(handles), now, task=task, sleep=sleep)
        lines = "".join(f"{name}\n" for name in sorted(erased.erasures))
        write_atomic(store.local_folder / _SWEPT, lines.encode("ascii"))
    return swept


def needed_names(handles: Handles) -> frozenset[Hash]:
    """Return the names of all records that something here needs which was not erased.

    Raises:
        IntegrityError: something is damaged, so that it cannot be told.
    """
    handles.store.reload()
    return _find_needed(handles)


def _find_needed(handles: Handles) -> frozenset[Hash]:
    roots = find_roots(handles, undo_since=handles.clock.now() - timedelta(days=1))
    return frozenset(find_needed(handles, roots).ranks)


def find_alternates(store: Store, marks: Marks) -> list[str]:
    """Return the alternates, which are only read, that have something marked."""
    others = (Store(folder) for folder in store.alternates)
    return [str(other.folder) for other in others if marks.find_places(other)]


def find_in_worktree(handles: Handles, erased: Erased) -> list[str]:
    """Return the files of this working tree, at tracked paths, whose content is erased."""
    if not erased:
        return []
    return list(_iter_in_worktree(handles, erased))


def _iter_in_worktree(handles: Handles, erased: Erased) -> Iterator[str]:
    scanner = Scanner(handles)
    tracked = read_tracked(handles, read_origins(handles.git.state_dir))
    scanner.ask_git(list(tracked))
    for path in tracked:
        present = scanner.look(path)
        if present is not None:
            for name, entry in present.entries.items():
                if entry.hash in erased:
                    yield in_tracked(path, name)


def _clear_worktree(worktree: Repository) -> None:
    WorkTree(worktree.root, worktree.state_dir / "staging").clear()


def _parts(hashes: Collection[Hash], most: int = MAX_HASHES) -> Iterator[tuple[Hash, ...]]:
    listed: Sequence[Hash] = sorted(hashes)
    for start in range(0, len(listed), most):
        yield tuple(listed[start : start + most])
