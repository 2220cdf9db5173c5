"""What one process writes of a run: its series, its share of the values, files that it keeps."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.files.append import AppendFile
from jupyter_mlops.files.durable import make_folder, move_new, open_staging, remove, write_atomic
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.files.owner import current_owner, format_owner
from jupyter_mlops.formats.run import Began, Param, Uses, format_line, format_series_name
from jupyter_mlops.tracking.executions import Execution, joined
from jupyter_mlops.tracking.place import Place
from jupyter_mlops.tracking.value_files import ValueFiles, ValueKind

OPEN_FOLDER = "open"
"""In the worktree's folder of runs: a series' first line, while its values may not be written."""

FILES_FOLDER = "files"
_NAMES_LIMIT = 1_000_000


class RunFiles:
    """The files of one execution of a run, for one process.

    The series begins with the first line. Not thread-safe, but for :meth:`keep`; values may be
    written while lines are appended.
    """

    def __init__(self, place: Place, execution: Execution, source: str | None = None) -> None:
        self.place = place
        self.execution = execution
        self._source = source
        self._values = ValueFiles(place, execution)
        self._series: AppendFile | None = None
        self._marker: Path | None = None
        self._began_at = round(time.time(), 6)
        self._has_begun = False
        self._numbers: dict[str, int] = {}

    def append(self, lines: bytes) -> None:
        """Append whole lines to this process's file of the run's series.

        Outside of a project there is none.

        Raises:
            UnavailableError: the disk refuses.
        """
        if self._series is None:
            self._series = self._open()
            if self._series is None:
                return
        self._series.append(lines)

    def write_values(self, kind: ValueKind, values: Mapping[str, Param]) -> bool:
        """Add ``values`` to the run's file of them; False where a later execution has begun.

        Raises:
            MlopsError: the file cannot be written.
        """
        return self._values.write(kind, values)

    def keep(self, name: str, write: Callable[[Path], None]) -> tuple[str, int]:
        """Keep what ``write`` makes at the path that it is given, a file or a folder.

        Nothing that was kept before is replaced: where ``name`` is taken, a number is added.
        Thread-safe.

        Returns:
            The name in the run's files, and the bytes.

        Raises:
            NotFoundError: there is no project to keep it in.
            UnavailableError: the disk refuses.
        """
        runs_dir, state_dir = self.place.runs_dir, self.place.state_dir
        if runs_dir is None or state_dir is None:
            raise NotFoundError("There is no Git project to keep it in.", code="not-a-git-project")
        folder = runs_dir / self.execution.run / FILES_FOLDER / self.execution.id
        with open_staging(folder) as staging:
            made = staging.path / name
            write(made)
            size_bytes = _measure(made)
            stem, dot, suffix = name.partition(".")
            with hold_lock(state_dir / f"{self.execution.run}.lock"):
                for number in range(self._numbers.get(name, 1), _NAMES_LIMIT):
                    free = name if number == 1 else f"{stem}.{number}{dot}{suffix}"
                    try:
                        move_new(made, folder / free)
                    except ConflictError:
                        continue
                    self._numbers[name] = number + 1
                    return free, size_bytes
        raise ConflictError(f"There are too many files called {name}.", code="name-taken")

    def use(self, path: Path, at: float) -> Uses:
        """Return what is known of the tracked data at ``path``.

        Raises:
            NotFoundError: it is not tracked, or there is no project.
        """
        if self.place.repository is None:
            raise NotFoundError(f"{path} is in no Git project.", code="not-a-git-project")
        # what looks at data takes as long to load as all the rest that logging needs
        use = import_module("jupyter_mlops.tracking.use")
        found: Uses = use.find_used(self.place.repository, path, at)
        return found

    def close(self, *, settled: bool) -> None:
        """Close the series; the next line opens it again. ``settled``: its values are written."""
        if self._series is not None:
            self._series.close()
            self._series = None
            if settled and self._marker is not None:
                remove(self._marker)

    def for_child(self) -> RunFiles:
        """Return the files of the same execution for a process that was forked from this one."""
        return RunFiles(self.place, joined(self.execution), self._source)

    def _open(self) -> AppendFile | None:
        runs_dir, state_dir = self.place.runs_dir, self.place.state_dir
        if runs_dir is None or state_dir is None:
            return None
        run = self.execution.run
        name = format_series_name(self._began_at, os.getpid())
        first = format_line(self._first_line())
        self._marker = state_dir / OPEN_FOLDER / name
        write_atomic(self._marker, first, durable=False)
        make_folder(runs_dir / run)
        series = AppendFile(runs_dir / run / name)
        if not self._has_begun:
            self._values.note_series(name)
            series.append(first)
            self._has_begun = True
        return series

    def _first_line(self) -> Began:
        return Began(
            run=self.execution.run,
            id=self.execution.id,
            began_at=self._began_at,
            owner=format_owner(current_owner()),
            commit=self.place.commit,
            branch=self.place.branch,
            source=self._source,
        )


def _measure(path: Path) -> int:
    if not path.is_dir():
        return os.stat(path).st_size
    return sum(
        os.lstat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(path)
        for name in names
    )
