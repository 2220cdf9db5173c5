"""The operation log of a worktree: what each command moved, so that it can be taken back.

One immutable file an operation, numbered, in the worktree's state folder; the newest hundred are
kept. An operation names small files and refs by their value before and after, and data by the
pointers that named it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from jupyter_mlops.errors import ConflictError, UnavailableError
from jupyter_mlops.files import durable
from jupyter_mlops.formats.names import check_path
from jupyter_mlops.snapshots.origins import Origin, decode_origin, encode_origin

TRASHED = b"trashed"
"""The value of what a garbage collection took away, while it is in the trash."""

EVICTED = b"evicted"
"""The value of content while only alternates have it."""

_FOLDER = "operations"
_MARK = "undoing"
_KEPT_COUNT = 100
_OBJECT_ID = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NUMBER = re.compile(r"[0-9]{8,18}")


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value before and after; None where there was, or is, none."""

    before: bytes | None
    after: bytes | None

    @property
    def moves(self) -> bool:
        """Whether the two differ."""
        return self.before != self.after

    def reversed(self) -> Move:
        """Return the move that takes this one back."""
        return Move(self.after, self.before)


@dataclass(frozen=True, slots=True)
class Operation:
    """What one command moved.

    ``files``: small files of the working tree (pointers, ``.gitignore``) by path, ``staged``
    whether Git's index followed them. ``refs``: Git refs by full name, as hexadecimal object ids.
    ``data``: tracked paths, as the encoded pointers that name the data on disk. ``origins``:
    encoded origins by tracked path. ``renamed``: data that was given another path, old to new.
    ``trash``: runs of garbage collection, each TRASHED while what it took away is in the trash.
    ``evicted``: stores, each EVICTED while what alternates have is only there.
    """

    command: tuple[str, ...]
    at: datetime
    files: Mapping[str, Move] = field(default_factory=dict)
    refs: Mapping[str, Move] = field(default_factory=dict)
    data: Mapping[str, Move] = field(default_factory=dict)
    origins: Mapping[str, Move] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    staged: bool = False
    trash: Mapping[str, Move] = field(default_factory=dict)
    evicted: Mapping[str, Move] = field(default_factory=dict)

    def reversed(self, command: tuple[str, ...], at: datetime) -> Operation:
        """Return the operation that takes this one back."""

        def back(moves: Mapping[str, Move]) -> dict[str, Move]:
            return {key: move.reversed() for key, move in moves.items()}

        return Operation(
            command,
            at,
            back(self.files),
            back(self.refs),
            back(self.data),
            back(self.origins),
            {new: old for old, new in self.renamed.items()},
            self.staged,
            back(self.trash),
            back(self.evicted),
        )

    def moves_nothing(self) -> bool:
        """Return whether there is nothing to take back."""
        moves = [
            *(*self.files.values(), *self.refs.values(), *self.data.values()),
            *(*self.trash.values(), *self.evicted.values()),
        ]
        return not self.renamed and not any(move.moves for move in moves)


def origin_move(before: Origin | None, after: Origin | None) -> Move:
    """Return the move from one origin of a path to another."""
    return Move(
        encode_origin(before) if before is not None else None,
        encode_origin(after) if after is not None else None,
    )


def log_operation(state_dir: Path, operation: Operation) -> None:
    """Add ``operation`` as the newest, durably; one that moved nothing is not logged."""
    if operation.moves_nothing():
        return
    folder = state_dir / _FOLDER
    durable.make_folder(folder)
    encoded = msgspec.json.encode(operation)
    numbers = _numbers(folder)
    number = numbers[-1] + 1 if numbers else 1
    while True:
        try:
            durable.write_atomic(folder / _file_name(number), encoded, overwrite=False)
            break
        except ConflictError:
            number += 1
    for old in numbers[: -_KEPT_COUNT + 1]:
        durable.remove(folder / _file_name(old))


def read_last_operation(state_dir: Path) -> tuple[int, Operation] | None:
    """Return the newest operation that could have been logged, with its number, or None.

    Raises:
        UnavailableError: it cannot be read (code ``log-unreadable``).
    """
    folder = state_dir / _FOLDER
    for number in reversed(_numbers(folder)):
        file = folder / _file_name(number)
        try:
            operation = msgspec.json.decode(file.read_bytes(), type=Operation)
            _check(operation)
            return number, operation
        except (FileNotFoundError, ValueError, RecursionError):
            continue
        except OSError as error:
            raise UnavailableError(
                f"The newest operation, in {file}, cannot be read: {error.strerror}.",
                code="log-unreadable",
                hints=("Give yourself the right to read it, then run the same command again.",),
            ) from error
    return None


def _check(operation: Operation) -> None:
    """Let an operation pass that could have been logged; raise ValueError for another."""
    for path in (*operation.files, *operation.data, *operation.origins):
        check_path(path)
    for old, new in operation.renamed.items():
        check_path(old)
        check_path(new)
    for encoded in _values(operation.refs):
        if not _OBJECT_ID.fullmatch(encoded):
            raise ValueError("a ref moves from or to what is no object's id")
    for encoded in _values(operation.origins):
        decode_origin(encoded)


def _values(moves: Mapping[str, Move]) -> Iterator[bytes]:
    for move in moves.values():
        yield from (value for value in (move.before, move.after) if value is not None)


def read_undo_mark(state_dir: Path) -> int | None:
    """Return the number of the operation that an undo has begun to take back, or None."""
    try:
        return int((state_dir / _MARK).read_bytes())
    except (OSError, ValueError):
        return None


def write_undo_mark(state_dir: Path, number: int) -> None:
    """Note durably that the operation ``number`` is being taken back."""
    durable.write_atomic(state_dir / _MARK, b"%d" % number, overwrite=True)


def clear_undo_mark(state_dir: Path) -> None:
    """Take the mark away; the undo is an operation of its own."""
    durable.remove(state_dir / _MARK)


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    stems = (file.stem for file in folder.iterdir() if file.suffix == ".json")
    return sorted(int(stem) for stem in stems if _NUMBER.fullmatch(stem))


def _file_name(number: int) -> str:
    return f"{number:08d}.json"
