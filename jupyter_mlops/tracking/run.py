"""One run: what it has logged, kept in memory and written by :meth:`Run.flush`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol

from jupyter_mlops.tracking.values import (
    Number,
    Param,
    format_line,
    format_values,
    iter_flat,
    to_number,
    to_param,
)

_LOGGER = logging.getLogger("jupyter_mlops")
_PENDING_LIMIT = 100_000

_Entry = tuple[float, Number | None, dict[str, Number] | dict[str, Param], bool]


class Sink(Protocol):
    """Where a run's files go."""

    def write_values(self, path: str, content: bytes) -> None:
        """Write a file of the project whole, ``path`` relative to its root."""
        ...

    def read_values(self, path: str) -> dict[str, object]:
        """Return what a file of the project holds; empty where there is none."""
        ...

    def append_series(self, run: str, lines: str) -> None:
        """Append whole lines to the series of ``run``."""
        ...


class Run:
    """Logs metrics and parameters under one name.

    Every method may be called from any thread, in any order of steps. None raises for a value that
    cannot be kept or a disk that refuses: a warning is logged, once for each reason. Values are
    kept in memory; :meth:`flush` writes them, and is called in the background about twice a second
    and when the process ends.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        *,
        resume: bool = False,
        changed: Callable[[Run], None] = lambda run: None,
        ended: Callable[[Run], None] = lambda run: None,
        time_seconds: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.step: Number | None = None
        self._sink = sink
        self._changed = changed
        self._ended = ended
        self._time_seconds = time_seconds
        self._lock = threading.RLock()
        self._writing = threading.RLock()
        self._pending: list[_Entry] = []
        self._metrics: dict[str, Number] = {}
        self._params: dict[str, Param] = {}
        self._next_steps: dict[str, Number] = {}
        self._resume = resume
        self._warned: set[str] = set()

    def log(
        self,
        values: Mapping[str, object] | None = None,
        /,
        *,
        step: Number | None = None,
        **named: object,
    ) -> None:
        """Log metrics by name, all at one step.

        Nested mappings are joined with dots. Without ``step`` a value belongs to the run's step
        once :meth:`next_step` has been called, else it follows the last value of its name.
        """
        try:
            self._log({**values, **named} if values else named, step)
        except Exception as error:
            # Training goes on whatever was passed in; the reason is told once.
            self.warn(f"A call of log could not be kept: {type(error).__name__}: {error}.")

    def log_metric(self, name: str, value: object, step: Number | None = None) -> None:
        """Log one metric."""
        self.log({name: value}, step=step)

    def log_metrics(self, values: Mapping[str, object], step: Number | None = None) -> None:
        """Log metrics by name, all at one step."""
        self.log(values, step=step)

    def next_step(self) -> None:
        """Begin the next step: what is logged without a step from now on belongs to it."""
        with self._lock:
            self.step = 1 if self.step is None else self.step + 1

    def log_param(self, name: str, value: object) -> None:
        """Log one parameter."""
        self.log_params({name: value})

    def log_params(self, values: Mapping[str, object] | None = None, /, **named: object) -> None:
        """Log parameters by name; nested mappings are joined with dots.

        A parameter that gets another value in the same run is replaced, with a warning.
        """
        try:
            given = {**values, **named} if values else named
            self._log_params({str(name): to_param(value) for name, value in iter_flat(given)})
        except Exception as error:
            # Training goes on whatever was passed in; the reason is told once.
            self.warn(f"A call of log_params could not be kept: {type(error).__name__}: {error}.")

    def flush(self) -> bool:
        """Write what has been logged since the last flush; return whether all of it is written.

        What cannot be written is kept, and tried again by the next call.
        """
        with self._writing:
            with self._lock:
                pending, self._pending = self._pending, []
                metrics, params = dict(self._metrics), dict(self._params)
            if not pending:
                return True
            try:
                self._write(pending, metrics, params)
            except Exception as error:
                # Training goes on without its files; the next flush tries again.
                with self._lock:
                    self._pending = (pending + self._pending)[-_PENDING_LIMIT:]
                self.warn(f"What run {self.name!r} logs cannot be written: {error}")
                return False
            return True

    def warn(self, message: str) -> None:
        """Log ``message`` as a warning, once in a run."""
        if message not in self._warned and len(self._warned) < 100:
            self._warned.add(message)
            _LOGGER.warning("%s", message)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended(self)
        self.flush()

    def _log(self, given: Mapping[str, object], step: object) -> None:
        values: dict[str, Number] = {}
        for name, value in given.items():
            kind = type(value)
            if (kind is float or kind is int) and type(name) is str:
                values[name] = value  # type: ignore[assignment]
            else:
                self._take(str(name), value, values)
        if not values:
            return
        at = None if step is None else to_number(step)
        if step is not None and at is None:
            self.warn(f"The step {step!r} is not a number; the values follow the last ones.")
        with self._lock:
            if at is None:
                at = self._step_for(values)
            following = at + 1
            for name in values:
                self._next_steps[name] = following
            self._metrics.update(values)
            self._pending.append((self._time_seconds(), at, values, False))
        self._changed(self)

    def _take(self, name: str, value: object, into: dict[str, Number]) -> None:
        parts = iter_flat(value, f"{name}.") if isinstance(value, Mapping) else ((name, value),)
        for full, part in parts:
            number = to_number(part)
            if number is None:
                self.warn(f"Metric {full!r} is not a number but {type(part).__name__}; left out.")
            else:
                into[full] = number

    def _step_for(self, values: Mapping[str, Number]) -> Number:
        if self.step is not None:
            return self.step
        return max(self._next_steps.get(name, 0) for name in values)

    def _log_params(self, values: dict[str, Param]) -> None:
        with self._lock:
            for name, value in values.items():
                if name in self._params and self._params[name] != value:
                    self.warn(
                        f"Parameter {name!r} of run {self.name!r} was "
                        f"{self._params[name]!r} and is now {value!r}."
                    )
            self._params.update(values)
            if values:
                self._pending.append((self._time_seconds(), None, values, True))
        self._changed(self)

    def _write(
        self, pending: list[_Entry], metrics: Mapping[str, Number], params: Mapping[str, Param]
    ) -> None:
        if any(not is_params for *_, is_params in pending):
            self._write_values(f"metrics/{self.name}.json", metrics)
        if any(is_params for *_, is_params in pending):
            self._write_values(f"params/{self.name}.json", params)
        self._sink.append_series(self.name, "".join(_encode_entry(entry) for entry in pending))

    def _write_values(self, path: str, values: Mapping[str, Param]) -> None:
        kept: dict[str, object] = self._sink.read_values(path) if self._resume else {}
        self._sink.write_values(path, format_values({**kept, **values}))  # type: ignore[dict-item]


def _encode_entry(entry: _Entry) -> str:
    at, step, values, is_params = entry
    when = round(at, 6)
    if is_params:
        return format_line({"at": when, "params": values})
    return format_line({"at": when, "step": step, "values": values})
