"""The last values of runs, read back from their series."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from jupyter_mlops.errors import ConflictError, UnsupportedError
from jupyter_mlops.files.durable import clear_staging, iter_names, remove
from jupyter_mlops.files.own import read_own_file
from jupyter_mlops.files.owner import is_gone, parse_owner
from jupyter_mlops.formats.run import (
    MAX_LINE_BYTES,
    Began,
    Line,
    Metrics,
    Number,
    Param,
    Params,
    is_series_name,
    parse_line,
)
from jupyter_mlops.formats.snapshot import LeftOut
from jupyter_mlops.tracking.executions import Execution
from jupyter_mlops.tracking.names import clean_run_name
from jupyter_mlops.tracking.place import Place
from jupyter_mlops.tracking.run_files import FILES_FOLDER, OPEN_FOLDER
from jupyter_mlops.tracking.value_files import ValueFiles, read_remembered, values_path

_Value = TypeVar("_Value")


def iter_series(path: Path) -> Iterator[Line]:
    """Yield what the whole lines of a series say; others are passed over.

    Raises:
        UnsupportedError: it has a newer format.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        while line := file.readline(MAX_LINE_BYTES + 1):
            if line.endswith(b"\n"):
                with suppress(ValueError):
                    yield parse_line(line, origin=str(path))


def read_next_steps(place: Place, execution: Execution) -> dict[str, Number]:
    """Return, by metric, the step after the last one that any process of ``execution`` logged."""
    following: dict[str, Number] = {}
    for path in _series_of(place, execution):
        with suppress(OSError, UnsupportedError):
            for line in iter_series(path):
                if isinstance(line, Metrics):
                    following.update(dict.fromkeys(line.values, line.step + 1))
    return following


def settle_values(place: Place) -> tuple[LeftOut, ...]:
    """Bring the files of values up to the series of processes that died before they did so.

    Return those that could not be written.

    Raises:
        UnavailableError: the disk is full or read-only.
    """
    runs_dir, state_dir = place.runs_dir, place.state_dir
    if runs_dir is None or state_dir is None:
        return ()
    not_written: list[LeftOut] = []
    for name in iter_names(state_dir / OPEN_FOLDER):
        marker = state_dir / OPEN_FOLDER / name
        first = _read_marker(marker)
        if first is None or not is_series_name(name):
            remove(marker)
        elif _is_gone(first, runs_dir / first.run / name):
            execution = Execution(first.run, first.id, first.began_at, is_joined=True)
            try:
                _settle(place, execution)
            except ConflictError as error:
                path = values_path("metrics", first.run)
                why = f"the last values of a run that died are not in it: {error.message}"
                not_written.append(LeftOut(path, why))
                continue
            clear_staging(runs_dir / first.run / FILES_FOLDER / first.id)
            remove(marker)
    return tuple(not_written)


def _read_marker(marker: Path) -> Began | None:
    kept = read_own_file(marker, MAX_LINE_BYTES)
    if kept is None:
        return None
    try:
        first = parse_line(kept.content, origin=str(marker))
    except (ValueError, UnsupportedError):
        return None
    return first if isinstance(first, Began) and first.run == clean_run_name(first.run) else None


def _is_gone(first: Began, series: Path) -> bool:
    """Return whether the process that wrote a series has ended."""
    owner = parse_owner(first.owner)
    try:
        age_seconds = time.time() - series.stat().st_mtime
    except OSError:
        age_seconds = time.time() - first.began_at
    return owner is None or is_gone(owner, age_seconds=age_seconds)


def _settle(place: Place, execution: Execution) -> None:
    """Write what the execution's processes, the living among them, logged last."""
    metrics: dict[str, tuple[float, Number]] = {}
    params: dict[str, tuple[float, Param]] = {}
    for path in _series_of(place, execution):
        with suppress(OSError, UnsupportedError):
            for line in iter_series(path):
                if isinstance(line, Metrics):
                    _take_newer(metrics, line.at, line.values)
                elif isinstance(line, Params):
                    _take_newer(params, line.at, line.values)
    files = ValueFiles(place, execution)
    if metrics:
        files.write("metrics", {name: value for name, (_, value) in metrics.items()})
    if params:
        files.write("params", {name: value for name, (_, value) in params.items()})


def _take_newer(
    into: dict[str, tuple[float, _Value]], at: float, values: Mapping[str, _Value]
) -> None:
    for name, value in values.items():
        if name not in into or into[name][0] <= at:
            into[name] = (at, value)


def _series_of(place: Place, execution: Execution) -> list[Path]:
    runs_dir, state_dir = place.runs_dir, place.state_dir
    if runs_dir is None or state_dir is None:
        return []
    rows = read_remembered(state_dir, execution.run)
    names = [name for row in rows if row.id == execution.id for name in row.series]
    return [runs_dir / execution.run / name for name in sorted(names) if is_series_name(name)]
