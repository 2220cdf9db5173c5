"""The runs of this process, and the thread that writes behind them."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from jupyter_mlops.formats.run import Environment, System
from jupyter_mlops.tracking.cells import call_after_cells, find_shell
from jupyter_mlops.tracking.executions import (
    RUN_VARIABLE,
    Execution,
    find_inherited,
    hand_down,
    joined,
    new_execution,
)
from jupyter_mlops.tracking.last_values import read_next_steps
from jupyter_mlops.tracking.machine import Machine, describe_environment
from jupyter_mlops.tracking.names import (
    clean_run_name,
    infer_run_name,
    infer_source,
    is_in_kernel,
)
from jupyter_mlops.tracking.place import Place, resolve_place
from jupyter_mlops.tracking.run import Run
from jupyter_mlops.tracking.run_files import RunFiles
from jupyter_mlops.tracking.value_files import read_remembered

_LOGGER = logging.getLogger("jupyter_mlops")

FLUSH_SECONDS = 0.5
SYSTEM_SECONDS = 15.0
SYSTEM_VARIABLE = "JUPYTER_MLOPS_SYSTEM_SECONDS"
"""How often the machine is looked at, in seconds; 0: never."""

_QUIET_SECONDS = 600.0
"""In a kernel the machine is looked at for so long after something was logged."""


@dataclass(eq=False)
class _Watched:
    """A run of this process, and what is noted of its surroundings.

    ``system_seconds`` is how often the machine is looked at, 0 for never.
    """

    run: Run
    files: RunFiles
    system_seconds: float
    is_described: bool
    lock: threading.Lock = field(default_factory=threading.Lock)
    machine: Machine | None = None
    looked_at: float = field(default_factory=time.monotonic)
    logged_at: float = field(default_factory=time.monotonic)

    def describe(self) -> None:
        """Note what the run runs in, once."""
        with self.lock:
            if not self.is_described and self.run.is_open:
                self.is_described = True
                found = describe_environment(self.files.place)
                if found:
                    self.run.log_line(Environment(round(time.time(), 6), found))

    def is_looked_at(self, now: float) -> bool:
        """Return whether the machine is to be looked at now and then."""
        if not self.system_seconds or not self.run.is_open:
            return False
        return not is_in_kernel() or now - self.logged_at < _QUIET_SECONDS

    def look(self, now: float) -> None:
        """Note what the machine does, where it is time to."""
        if self.is_looked_at(now) and now - self.looked_at >= self.system_seconds:
            self.looked_at = now
            self.machine = self.machine or Machine()
            self.run.log_line(System(round(time.time(), 6), self.machine.read()))


class Recorder:
    """Holds the runs of this process and writes their values in the background."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._flushing = threading.RLock()
        self._inherited = os.environ.get(RUN_VARIABLE)
        self._default: Run | None = None
        self._current: list[Run] = []
        self._known: WeakKeyDictionary[Run, _Watched] = WeakKeyDictionary()
        self._open: dict[Run, _Watched] = {}
        self._waiting: set[Run] = set()
        self._dirty = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def current(self) -> Run:
        """Return the run that logs now: the one begun last, else the notebook's or script's."""
        if self._current:
            return self._current[-1]
        if self._default is not None:
            return self._default
        with self._lock:
            if self._default is None:
                place = _find_place()
                execution = find_inherited(self._inherited, place.root)
                if execution is None:
                    execution = new_execution(infer_run_name(), time.time())
                self._default = self._make(place, execution, _ask_system_seconds())
                shell = find_shell()
                if shell is not None:
                    call_after_cells(shell, self._end_cell)
            return self._default

    def begin(
        self,
        name: str | None,
        *,
        resume: bool = False,
        system_seconds: float | None = None,
        card: bool = True,
    ) -> Run:
        """Begin a run in the current folder's project and make it the current one.

        One of the same name that was begun before ends, unless a ``with`` ends it.
        """
        self.flush()
        again = clean_run_name(name) if name else infer_run_name()
        for earlier in list(self._current):
            if earlier.name == again and not earlier.is_entered:
                earlier.end()
        with self._lock:
            place = _find_place()
            execution = self._find_execution(place, name, resume=resume)
            if system_seconds is None:
                system_seconds = _ask_system_seconds()
            run = self._make(place, execution, system_seconds)
            self._current.append(run)
        run.begin()
        if card and is_in_kernel():
            # what draws takes as long to load as all the rest that logging needs
            shown = import_module("jupyter_mlops.tracking.card").show_card(self._known[run].files)
            if shown is not None:
                run.settled = shown.close
        return run

    def attach(self, place: Place, execution: Execution) -> Run:
        """Return a run of another process, to which this one logs as well.

        Where the project is not there, as on another machine, it is that of the current folder.
        """
        if place.repository is not None and not place.repository.git_dir.is_dir():
            place = _find_place()
        with self._lock:
            return self._make(place, joined(execution), 0)

    def reduce(self, run: Run) -> tuple[Any, ...]:
        """Return what pickling needs of a run: a process that unpickles it logs to it as well."""
        files = self._known[run].files
        return attach, (files.place, files.execution)

    def flush(self) -> None:
        """Write what has been logged so far; what cannot be written now is tried again later.

        What another thread is writing just now is written when this returns.
        """
        with self._flushing:
            self._dirty.clear()
            failed = set()
            with suppress(KeyError):
                while True:
                    run = self._waiting.pop()
                    if not run.flush():
                        failed.add(run)
            self._waiting |= failed

    def close(self) -> None:
        """End every run, as failed where an exception ends the process, and stop the thread."""
        self._ended.set()
        self._dirty.set()
        if self._thread is not None:
            self._thread.join()
        why = None if is_in_kernel() else getattr(sys, "last_value", None)
        for run in list(self._open):
            run.end(why)

    def for_child(self) -> Recorder:
        """Return the recorder of a process that was forked from this one.

        Its runs are the same, to which the child logs as another process.
        """
        child = Recorder()
        child._default, child._current = self._default, list(self._current)
        for run, watched in list(self._known.items()):
            files = watched.files.for_child()
            child._known[run] = _Watched(run, files, 0, is_described=True)
            run.go_on_in_child(files, child._changed, child._end)
        return child

    def _end_cell(self, why: BaseException | None) -> bool:
        """End the notebook's own run with the cell: nothing else says that it does not go on."""
        if self._default is not None and recorder() is self:
            self._default.end_cell(why)
        return True

    def _find_execution(self, place: Place, name: str | None, *, resume: bool) -> Execution:
        run = clean_run_name(name) if name else infer_run_name()
        inherited = find_inherited(self._inherited, place.root)
        if inherited is not None and (not name or inherited.run == run):
            return inherited
        if not resume:
            return new_execution(run, time.time())
        remembered = [] if place.state_dir is None else read_remembered(place.state_dir, run)
        if not remembered:
            return replace(new_execution(run, time.time()), is_resumed=True)
        last = remembered[-1]
        return Execution(run, last.id, last.began_at, is_resumed=True)

    def _make(self, place: Place, execution: Execution, system_seconds: float) -> Run:
        files = RunFiles(place, execution, place.find_source(infer_source()))
        run = Run(
            execution.run,
            files,
            next_steps=read_next_steps(place, execution) if execution.is_resumed else None,
            changed=self._changed,
            ended=self._end,
            described=self.reduce,
        )
        is_worker = execution.is_joined
        self._known[run] = _Watched(
            run, files, 0 if is_worker else system_seconds, is_described=is_worker
        )
        hand_down(execution, place.root)
        return run

    def _changed(self, run: Run) -> None:
        self._waiting.add(run)
        if run not in self._open:
            self._watch(run)
        if not self._dirty.is_set():
            self._dirty.set()

    def _watch(self, run: Run) -> None:
        with self._lock:
            self._open[run] = self._known[run]
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._write_behind, name="mlops-log", daemon=True
                )
                self._thread.start()
                _close_with_process(self)

    def _end(self, run: Run) -> None:
        self._known[run].describe()
        with self._lock:
            if run in self._current:
                self._current.remove(run)
            self._open.pop(run, None)
            current = self._current[-1] if self._current else self._default
            if current is None:
                hand_down(None, Path())
            else:
                files = self._known[current].files
                hand_down(files.execution, files.place.root)

    def _write_behind(self) -> None:
        while not self._ended.is_set():
            self._dirty.wait(self._next_look())
            if self._dirty.is_set():
                self._ended.wait(FLUSH_SECONDS)
            now = time.monotonic()
            waiting = set(self._waiting)
            self.flush()
            for watched in list(self._open.values()):
                if self._ended.is_set():
                    return
                if watched.run in waiting:
                    watched.logged_at = now
                watched.describe()
                watched.look(now)

    def _next_look(self) -> float | None:
        """Return after how many seconds the machine is to be looked at again."""
        now = time.monotonic()
        waits = [
            max(0.0, watched.looked_at + watched.system_seconds - now)
            for watched in list(self._open.values())
            if watched.is_looked_at(now)
        ]
        return min(waits, default=None)


def _find_place() -> Place:
    try:
        return resolve_place(Path(os.path.abspath(os.curdir)))
    except Exception as error:
        # Training goes on wherever it is; the reason is told once.
        _LOGGER.warning("It cannot be found out where the run belongs: %s", error)
        return Place(Path(os.curdir))


def _ask_system_seconds() -> float:
    try:
        return max(0.0, float(os.environ.get(SYSTEM_VARIABLE, SYSTEM_SECONDS)))
    except ValueError:
        return SYSTEM_SECONDS


def _close_with_process(recorder: Recorder) -> None:
    """Have ``recorder`` closed at the end of a process that multiprocessing ends in its own way."""
    multiprocessing: Any = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        import_module("multiprocessing.util").Finalize(None, recorder.close, exitpriority=100)


_recorder = Recorder()


def recorder() -> Recorder:
    """Return the recorder of this process."""
    return _recorder


def attach(place: Place, execution: Execution) -> Run:
    """Return a run that another process began; what unpickles a run calls it."""
    return _recorder.attach(place, execution)


def _go_on_in_child() -> None:
    global _recorder
    _recorder = _recorder.for_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_on_in_child)
atexit.register(lambda: _recorder.close())
