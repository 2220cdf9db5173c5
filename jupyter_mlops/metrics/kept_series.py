"""Series of runs that snapshots took along, read out of open files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from jupyter_mlops.errors import UnsupportedError
from jupyter_mlops.formats.run import MAX_LINE_BYTES, Began, Line, Metrics, parse_line
from jupyter_mlops.metrics.curve import Curve, thin_largest
from jupyter_mlops.metrics.series import NAMES_LIMIT, POINTS_LIMIT

_LINES_BETWEEN = 100_000


def read_kept_series(files: Iterable[BinaryIO]) -> dict[str, Curve]:
    """Return the metrics of the execution that began last, in the order in which they came.

    ``files`` are those of one run's processes, those first that began first; they are closed. What
    is no line of a series is passed over.
    """
    curves: dict[str, Curve] = {}
    execution: str | None = None
    for file in files:
        with file:
            lines = _iter_lines(file)
            began = next(lines, None)
            if not isinstance(began, Began):
                continue
            if began.id != execution:
                execution, curves = began.id, {}
            for number, line in enumerate(lines):
                if isinstance(line, Metrics):
                    _add(curves, line)
                if number % _LINES_BETWEEN == 0:
                    thin_largest(curves.values(), POINTS_LIMIT)
    return curves


def _add(curves: dict[str, Curve], line: Metrics) -> None:
    for name, value in line.values.items():
        curve = curves.get(name)
        if curve is None:
            if len(curves) >= NAMES_LIMIT:
                continue
            curve = curves[name] = Curve()
        curve.add(line.step, value, line.at)


def _iter_lines(file: BinaryIO) -> Iterator[Line | None]:
    """Yield each whole line, None for one that is none of a series."""
    while block := file.readline(MAX_LINE_BYTES + 1):
        line: Line | None = None
        if block.endswith(b"\n"):
            try:
                line = parse_line(block, origin="a series")
            except (ValueError, UnsupportedError):
                line = None
        yield line
