"""The runs of a store: how each stands, what it logged last, and its series."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Literal

from jupyter_mlops.errors import NotFoundError, UnsupportedError
from jupyter_mlops.files.owner import is_gone, parse_owner
from jupyter_mlops.formats.run import Began, Param
from jupyter_mlops.metrics.curve import Curve, Points, merge, thin_largest
from jupyter_mlops.metrics.read import Problem
from jupyter_mlops.metrics.run_folders import RunFolders, SeriesFile
from jupyter_mlops.metrics.series import POINTS_LIMIT, SeriesReader, read_began
from jupyter_mlops.text import visible

RunState = Literal["running", "done", "failed", "died"]

PROBLEMS_LIMIT = 20

_KEPT_READERS = 1000
_KEPT_POINTS = 6_000_000
_KEPT_IDS = 50_000


@dataclass(frozen=True, slots=True)
class Run:
    """One execution; times are seconds since 1970.

    ``values`` are what each metric was logged with last, in the order in which they were first
    logged; ``step`` is the highest one. ``why`` it failed, where it did. In a list ``values``,
    ``params``, ``tags`` and ``notes`` are those at the end of a long series only.
    """

    name: str
    id: str
    state: RunState
    why: str | None
    began_at: float
    last_at: float
    commit: str | None
    branch: str | None
    source: str | None
    processes: int
    step: float | None
    values: Mapping[str, float]
    params: Mapping[str, Param]
    tags: tuple[str, ...]
    notes: tuple[str, ...]
    damaged_lines: int


class Runs:
    """The runs in one folder of a store; made by :func:`open_runs`.

    What was read is kept, in bounded memory, so that what a run has logged since is read on.
    Safe for threads, which wait for each other.
    """

    def __init__(self, folder: Path) -> None:
        self._folders = RunFolders(folder)
        self._lock = Lock()
        self._readers: OrderedDict[tuple[Path, bool], SeriesReader] = OrderedDict()
        self._ids: dict[Path, str] = {}

    def list_newest(
        self,
        now_seconds: float,
        limit: int,
        states: Collection[RunState] = (),
        *,
        one_a_name: bool = False,
    ) -> tuple[list[Run], list[Problem]]:
        """Return ``limit`` runs at most, those first that began last, and what cannot be read.

        ``states`` are those that count, all where there are none; with ``one_a_name`` the newest
        execution of each name alone is looked at.
        """
        found: list[Run] = []
        problems: list[Problem] = []
        seen: set[tuple[str, str]] = set()
        with self._lock:
            grouped: dict[str, dict[str, list[SeriesFile]]] = {}
            for file in self._folders.list_newest(one_a_name=one_a_name):
                try:
                    run_id = self._read_id(file.path)
                except (ValueError, UnsupportedError) as error:
                    problems.append(Problem(f"{file.run}/{file.name}", str(error)))
                    continue
                if run_id is None or (file.run, run_id) in seen:
                    continue
                seen.add((file.run, run_id))
                if file.run not in grouped:
                    grouped[file.run] = self._group(file.run)
                readers = self._read(grouped[file.run].get(run_id, ()), tail_only=True)
                run = _sum_up(file.run, readers, now_seconds)
                if run is not None and (not states or run.state in states):
                    found.append(run)
                    if len(found) >= limit:
                        break
            self._drop_readers()
        found.sort(key=lambda run: run.began_at, reverse=True)
        return found, problems[:PROBLEMS_LIMIT]

    def read(self, run: str, now_seconds: float) -> Execution:
        """Return the execution that ``run`` names: the newest of that name, or one by its id.

        Raises:
            NotFoundError: there is none (``run-not-found``).
            UnsupportedError: its series has a newer format (``format-newer``).
        """
        with self._lock:
            name, run_id = self._find(run)
            return self._read_execution(name, run_id, now_seconds)

    def read_execution(self, name: str, run_id: str, now_seconds: float) -> Execution:
        """Return the execution of the run ``name`` that has the id ``run_id``.

        Raises:
            NotFoundError: there is none (``run-not-found``).
        """
        with self._lock:
            return self._read_execution(name, run_id, now_seconds)

    def _read_execution(self, name: str, run_id: str, now_seconds: float) -> Execution:
        files = self._group(name).get(run_id, ()) if name in self._folders.list_names() else ()
        readers = self._read(files, tail_only=False)
        self._drop_readers()
        summed = _sum_up(name, readers, now_seconds)
        if summed is None:
            raise _not_found(run_id)
        return Execution(summed, readers, self._lock)

    def _find(self, run: str) -> tuple[str, str]:
        """Return name and id of the newest execution that ``run`` names."""
        names = self._folders.list_names()
        for name in (run,) if run in names else names:
            for file in self._folders.list_series(name):
                try:
                    run_id = self._read_id(file.path)
                except ValueError:
                    continue
                except UnsupportedError:
                    if run == name:
                        raise
                    continue
                if run_id is not None and run in (name, run_id):
                    return name, run_id
        raise _not_found(run)

    def _group(self, name: str) -> dict[str, list[SeriesFile]]:
        """Return the series of a run by the id of their execution, those first that began first."""
        found: dict[str, list[SeriesFile]] = {}
        for file in reversed(self._folders.list_series(name)):
            try:
                run_id = self._read_id(file.path)
            except (ValueError, UnsupportedError):
                continue
            if run_id is not None:
                found.setdefault(run_id, []).append(file)
        return found

    def _read_id(self, path: Path) -> str | None:
        """Return whose series it is, None where its first line is not whole yet.

        Raises:
            ValueError: its first line is none of a series.
            UnsupportedError: its format is a newer one.
        """
        known = self._ids.get(path)
        if known is not None:
            return known
        began = read_began(path)
        if began is None:
            return None
        if len(self._ids) >= _KEPT_IDS:
            self._ids.clear()
        self._ids[path] = began.id
        return began.id

    def _read(self, files: Iterable[SeriesFile], *, tail_only: bool) -> list[SeriesReader]:
        """Return what the processes of an execution logged."""
        readers: list[SeriesReader] = []
        for file in files:
            known = self._readers.get((file.path, tail_only))
            reader = known or SeriesReader(file.path, tail_only=tail_only)
            if reader.read_on() and reader.began is not None:
                readers.append(reader)
                self._readers[file.path, tail_only] = reader
                self._readers.move_to_end((file.path, tail_only))
                thin_largest(_all_curves(readers), POINTS_LIMIT)
        return readers

    def _drop_readers(self) -> None:
        """Keep only so much of what was read, that which was asked for last."""
        points = sum(one.points_count for one in self._readers.values())
        while len(self._readers) > _KEPT_READERS or (
            points > _KEPT_POINTS and len(self._readers) > 1
        ):
            _, dropped = self._readers.popitem(last=False)
            points -= dropped.points_count


class Execution:
    """One execution with its series; see :meth:`Runs.read`."""

    def __init__(self, run: Run, readers: list[SeriesReader], lock: Lock) -> None:
        self.run = run
        self._readers = readers
        self._lock = lock

    def points(self, name: str) -> Points:
        """Return all points of a metric by step, not to be changed; none where it has none.

        Where several processes logged one at the same step, that of the process counts which began
        last.
        """
        with self._lock:
            curves = [reader.curves[name] for reader in self._readers if name in reader.curves]
            if not curves:
                return array("d"), array("d")
            points = curves[0].points()
            for other in curves[1:]:
                points = merge(points, other.points())
            return points

    def count(self, name: str) -> int:
        """Return how many values of a metric were logged."""
        return sum(reader.curves[name].count for reader in self._readers if name in reader.curves)


@lru_cache(maxsize=8)
def open_runs(folder: Path) -> Runs:
    """Return the runs below ``folder``, the same for the same folder; there may be none yet."""
    return Runs(folder)


def _sum_up(name: str, readers: list[SeriesReader], now_seconds: float) -> Run | None:
    begins = [reader.began for reader in readers if reader.began is not None]
    if not begins:
        return None
    first: Began = begins[0]
    state = _run_state([_process_state(reader, now_seconds) for reader in readers])
    whys = [reader.ended.why for reader in readers if reader.ended and reader.ended.why]
    steps = [reader.last_step for reader in readers if reader.last_step is not None]
    params: dict[str, Param] = {}
    for reader in readers:
        params.update(reader.params)
    return Run(
        name=name,
        id=first.id,
        state=state,
        why=whys[0] if state == "failed" and whys else None,
        began_at=first.began_at,
        last_at=max(reader.last_at for reader in readers),
        commit=first.commit,
        branch=first.branch,
        source=first.source,
        processes=len(readers),
        step=max(steps, default=None),
        values=_last_values(readers),
        params=params,
        tags=tuple(dict.fromkeys(tag for reader in readers for tag in reader.tags)),
        notes=tuple(note for reader in readers for note in reader.notes),
        damaged_lines=sum(reader.damaged_lines for reader in readers),
    )


def _last_values(readers: Iterable[SeriesReader]) -> dict[str, float]:
    values: dict[str, float] = {}
    logged_at: dict[str, float] = {}
    for reader in readers:
        for name, curve in reader.curves.items():
            if name not in values or curve.last_at >= logged_at[name]:
                values[name], logged_at[name] = curve.last, curve.last_at
    return values


def _run_state(states: Sequence[RunState]) -> RunState:
    """Return the state of a run whose processes have ``states``, the one that began it first."""
    if "running" in states:
        return "running"
    return "failed" if states[0] == "done" and "failed" in states else states[0]


def _process_state(reader: SeriesReader, now_seconds: float) -> RunState:
    if reader.ended is not None:
        return reader.ended.outcome
    owner = parse_owner(reader.began.owner) if reader.began is not None else None
    if owner is None or is_gone(owner, age_seconds=now_seconds - reader.modified_at):
        return "died"
    return "running"


def _all_curves(readers: Iterable[SeriesReader]) -> Iterator[Curve]:
    for reader in readers:
        yield from reader.curves.values()


def _not_found(run: str) -> NotFoundError:
    return NotFoundError(
        f"There is no run with the name or id {visible(run)!r}.",
        code="run-not-found",
        hints=("jupyter mlops runs list",),
    )
