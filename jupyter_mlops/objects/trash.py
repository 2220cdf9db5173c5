"""Packs that nothing needed any more, kept for a while before they are deleted for good.

``trash/<run>/`` holds what one garbage collection took away, laid out as a store, and in the file
``waits-for`` which commands were under way then. The name of a run begins with the time in seconds
since 1970.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.files.durable import move_all, remove_folder, write_atomic
from jupyter_mlops.formats.index import PackEntry
from jupyter_mlops.formats.pack import RecordInfo
from jupyter_mlops.objects.packs import list_packs, pack_path
from jupyter_mlops.objects.segments import iter_rows, merge_segments, publish_rows
from jupyter_mlops.objects.store import Store

_WAITS_FOR = "waits-for"


@dataclass(frozen=True, slots=True)
class TrashRun:
    """What one garbage collection moved to the trash."""

    store: Store

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.store.folder.name

    @property
    def at_seconds(self) -> int:
        """When that was; 0 where the name does not tell."""
        head = self.name.partition("-")[0]
        return int(head) if head.isascii() and head.isdigit() else 0

    @property
    def size_bytes(self) -> int:
        """The bytes of its packs on disk."""
        return sum(pack.size_bytes for pack in list_packs(self.store.folder))

    def waits_for(self) -> frozenset[str]:
        """Return the commands that were under way when it was moved."""
        try:
            return frozenset((self.store.folder / _WAITS_FOR).read_text("ascii").split())
        except (OSError, ValueError):
            return frozenset()


def list_trash(store: Store) -> list[TrashRun]:
    """Return what lies in the trash, the newest first."""
    return [TrashRun(run) for run in store.trash()]


def trash_bytes(store: Store) -> int:
    """Return the bytes on disk of all packs in the trash."""
    return sum(run.size_bytes for run in list_trash(store))


def move_to_trash(
    store: Store,
    packs: Sequence[tuple[PackEntry, Sequence[RecordInfo]]],
    at_seconds: int,
    under_way: Iterable[str],
) -> str:
    """Move packs to the trash, durably; return the run's name.

    The index must not name them any more. Whoever misses what they hold reads it there.

    Args:
        store: the store.
        packs: each with what it holds.
        at_seconds: the time, in seconds since 1970.
        under_way: the commands that may have found something in them.

    Raises:
        UnavailableError: the disk did not take it; what was moved until then can be read.
    """
    name = f"{at_seconds:012d}-{secrets.token_hex(6)}"
    run = Store(store.trash_folder / name)
    _note_under_way(run, under_way)
    publish_rows(run, packs)
    _move([pack for pack, _ in packs], store.folder, run.folder)
    store.reload()
    return name


def take_from_trash(store: Store, run: TrashRun, packs: Collection[PackEntry]) -> int:
    """Move ``packs`` of a run back where they were, durably, and let the index name them.

    Return how many bytes they have; those that are not there any more have none.

    Raises:
        UnavailableError: the disk did not take it.
    """
    there = [pack for pack in list_packs(run.store.folder) if pack in packs]
    if not there:
        return 0
    tables: dict[PackEntry, list[RecordInfo]] = {pack: [] for pack in there}
    for pack, info in iter_rows(run.store, there):
        tables[pack].append(info)
    _move(there, run.store.folder, store.folder)
    publish_rows(store, list(tables.items()))
    store.reload()
    return sum(pack.size_bytes for pack in there)


def put_back_into_trash(store: Store, run: TrashRun, under_way: Iterable[str]) -> None:
    """Move what was taken from a run to the trash again, durably.

    Raises:
        UnavailableError: the disk did not take it; what was moved until then can be read.
    """
    known = [pack for view in run.store.views() for pack in view.packs]
    merge_segments(store, known)
    _note_under_way(run.store, [*run.waits_for(), *under_way])
    _move(known, store.folder, run.store.folder)
    store.reload()


def purge(store: Store, run: TrashRun) -> int:
    """Delete a run for good; return how many bytes its packs had."""
    size_bytes = run.size_bytes
    remove_folder(run.store.folder)
    store.reload()
    return size_bytes


def _note_under_way(run: Store, names: Iterable[str]) -> None:
    write_atomic(run.folder / _WAITS_FOR, "".join(f"{name}\n" for name in names).encode("ascii"))


def _move(packs: Iterable[PackEntry], source: Path, target: Path) -> None:
    move_all(
        [
            (pack_path(source, pack.hash, pack.plain), pack_path(target, pack.hash, pack.plain))
            for pack in packs
        ]
    )
