"""The note that a restore leaves while it moves files, so that the next restore can finish it.

It is written once everything that will be moved is staged, and taken away when data, pointers and
origins stand. While it is there, data that is not what its pointer names may be a mixture of old
and new. One file a command, so that two commands never write the same one. A note holds for as long
as the pointer file is what the command found or what it was to write: a pointer that somebody else
has moved since says itself what is wanted.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from jupyter_mlops.files import durable
from jupyter_mlops.snapshots.operations import Move

_FOLDER = "unfinished"


def read_unfinished(state_dir: Path) -> dict[str, Move]:
    """Return, by tracked path, how killed restores were to move the pointer file there."""
    moves: dict[str, Move] = {}
    for _, noted in _iter_notes(state_dir):
        moves.update(noted)
    return moves


def is_unfinished(move: Move | None, encoded: bytes | None) -> bool:
    """Return whether a note still holds, ``encoded`` being the pointer file as it is."""
    return move is not None and encoded in (move.before, move.after)


def write_unfinished(state_dir: Path, moves: Mapping[str, Move]) -> None:
    """Note durably what the command under way brings about, by tracked path."""
    if not moves:
        return
    name = f"{time.time_ns():020d}-{secrets.token_hex(6)}.json"
    durable.make_folder(state_dir / _FOLDER)
    encoded = msgspec.json.encode(dict(moves))
    durable.write_atomic(state_dir / _FOLDER / name, encoded, overwrite=False)


def settle_unfinished(state_dir: Path, paths: Collection[str]) -> None:
    """Forget what is noted for ``paths``; what is noted for others stays."""
    for file, noted in _iter_notes(state_dir):
        left = {path: move for path, move in noted.items() if path not in paths}
        if not left:
            durable.remove(file)
        elif len(left) < len(noted):
            durable.write_atomic(file, msgspec.json.encode(left), overwrite=True)


def _iter_notes(state_dir: Path) -> Iterator[tuple[Path, dict[str, Move]]]:
    """Yield the notes, oldest first; one that cannot be read is left out."""
    folder = state_dir / _FOLDER
    for name in durable.iter_names(folder):
        try:
            yield folder / name, msgspec.json.decode((folder / name).read_bytes(), type=_Note)
        except (OSError, ValueError, RecursionError):
            continue


_Note = dict[str, Move]
