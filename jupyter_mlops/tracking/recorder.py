"""The run that logs now in this process, and the thread that writes behind it."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from contextlib import suppress

from jupyter_mlops.tracking.names import clean_run_name, infer_run_name
from jupyter_mlops.tracking.place import ProjectSink, resolve_place
from jupyter_mlops.tracking.run import Run
from jupyter_mlops.tracking.values import Number

FLUSH_SECONDS = 0.5


class Recorder:
    """Holds the current run and writes the runs of this process in the background."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._default: Run | None = None
        self._current: Run | None = None
        self._waiting: set[Run] = set()
        self._dirty = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def current(self) -> Run:
        """Return the run that logs now: the one begun last, else the notebook's or script's."""
        run = self._current or self._default
        if run is not None:
            return run
        with self._lock:
            if self._default is None:
                self._default = self._make(infer_run_name())
            return self._default

    def begin(self, name: str | None, *, resume: bool = False) -> Run:
        """Begin a run in the current folder's project and make it the current one."""
        self.flush()
        with self._lock:
            self._current = self._make(name or infer_run_name(), resume=resume)
            return self._current

    def flush(self) -> None:
        """Write what has been logged so far; what cannot be written now is tried again later."""
        self._dirty.clear()
        failed = set()
        with suppress(KeyError):
            while True:
                run = self._waiting.pop()
                if not run.flush():
                    failed.add(run)
        self._waiting |= failed

    def close(self) -> None:
        """Write everything and stop the thread."""
        self._ended.set()
        self._dirty.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _make(self, name: str, *, resume: bool = False) -> Run:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._write_behind, name="mlops-log", daemon=True
            )
            self._thread.start()
        sink = ProjectSink(resolve_place)
        return Run(
            clean_run_name(name), sink, resume=resume, changed=self._changed, ended=self._end
        )

    def _changed(self, run: Run) -> None:
        self._waiting.add(run)
        if not self._dirty.is_set():
            self._dirty.set()

    def _end(self, run: Run) -> None:
        with self._lock:
            if self._current is run:
                self._current = None

    def _write_behind(self) -> None:
        while not self._ended.is_set():
            self._dirty.wait()
            self._ended.wait(FLUSH_SECONDS)
            self.flush()


_recorder = Recorder()


def _forget_parent() -> None:
    """Begin anew in a forked child: the parent writes what it has logged."""
    global _recorder
    _recorder = Recorder()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
atexit.register(lambda: _recorder.close())


def run(name: str | None = None, *, resume: bool = False) -> Run:
    """Begin a run: what is logged from now on belongs to it.

    ``name`` names its files, ``metrics/<name>.json`` and ``params/<name>.json``; without it the
    notebook's or script's stem does. The files are replaced, or added to with ``resume``. Usable as
    a context manager: at its end everything is written, and the default run logs again.
    """
    return _recorder.begin(name, resume=resume)


def log(
    values: Mapping[str, object] | None = None,
    /,
    *,
    step: Number | None = None,
    **named: object,
) -> None:
    """Log metrics by name, all at one step: ``log(loss=0.2, acc=0.91, step=3)``.

    Takes a mapping as well; nested ones are joined with dots. Never raises for a value that cannot
    be kept: a warning says so once.
    """
    _recorder.current().log(values, step=step, **named)


def log_metric(name: str, value: object, step: Number | None = None) -> None:
    """Log one metric: ``log_metric("loss", 0.2, step=3)``."""
    _recorder.current().log({name: value}, step=step)


def log_metrics(values: Mapping[str, object], step: Number | None = None) -> None:
    """Log metrics by name, all at one step."""
    _recorder.current().log(values, step=step)


def log_param(name: str, value: object) -> None:
    """Log one parameter: ``log_param("depth", 6)``."""
    _recorder.current().log_params({name: value})


def log_params(values: Mapping[str, object] | None = None, /, **named: object) -> None:
    """Log parameters by name: ``log_params({"depth": 6, "rate": 0.1})``."""
    _recorder.current().log_params(values, **named)


def next_step() -> None:
    """Begin the next step: what is logged without a step from now on belongs to it."""
    _recorder.current().next_step()


def flush() -> None:
    """Write what has been logged so far, now."""
    _recorder.flush()
