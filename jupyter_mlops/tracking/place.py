"""Where a run's files go: the project of the folder in which the run began."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.files.append import append_bytes
from jupyter_mlops.files.durable import make_folder
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.git.revisions import head
from jupyter_mlops.tracking.values import format_line

SERIES_FORMAT = 0
REPLAY_VARIABLE = "JUPYTER_MLOPS_REPLAY"
"""Set for the kernels of ``notebook verify``: nothing of a replay is seen outside of it."""

_LOGGER = logging.getLogger("jupyter_mlops")
_told: set[Path] = set()


@dataclass(frozen=True, slots=True)
class Place:
    """The folder that gets the values, and the one that gets the series, None without a project.

    ``staging`` is where files of a project lie before they are whole.
    """

    root: Path
    runs_dir: Path | None = None
    staging: Path | None = None
    commit: str | None = None
    branch: str | None = None


def resolve_place(start: Path) -> Place:
    """Return the place for runs begun in ``start``: its project, or the folder itself.

    A warning says that it is the folder itself, once in a process. A replay keeps no series.
    """
    try:
        repository = open_repository(start)
        now = head(repository)
    except MlopsError as error:
        if start not in _told:
            _told.add(start)
            reason = "it is in no Git project." if isinstance(error, NotFoundError) else str(error)
            _LOGGER.warning("Metrics are kept in %s only: %s", start / "metrics", reason)
        return Place(start)
    return Place(
        repository.root,
        None if os.environ.get(REPLAY_VARIABLE) else repository.store_dir / "runs",
        repository.state_dir / "staging",
        now.commit,
        now.branch,
    )


class ProjectSink:
    """Writes a run's values into the project's files and its series into the store.

    The project is looked up at the first write, from the folder that was current when the run
    began.
    """

    def __init__(self, resolve: Callable[[Path], Place], start: Path | None = None) -> None:
        self._resolve = resolve
        self._start = start or Path(os.path.abspath(os.curdir))
        self._place: Place | None = None
        self._began_seconds = time.time()
        self._series: Path | None = None
        self._cleared: set[str] = set()

    def write_values(self, path: str, content: bytes) -> None:
        """Write a file of the project whole; a reader sees the old or the new one.

        What a killed process left beside it goes first.
        """
        place = self._found()
        tree = WorkTree(place.root, place.staging)
        if path not in self._cleared:
            self._cleared.add(path)
            tree.clear(path)
        tree.write_file(path, content, Mode.FILE)

    def read_values(self, path: str) -> dict[str, object]:
        """Return what a file of the project holds; empty where there is none to add to."""
        try:
            values = json.loads((self._found().root / path).read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def append_series(self, run: str, lines: str) -> None:
        """Append whole lines to this process's file of the run's series."""
        place = self._found()
        if place.runs_dir is None:
            return
        if self._series is None:
            folder = place.runs_dir / run
            make_folder(folder)
            self._series = folder / f"{_stamp(self._began_seconds)}-{os.getpid()}.jsonl"
            lines = self._header(run, place) + lines
        append_bytes(self._series, lines.encode("utf-8", "replace"))

    def _header(self, run: str, place: Place) -> str:
        return format_line(
            {
                "format": SERIES_FORMAT,
                "run": run,
                "began_at": round(self._began_seconds, 6),
                "pid": os.getpid(),
                "commit": place.commit,
                "branch": place.branch,
            }
        )

    def _found(self) -> Place:
        if self._place is None:
            self._place = self._resolve(self._start)
        return self._place


def _stamp(seconds: float) -> str:
    whole = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1_000_000):06d}Z"
