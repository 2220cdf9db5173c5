"""Series of runs as a process leaves them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from jupyter_mlops.files.owner import current_owner, format_owner
from jupyter_mlops.formats.run import (
    Began,
    Line,
    Metrics,
    format_line,
    format_series_name,
)

NOON = 1_769_860_800.0
"""2026-01-31 12:00 UTC, in seconds since 1970."""
GONE = "4711.1.0123456789abcdef.4026531836.89abcdef"
"""A process of another machine, which counts as gone since its file is old."""


def this_process() -> str:
    """Return the owner that stands for the process of the tests, which is there."""
    return format_owner(current_owner())


def ended_process() -> str:
    """Return the owner that stands for a process of this machine that has ended."""
    code = (
        "from jupyter_mlops.files.owner import current_owner, format_owner\n"
        "print(format_owner(current_owner()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def metrics(values: Mapping[str, Iterable[float]], at: float = NOON) -> list[Line]:
    """Return lines that log ``values``, one list a metric, step by step and second by second."""
    columns = {name: list(numbers) for name, numbers in values.items()}
    steps = range(max(map(len, columns.values())))
    return [
        Metrics(at + step, step, {name: c[step] for name, c in columns.items() if step < len(c)})
        for step in steps
    ]


def write_series(
    runs: Path,
    run: str,
    run_id: str,
    *lines: Line,
    owner: str = GONE,
    began_at: float = NOON,
    process: int = 1,
    branch: str | None = "main",
) -> Path:
    """Write the series of one process of a run below the folder ``runs``, and return its file."""
    folder = runs / run
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / format_series_name(began_at, process)
    first = Began(run, run_id, began_at, owner, "0" * 39 + "1", branch, f"{run}.py")
    path.write_bytes(b"".join(map(format_line, (first, *lines))))
    os.utime(path, (NOON, NOON))
    return path
