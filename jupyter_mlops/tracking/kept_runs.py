"""Which files of runs belong to the state of a working tree: those of the runs whose values it has.

The values that a worktree wrote are known by their hash, so that those of a branch that was checked
out find the execution that they are of, and values that a person has written find none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from jupyter_mlops.files.durable import iter_names
from jupyter_mlops.files.own import read_own_file
from jupyter_mlops.formats.run import is_series_name
from jupyter_mlops.ids import is_snapshot_id
from jupyter_mlops.snapshots.runs import RunFile
from jupyter_mlops.tracking.place import Place
from jupyter_mlops.tracking.run_files import FILES_FOLDER, OPEN_FOLDER
from jupyter_mlops.tracking.value_files import (
    Remembered,
    hash_values,
    read_remembered,
    values_path,
)

_SUFFIX = ".json"
_VALUES_LIMIT_BYTES = 4 * 1024**2


def find_run_files(place: Place) -> list[RunFile]:
    """Return the series and files of the runs whose values the working tree has, by path."""
    runs_dir, state_dir = place.runs_dir, place.state_dir
    if runs_dir is None or state_dir is None:
        return []
    growing = set(iter_names(state_dir / OPEN_FOLDER))
    found: list[RunFile] = []
    for name in iter_names(state_dir):
        run = name.removesuffix(_SUFFIX)
        if run == name:
            continue
        for one in _find_executions(place, state_dir, run):
            for series in filter(is_series_name, one.series):
                path = f"{run}/{series}"
                found.append(RunFile(path, runs_dir / path, series in growing))
            if is_snapshot_id(one.id):
                found += _iter_files(runs_dir, f"{run}/{FILES_FOLDER}/{one.id}")
    return sorted(found)


def _find_executions(place: Place, state_dir: Path, run: str) -> list[Remembered]:
    """Return the executions that the files of values of ``run`` are of, one or two."""
    rows = read_remembered(state_dir, run)
    metrics, params = _hash(place.root / values_path("metrics", run)), None
    matching = [row for row in rows if metrics is not None and row.metrics == metrics][-1:]
    if not matching:
        params = _hash(place.root / values_path("params", run))
        matching = [row for row in rows if params is not None and row.params == params][-1:]
    return matching


def _hash(path: Path) -> str | None:
    kept = read_own_file(path, _VALUES_LIMIT_BYTES)
    return None if kept is None else hash_values(kept.content)


def _iter_files(runs_dir: Path, folder: str) -> Iterator[RunFile]:
    for here, folders, names in os.walk(runs_dir / folder):
        folders[:] = [name for name in folders if not name.startswith(".mlops-tmp-")]
        for name in names:
            file = Path(here, name)
            if not name.startswith(".mlops-tmp-"):
                yield RunFile(file.relative_to(runs_dir).as_posix(), file)
