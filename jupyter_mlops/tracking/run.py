"""One run, as a process logs to it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from msgspec.structs import replace

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.formats.run import (
    Ended,
    Kept,
    Line,
    Metrics,
    Note,
    Number,
    Param,
    Params,
    Tags,
    format_line,
)
from jupyter_mlops.text import visible
from jupyter_mlops.tracking.content import (
    Content,
    NotKeptError,
    figure_content,
    file_content,
    file_name,
    image_content,
    table_content,
    text_content,
)
from jupyter_mlops.tracking.models import model_content
from jupyter_mlops.tracking.sink import Sink
from jupyter_mlops.tracking.value_files import ValueKind
from jupyter_mlops.tracking.values import iter_flat, to_number, to_param

_LOGGER = logging.getLogger("jupyter_mlops")
_PENDING_LIMIT = 100_000
"""So many lines that could not be written are held, the newest ones."""

_WARNINGS_LIMIT = 100
_WHY_LETTERS = 1000


class Run:
    """Logs to one run; made by :func:`jupyter_mlops.run`.

    Every method may be called from any thread, in any order of steps. None raises for what cannot
    be kept or for a disk that refuses: a warning is logged, once for each reason. Each call is in
    the run's series when it returns, so that a process which is killed loses nothing before; the
    files of last values follow within half a second, and with :meth:`flush`.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        *,
        next_steps: Mapping[str, Number] | None = None,
        changed: Callable[[Run], None] = lambda run: None,
        ended: Callable[[Run], None] = lambda run: None,
        described: Callable[[Run], tuple[Any, ...]] = lambda run: (),
        time_seconds: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.step: Number | None = None
        self.is_entered = False
        """Whether a ``with`` ends it."""
        self._sink = sink
        self._changed = changed
        self._on_end = ended
        self._described = described
        self._time_seconds = time_seconds
        self._next_steps: dict[str, Number] = dict(next_steps or {})
        self._warned: set[str] = set()
        self.settled: Callable[[], None] = lambda: None
        """Called when the end of the run is written."""
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lock = threading.RLock()
        self._writing = threading.RLock()
        self._pending: list[bytes] = []
        self._values: dict[ValueKind, dict[str, Any]] = {"metrics": {}, "params": {}}
        self._unwritten: set[ValueKind] = set()
        self._has_failed = False
        self.is_open = False
        """Whether it has logged what no end of this process counts for."""

    def begin(self) -> None:
        """Let the series begin before anything is logged."""
        with self._lock:
            self._append(b"")
        self._changed(self)

    def go_on_in_child(
        self, sink: Sink, changed: Callable[[Run], None], ended: Callable[[Run], None]
    ) -> None:
        """Log to ``sink`` in a process that was forked, where nothing was logged yet."""
        self._sink, self._changed, self._on_end = sink, changed, ended
        self.settled = lambda: None
        self._begin_anew()

    @property
    def following_step(self) -> Number:
        """The step after the last one that any metric was logged at; 0 before the first."""
        with self._lock:
            return max(self._next_steps.values(), default=0)

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
            self._warn_of_call("log", error)

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
            self._warn_of_call("log_params", error)

    def log_image(self, name: str, image: object, step: Number | None = None) -> None:
        """Keep an image: the path of an image file, a Pillow image, or an array.

        An array has height × width, or these and 1, 3 or 4 channels, last or first; numbers with a
        fraction go from 0 to 1.
        """
        self._keep("log_image", name, step, lambda: image_content(image))

    def log_figure(self, name: str, figure: object, step: Number | None = None) -> None:
        """Keep a figure: of matplotlib as PNG; of Bokeh and plotly as HTML, without a network."""
        self._keep("log_figure", name, step, lambda: figure_content(figure))

    def log_table(self, name: str, table: object, step: Number | None = None) -> None:
        """Keep a table: of pandas, polars or pyarrow as Parquet, a list of mappings as CSV."""
        self._keep("log_table", name, step, lambda: table_content(table))

    def log_text(self, name: str, text: str, step: Number | None = None) -> None:
        """Keep a text; where ``name`` has no suffix it gets ``.txt``."""
        self._keep("log_text", name, step, lambda: text_content(name, text))

    def log_model(self, name: str, model: object, *, pickle: bool = False) -> None:
        """Keep a model in its library's own format, which runs no code when it is read.

        PyTorch (safetensors, else its state_dict), XGBoost, LightGBM, CatBoost, Keras, ONNX, and
        scikit-learn where skops is installed. Anything else only with ``pickle``, in a format that
        can run any code when it is read.
        """
        self._keep("log_model", name, None, lambda: model_content(model, pickle=pickle))

    def log_artifact(self, path: object, name: str | None = None) -> None:
        """Keep a copy of a file or folder, by reflink where the file system makes them."""
        self._keep("log_artifact", name, None, lambda: file_content(path))

    def use_data(self, path: Any) -> Any:
        """Note that the run reads the tracked data at ``path``, with its hash and state.

        Returns:
            ``path`` as it was given: ``read_csv(use_data("data/train.csv"))``.
        """
        try:
            self._add(self._sink.use(Path(path), self._now()))
        except Exception as error:
            self._warn_of_call("use_data", error)
        return path

    def log_note(self, text: str) -> None:
        """Add a note in the user's words."""
        try:
            self._add(Note(self._now(), str(text)))
        except Exception as error:
            self._warn_of_call("log_note", error)

    def log_tags(self, *tags: str) -> None:
        """Add words by which the run is found again."""
        try:
            self._add(Tags(self._now(), tuple(str(tag) for tag in tags)))
        except Exception as error:
            self._warn_of_call("log_tags", error)

    def log_line(self, line: Line) -> None:
        """Add a line to the series, as what the package itself finds out while the run is open."""
        try:
            with self._lock:
                if self.is_open:
                    self._add(line)
        except Exception as error:
            self._warn_of_call("log_line", error)

    def flush(self) -> bool:
        """Write the last values; return whether all that was logged is written.

        What cannot be written is kept, and tried again by the next call.
        """
        with self._writing:
            with self._lock:
                is_whole = self._write_pending()
                kinds, self._unwritten = self._unwritten, set()
                values = {kind: dict(self._values[kind]) for kind in kinds}
            for kind in sorted(kinds):
                try:
                    if not self._sink.write_values(kind, values[kind]):
                        self.warn(
                            f"A later run called {self.name!r} has begun, whose values"
                            f" {kind}/{self.name}.json holds; those of this one are in its series."
                        )
                except Exception as error:
                    # Training goes on without its files; the next flush tries again.
                    is_whole = False
                    with self._lock:
                        self._unwritten.add(kind)
                    self._warn_of_disk(error)
            return is_whole

    def end(self, why: BaseException | None = None) -> None:
        """End the run, as failed where ``why`` tells so; all that was logged is written.

        It may be logged to later, and is then ended again with the process.
        """
        self._on_end(self)
        try:
            self._end(None if why is None else f"{type(why).__name__}: {why}"[:_WHY_LETTERS])
        except Exception as error:
            self._warn_of_disk(error)
        self.settled()

    def end_cell(self, why: BaseException | None) -> None:
        """End the run with the cell of a notebook that logged to it, where one did.

        The next cell that logs goes on with it: its end counts then, also where this one failed.
        """
        if self.is_open:
            self._has_failed = False
            self.end(why)

    def warn(self, message: str, about: str = "") -> None:
        """Log ``message`` as a warning, once in a run; of those ``about`` one thing the first."""
        key = about or message
        if key not in self._warned and len(self._warned) < _WARNINGS_LIMIT:
            self._warned.add(key)
            _LOGGER.warning("%s", visible(message))

    def __reduce__(self) -> tuple[Any, ...]:
        return self._described(self)

    def __enter__(self) -> Run:
        self.is_entered = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end(None if isinstance(error, SystemExit) and not error.code else error)

    def _now(self) -> float:
        return round(self._time_seconds(), 6)

    def _log(self, given: Mapping[str, object], step: object) -> None:
        values: dict[str, Number] = {}
        for name, value in given.items():
            if type(value) is float and type(name) is str:
                values[name] = value
            else:
                self._take(str(name), value, values)
        if not values:
            return
        at = None if step is None else to_number(step)
        if step is not None and (at is None or at - at != 0):
            self.warn(f"The step {step!r} is not a number; the values follow the last ones.")
            at = None
        with self._lock:
            if at is None:
                at = self._step_for(values)
            following = at + 1
            for name in values:
                self._next_steps[name] = following
            self._values["metrics"].update(values)
            self._unwritten.add("metrics")
            self._add(Metrics(self._now(), at, values))
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
        return to_number(max(self._next_steps.get(name, 0) for name in values)) or 0

    def _log_params(self, values: dict[str, Param]) -> None:
        with self._lock:
            known = self._values["params"]
            for name, value in values.items():
                if name in known and known[name] != value:
                    self.warn(
                        f"Parameter {name!r} of run {self.name!r} was "
                        f"{known[name]!r} and is now {value!r}."
                    )
            known.update(values)
            if values:
                self._unwritten.add("params")
                self._add(Params(self._now(), values))
        self._changed(self)

    def _keep(self, call: str, name: str | None, step: object, make: Callable[[], Content]) -> None:
        """Keep a file in the run's files, and say so in its series."""
        try:
            content = make()
            shown = str(content.name if name is None else name)
            at = None if step is None else to_number(step)
            file, size_bytes = self._sink.keep(file_name(shown, at, content.suffix), content.write)
            self._add(
                Kept(self._now(), content.kind, shown, file, content.media_type, size_bytes, at)
            )
        except Exception as error:
            self._warn_of_call(call, error)

    def _add(self, line: Line) -> None:
        try:
            encoded = format_line(line)
        except ValueError:
            if not isinstance(line, Metrics | Params) or len(line.values) < 2:
                raise
            for part in _halve(line):  # more than a line holds
                self._add(part)
            return
        with self._lock:
            self._append(encoded)

    def _append(self, encoded: bytes) -> None:
        self.is_open = True
        if self._pending:
            self._hold(encoded)
            return
        try:
            self._sink.append(encoded)
        except MlopsError as error:
            self._hold(encoded)
            self._warn_of_disk(error)
            self._changed(self)

    def _hold(self, line: bytes) -> None:
        self._pending.append(line)
        if len(self._pending) > _PENDING_LIMIT:
            del self._pending[: _PENDING_LIMIT // 10]
            self.warn(f"Of what run {self.name!r} logs the oldest lines are lost by now.")

    def _write_pending(self) -> bool:
        if not self._pending:
            return True
        try:
            self._sink.append(b"".join(self._pending))
        except Exception as error:
            self._warn_of_disk(error)
            return False
        self._pending.clear()
        return True

    def _end(self, why: str | None) -> None:
        with self._lock:
            if not self.is_open:
                return
            self._has_failed |= why is not None
            self._add(Ended(self._now(), "failed" if self._has_failed else "done", why))
            self.is_open = False
        settled = self.flush()
        with self._lock:
            if not self.is_open:  # else another thread has logged meanwhile
                self._sink.close(settled=settled)

    def _warn_of_disk(self, error: Exception) -> None:
        about = f"disk {error.code if isinstance(error, MlopsError) else type(error).__name__}"
        self.warn(f"What run {self.name!r} logs cannot be written: {error}", about)

    def _warn_of_call(self, call: str, error: Exception) -> None:
        why = str(error).rstrip(".")
        if not isinstance(error, MlopsError | NotKeptError):
            why = f"{type(error).__name__}: {why}"
        hints = error.hints[:1] if isinstance(error, MlopsError) else ()
        mend = "".join(f" To mend it: {hint}" for hint in hints)
        self.warn(f"A call of {call} could not be kept: {why}.{mend}")


def _halve(line: Metrics | Params) -> tuple[Metrics | Params, Metrics | Params]:
    names = list(line.values)
    first, second = (
        {name: line.values[name] for name in part}
        for part in (names[: len(names) // 2], names[len(names) // 2 :])
    )
    return replace(line, values=first), replace(line, values=second)
