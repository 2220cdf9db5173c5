"""Which runs and series there are in a store's folder of runs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from jupyter_mlops.formats.run import is_series_name

NAMES_LIMIT = 20_000
"""How many names of runs are looked at."""
FILES_LIMIT = 500
"""How many processes are looked at: of all runs in a list, of one run that is shown; the newest."""

_KEPT_LIMIT = 100_000
_RACY_NS = 50_000_000


class SeriesFile(NamedTuple):
    """The series of one process: its run's name, its own, and where it is."""

    run: str
    name: str
    path: Path


class _Listed(NamedTuple):
    """What a folder held when its times were these; None where it may change without newer ones."""

    stamp: tuple[int, int] | None
    names: tuple[str, ...]


class RunFolders:
    """Lists runs and their series; a folder whose time has not moved is not listed again.

    Not safe for threads.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = _Listed(None, ())
        self._series: dict[str, _Listed] = {}
        self._kept = 0

    def list_names(self) -> tuple[str, ...]:
        """Return the names of runs, sorted; of too many, the first ones."""
        stamp = _stamp(self._folder)
        if stamp is None or stamp != self._names.stamp:
            names = _scan(self._folder, of_folders=True)
            self._names = _Listed(stamp, tuple(sorted(names)[:NAMES_LIMIT]))
        return self._names.names

    def list_series(self, run: str, limit: int = FILES_LIMIT) -> list[SeriesFile]:
        """Return the newest series of a run, the newest first."""
        folder = self._folder / run
        stamp = _stamp(folder)
        listed = self._series.get(run)
        if listed is None or stamp is None or stamp != listed.stamp:
            found = filter(is_series_name, _scan(folder, of_folders=False))
            listed = _Listed(stamp, tuple(sorted(found, reverse=True)[:FILES_LIMIT]))
            self._keep(run, listed)
        return [SeriesFile(run, name, folder / name) for name in listed.names[:limit]]

    def list_newest(self, *, one_a_name: bool) -> list[SeriesFile]:
        """Return the newest series of all runs, or of the newest of each run, the newest first."""
        limit = 1 if one_a_name else FILES_LIMIT
        files = [file for run in self.list_names() for file in self.list_series(run, limit)]
        return sorted(files, key=lambda file: file.name, reverse=True)[:FILES_LIMIT]

    def _keep(self, run: str, listed: _Listed) -> None:
        if self._kept > _KEPT_LIMIT:
            self._series.clear()
            self._kept = 0
        self._series[run] = listed
        self._kept += 1 + len(listed.names)


def _stamp(folder: Path) -> tuple[int, int] | None:
    """Return what changes when the folder does; None where it changed a moment ago, or is gone."""
    try:
        found = os.stat(folder)
    except OSError:
        return None
    is_racy = time.time_ns() - found.st_mtime_ns < _RACY_NS
    return None if is_racy else (found.st_mtime_ns, found.st_ino)


def _scan(folder: Path, *, of_folders: bool) -> list[str]:
    """Return the names of the folders or files in a folder, links left out."""
    try:
        with os.scandir(folder) as entries:
            return [
                entry.name
                for entry in entries
                if (
                    entry.is_dir(follow_symlinks=False)
                    if of_folders
                    else entry.is_file(follow_symlinks=False)
                )
            ]
    except OSError:
        return []
