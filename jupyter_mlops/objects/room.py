"""Whether the disk can take what is about to be written, asked before anything is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import free_bytes
from jupyter_mlops.files.walk import FileStat
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.pack import RECORD_HEADER_BYTES, RecordKind
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.chunker import BLOCK_BYTES
from jupyter_mlops.objects.encode import Encoder, iter_records
from jupyter_mlops.objects.ledger import read_unneeded_bytes
from jupyter_mlops.objects.packing import Record
from jupyter_mlops.objects.store import Store, makes_clones
from jupyter_mlops.objects.trash import trash_bytes
from jupyter_mlops.units import format_bytes

_SPARE_BYTES = 1 << 20
_ROWS_BYTES = 128  # a record's rows in its pack's footer and in the index, at most


def ensure_room(store: Store, root: Path, stats: Sequence[FileStat]) -> None:
    """Let pass if the disk can take what adding these files under ``root`` would write.

    Where they are more than the free room, they are read to see how much of them the store lacks
    and how small that becomes; a disk that makes clones needs no room for them.

    Raises:
        UnavailableError: it cannot, or a file cannot be read; nothing was written.
        ConflictError: a file keeps changing.
        NotFoundError: a file vanished.
    """
    free = free_bytes(store.folder)
    if free is None or free >= sum(item.size_bytes for item in stats) + _SPARE_BYTES:
        return
    if makes_clones(store):
        return
    needed = measure_new(store, root, stats) + _SPARE_BYTES
    if free < needed:
        raise UnavailableError(
            f"The disk that holds {store.folder} has {format_bytes(free)} free, and "
            f"{format_bytes(needed)} are needed; nothing was written.",
            code="disk-full",
            hints=_what_helps(store),
        )


def _what_helps(store: Store) -> list[str]:
    """Return what frees room: what is garbage already first."""
    hints = []
    if trash_bytes(store):
        hints.append("jupyter mlops gc --trash-days 0")
    elif read_unneeded_bytes(store.ledger_file):
        hints.append("jupyter mlops gc")
    return [
        *hints,
        "jupyter mlops forget --keep-last 20 --keep-daily 30 --keep-named",
        "Free some space there, then run the same command again.",
    ]


def measure_new(store: Store, root: Path, stats: Sequence[FileStat]) -> int:
    """Return how many bytes adding these files would write; reads them all, writes nothing.

    Raises as :func:`ensure_room` for files that cannot be read.
    """
    counted: set[tuple[RecordKind, Hash]] = set()
    total = 0

    def count(records: list[Record]) -> None:
        nonlocal total
        for record in records:
            key = (record.kind, record.id)
            if key not in counted:
                counted.add(key)
                total += RECORD_HEADER_BYTES + len(record.payload) + _ROWS_BYTES

    encoder = Encoder(lambda kind, id: (kind, id) in counted or store.find(kind, id) is not None)
    buffer = bytearray(BLOCK_BYTES)
    for item in stats:
        path = f"{os.fspath(root)}/{item.path}"
        if item.mode is Mode.SYMLINK:
            total += RECORD_HEADER_BYTES + item.size_bytes + _ROWS_BYTES
        elif item.mode is not Mode.FOLDER:
            for records in iter_records(encoder, path, item.size_bytes, buffer):
                count(records)
    return total
