"""Reads the series of one process of a run, and reads on where a read ended before."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, TypeVar

from jupyter_mlops.errors import UnsupportedError
from jupyter_mlops.formats.run import (
    MAX_LINE_BYTES,
    Began,
    Ended,
    Line,
    Metrics,
    Note,
    Param,
    Params,
    Tags,
    parse_line,
)
from jupyter_mlops.metrics.curve import Curve, thin_largest

POINTS_LIMIT = 4_000_000
"""How many points of one process are kept as they are; 16 bytes each."""
NAMES_LIMIT = 10_000
"""How many metrics, parameters, tags and notes of one process are known."""
TAIL_BYTES = 64 * 1024
"""How much of a long file is read where only its end is asked for."""


def read_began(path: Path) -> Began | None:
    """Return the first line of a series, None where it is not there or not whole yet.

    Raises:
        ValueError: it is none of a series.
        UnsupportedError: its format is a newer one (``format-newer``).
    """
    try:
        with path.open("rb") as file:
            line = file.readline(MAX_LINE_BYTES + 1)
    except OSError:
        return None
    if len(line) <= MAX_LINE_BYTES and not line.endswith(b"\n"):
        return None
    began = parse_line(line, origin=str(path))
    if not isinstance(began, Began):
        raise ValueError("its first line does not say which run it is of")
    return began


class SeriesReader:
    """What one process logged to a run, as far as its file has been read.

    With ``tail_only`` no points are kept, and of a long file only the first line and the end are
    read. Not safe for threads.

    Attributes:
        began: the first line; None as long as there is none that can be read.
        ended: the line that says that the process logs no more, None where it may.
        last_at: when the last line was logged, in seconds since 1970.
        last_step: the highest step.
        damaged_lines: lines that are none of a series, and were passed over.
        modified_at: when the file was written to last.
    """

    def __init__(self, path: Path, *, tail_only: bool = False) -> None:
        self._path = path
        self._tail_only = tail_only
        self._forget()

    def _forget(self) -> None:
        self.began: Began | None = None
        self.ended: Ended | None = None
        self.last_at = 0.0
        self.last_step: float | None = None
        self.damaged_lines = 0
        self.curves: dict[str, Curve] = {}
        self.params: dict[str, Param] = {}
        self.tags: dict[str, None] = {}
        self.notes: list[str] = []
        self.modified_at = 0.0
        self._seen = (0, 0, 0)
        self._offset = 0
        self._skipping = False

    @property
    def points_count(self) -> int:
        """How many points are kept."""
        return sum(map(len, self.curves.values()))

    def read_on(self) -> bool:
        """Read what has come since the last time; return whether there is a file.

        A file that is another one, or shorter than before, is read from its beginning.
        """
        try:
            found = os.stat(self._path)
            if (found.st_ino, found.st_mtime_ns, found.st_size) != self._seen:
                with self._path.open("rb") as file:
                    self._read(file)
        except OSError:
            return False
        return True

    def _read(self, file: BinaryIO) -> None:
        found = os.fstat(file.fileno())
        if found.st_ino != self._seen[0] or found.st_size < self._offset:
            self._forget()
        self._seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        self.modified_at = found.st_mtime
        if self._tail_only and not self._offset and found.st_size > TAIL_BYTES:
            line = file.readline(MAX_LINE_BYTES)
            self._take(line)
            # From the end of a line, whose rest is skipped.
            self._offset = max(len(line) - 1, found.st_size - TAIL_BYTES)
            self._skipping = True
        file.seek(self._offset)
        while self._take_block(file.read(MAX_LINE_BYTES)):
            file.seek(self._offset)
            thin_largest(self.curves.values(), POINTS_LIMIT)

    def _take_block(self, block: bytes) -> bool:
        """Take the whole lines of what was read; return whether there may be more."""
        end = block.rfind(b"\n")
        if end < 0:
            if not self._skipping and len(block) < MAX_LINE_BYTES:
                return False
            self.damaged_lines += not self._skipping
            self._skipping = True
            self._offset += len(block)
            return bool(block)
        start = block.index(b"\n") + 1 if self._skipping else 0
        self._skipping = False
        self._offset += end + 1
        if start <= end:
            for line in block[start:end].split(b"\n"):
                self._take(line)
        return True

    def _take(self, data: bytes) -> None:
        try:
            line = parse_line(data, origin=str(self._path))
        except (ValueError, UnsupportedError):
            self.damaged_lines += 1
        else:
            if self.began is not None and type(line) is Metrics:
                self._take_metrics(line)
            else:
                self._take_other(line)

    def _take_metrics(self, line: Metrics) -> None:
        self.ended = None
        self.last_at = line.at
        step = line.step
        if self.last_step is None or step > self.last_step:
            self.last_step = step
        curves = self.curves
        for name, value in line.values.items():
            curve = curves.get(name)
            if curve is None:
                if len(curves) >= NAMES_LIMIT:
                    continue
                curve = curves[name] = Curve(keeps_points=not self._tail_only)
            curve.add(step, value, line.at)

    def _take_other(self, line: Line) -> None:
        if isinstance(line, Began) or self.began is None:
            # The first line, and no other.
            if isinstance(line, Began) and self.began is None and not self.damaged_lines:
                self.began, self.last_at = line, line.began_at
            else:
                self.damaged_lines += 1
            return
        self.last_at = line.at
        self.ended = line if isinstance(line, Ended) else None
        match line:
            case Params(_, values):
                _add(self.params, values)
            case Tags(_, tags):
                _add(self.tags, dict.fromkeys(tags))
            case Note(_, text) if len(self.notes) < NAMES_LIMIT:
                self.notes.append(text)


_Value = TypeVar("_Value")


def _add(known: dict[str, _Value], values: Mapping[str, _Value]) -> None:
    for name, value in values.items():
        if name in known or len(known) < NAMES_LIMIT:
            known[name] = value
