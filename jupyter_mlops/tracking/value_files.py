"""The files in Git that hold a run's last values, and which execution they are of.

Several processes may write them: each adds its own names under a lock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

import msgspec

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.files.own import read_own_file
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.run import Param
from jupyter_mlops.ids import format_hash, hash_bytes
from jupyter_mlops.tracking.executions import Execution
from jupyter_mlops.tracking.place import Place
from jupyter_mlops.tracking.values import format_values

ValueKind = Literal["metrics", "params"]

_REMEMBERED = 32
"""So many executions of a run are remembered."""
_LIMIT_BYTES = 4 * 1024**2


class Remembered(msgspec.Struct):
    """What a worktree knows of one execution.

    ``series`` are the names of its processes' files; ``metrics`` and ``params`` the hashes of the
    values as they were written last.
    """

    id: str
    began_at: float
    series: list[str] = []
    metrics: str | None = None
    params: str | None = None


_ROWS = msgspec.json.Decoder(list[Remembered])


def values_path(kind: ValueKind, run: str) -> str:
    """Return where in the project the last values of ``run`` are."""
    return f"{kind}/{run}.json"


def hash_values(content: bytes) -> str | None:
    """Return a hash of what a file of values says, however it is spelled; None for no such file."""
    values = _decode(content)
    return format_hash(hash_bytes(format_values(values))) if values else None


def read_remembered(state_dir: Path, run: str) -> list[Remembered]:
    """Return the executions of ``run`` that this worktree knows of, in the order they began."""
    kept = read_own_file(state_dir / f"{run}.json", _LIMIT_BYTES)
    try:
        return [] if kept is None else _ROWS.decode(kept.content)
    except (msgspec.DecodeError, RecursionError):
        return []


class ValueFiles:
    """The files of values of one execution; every method may be called from any process.

    Outside of a project nothing tells one execution from the other: what was there before the first
    write is replaced, and added to where the execution was joined.
    """

    def __init__(self, place: Place, execution: Execution) -> None:
        self._place = place
        self._tree = WorkTree(place.root, place.staging)
        self._execution = execution
        self._written: set[ValueKind] = set()
        self._is_cleared = False

    def note_series(self, name: str) -> None:
        """Remember that the process whose series is called ``name`` belongs to the execution."""
        with self._locked():
            rows = self._read_rows()
            row = self._find_row(rows)
            if name not in row.series:
                row.series.append(name)
                self._write_rows(rows)

    def write(self, kind: ValueKind, values: Mapping[str, Param]) -> bool:
        """Add ``values`` to a file; a reader sees the old file or the new one.

        What another execution wrote is replaced. Return whether it was written: an execution that
        began later keeps its values.

        Raises:
            MlopsError: the file cannot be read or written, or is none.
        """
        with self._locked():
            rows = self._read_rows()
            row = self._find_row(rows)
            if row is not rows[-1]:
                return False
            path = values_path(kind, self._execution.run)
            before = self._read(path)
            is_ours = getattr(row, kind) is not None or kind in self._written
            is_ours |= self._execution.is_resumed
            is_ours |= self._execution.is_joined and self._place.repository is None
            kept = _decode(before) if is_ours else {}
            content = format_values({**kept, **values})
            if content != before:
                self._write(path, content)
            self._written.add(kind)
            found = hash_values(content)
            if getattr(row, kind) != found:
                setattr(row, kind, found)
                self._write_rows(rows)
            return True

    def _locked(self) -> AbstractContextManager[None]:
        folder = self._place.state_dir
        if folder is None:
            return nullcontext()
        return hold_lock(folder / f"{self._execution.run}.lock")

    def _read_rows(self) -> list[Remembered]:
        folder = self._place.state_dir
        return [] if folder is None else read_remembered(folder, self._execution.run)

    def _find_row(self, rows: list[Remembered]) -> Remembered:
        """Return the row of the execution, which is added to ``rows`` where it is none yet."""
        row = next((row for row in rows if row.id == self._execution.id), None)
        if row is None:
            row = Remembered(self._execution.id, self._execution.began_at)
            rows.append(row)
            rows.sort(key=lambda row: row.began_at)
        return row

    def _write_rows(self, rows: list[Remembered]) -> None:
        folder = self._place.state_dir
        if folder is not None:
            encoded = msgspec.json.encode(rows[-_REMEMBERED:])
            write_atomic(folder / f"{self._execution.run}.json", encoded, durable=False)

    def _read(self, path: str) -> bytes | None:
        try:
            return self._tree.read(path)
        except NotFoundError:
            return None

    def _write(self, path: str, content: bytes) -> None:
        if not self._is_cleared:
            self._is_cleared = True
            self._tree.clear(path)
        self._tree.write_file(path, content, Mode.FILE)


def _decode(content: bytes | None) -> dict[str, Param]:
    try:
        values = {} if content is None else json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
