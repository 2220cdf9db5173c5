"""Since when nothing needs a record: what one garbage collection tells the next.

The file ``unneeded`` of the store. It may be lost at any time: every record then waits anew.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from blake3 import blake3

from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.ids import HASH_BYTES, Hash

_MAGIC = b"MLUN\0" + sys.byteorder[:3].encode()
_CHECK_BYTES = 16
_SECONDS = "Q"


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    unneeded_bytes: int
    ids: bytes
    seconds: bytes
    dropped: dict[str, int]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What nothing needed when the store was last collected; times are in seconds since 1970.

    ``since`` has the records by id, ``unneeded_bytes`` is what they take on disk, ``dropped`` has
    the references of snapshots that were dropped.
    """

    unneeded_bytes: int = 0
    since: Mapping[Hash, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)


def write_ledger(path: Path, ledger: Ledger) -> None:
    """Write the ledger whole, durably.

    Raises:
        UnavailableError: it cannot be written.
    """
    ids = sorted(ledger.since)
    seconds = array(_SECONDS, [ledger.since[id] for id in ids])
    table = _Table(
        ledger.unneeded_bytes,
        b"".join(ids),
        seconds.tobytes(),
        dict(sorted(ledger.dropped.items())),
    )
    body = msgspec.msgpack.encode(table)
    write_atomic(path, b"".join((_MAGIC, blake3(body).digest(_CHECK_BYTES), body)))


def read_ledger(path: Path) -> Ledger:
    """Return what ``path`` holds; an empty ledger when it is missing or damaged."""
    try:
        return decode_ledger(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return Ledger()


def read_unneeded_bytes(path: Path) -> int:
    """Return what the ledger at ``path`` says of bytes; 0 when it is missing or damaged."""
    try:
        return _decode(path.read_bytes()).unneeded_bytes
    except (OSError, ValueError, RecursionError):
        return 0


def decode_ledger(content: bytes) -> Ledger:
    """Return the ledger that these bytes are.

    Raises:
        ValueError: they are none.
    """
    table = _decode(content)
    seconds = array(_SECONDS)
    seconds.frombytes(table.seconds)
    if len(table.ids) != len(seconds) * HASH_BYTES:
        raise ValueError("a ledger whose columns differ in length")
    ids = (
        Hash(table.ids[start : start + HASH_BYTES])
        for start in range(0, len(table.ids), HASH_BYTES)
    )
    return Ledger(table.unneeded_bytes, dict(zip(ids, seconds, strict=True)), table.dropped)


def _decode(content: bytes) -> _Table:
    start = len(_MAGIC) + _CHECK_BYTES
    body = content[start:]
    if content[:start] != _MAGIC + blake3(body).digest(_CHECK_BYTES):
        raise ValueError("not a ledger")
    return msgspec.msgpack.decode(body, type=_Table)
