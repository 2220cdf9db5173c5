"""DVCLive's ``Live``, which logs to this project.

Scripts change one line: ``from jupyter_mlops.compat.dvclive import Live``. A run is called as its
``exp_name`` or else as the notebook or script. No DVC experiment is made and no ``dvc.yaml``
written: the values lie in ``metrics/RUN.json`` and ``params/RUN.json``. No call raises.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from jupyter_mlops import tracking
from jupyter_mlops.compat.stand_in import StandIn, find_unsupported, guarded, unsupported
from jupyter_mlops.tracking.values import to_number


def __getattr__(name: str) -> StandIn:
    return find_unsupported("dvclive", name)


class Live:
    """A run; ``step`` begins at 0 and counts up with :meth:`next_step`.

    ``summary`` has the last values; numbers that a script sets there are logged by
    :meth:`make_summary` and at the end.
    """

    def __init__(
        self,
        dir: str = "dvclive",
        resume: bool = False,
        report: str | None = None,
        save_dvc_exp: bool = True,
        dvcyaml: Any = "dvc.yaml",
        cache_images: bool = False,
        exp_name: str | None = None,
        exp_message: str | None = None,
        monitor_system: bool = False,
    ) -> None:
        self.summary: dict[str, Any] = {}
        self.dir = dir
        self._step: int | None = None
        self._logged: dict[str, Any] = {}
        self._is_within = False
        self._run = _begin(exp_name, resume)
        if resume:
            self._step = int(self._run.following_step)
        if report is not None:
            unsupported(f"Live(report={report!r})", "see jupyter mlops plots and the panel")
        if exp_message:
            self._run.log_note(exp_message)

    def __getattr__(self, name: str) -> StandIn:
        if name.startswith("_"):
            raise AttributeError(name)
        return unsupported(f"Live.{name}")

    @property
    def run(self) -> tracking.Run:
        """The run of this project."""
        return self._run

    @property
    def step(self) -> int:
        """The current step."""
        return self._step or 0

    @step.setter
    def step(self, value: int) -> None:
        self._step = value

    @property
    def metrics_file(self) -> str:
        """The file of last values, from the project's root."""
        return f"metrics/{self._run.name}.json"

    @property
    def params_file(self) -> str:
        """The file of parameters, from the project's root."""
        return f"params/{self._run.name}.json"

    @guarded
    def log_metric(self, name: str, val: Any, timestamp: bool = False, plot: bool = True) -> None:
        """Log one metric at the current step."""
        self.summary[name] = self._logged[name] = val
        self._run.log({name: val}, step=self.step)

    @guarded
    def log_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Log metrics at the current step."""
        for name, value in metrics.items():
            self.log_metric(name, value)

    @guarded
    def log_param(self, name: str, val: Any) -> None:
        """Log one parameter."""
        self._run.log_params({name: val})

    @guarded
    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log parameters; nested ones are joined with dots."""
        self._run.log_params(params)

    @guarded
    def log_image(self, name: str, val: Any) -> None:
        """Keep an image at the current step: an array, a Pillow image, a figure, or a path."""
        if hasattr(val, "savefig"):
            self._run.log_figure(name, val, self.step)
        else:
            self._run.log_image(name, val, self.step)

    @guarded
    def log_plot(
        self,
        name: str,
        datapoints: Any,
        x: str,
        y: Any,
        template: str | None = "linear",
        title: str | None = None,
        x_label: str | None = None,
        y_label: str | None = None,
    ) -> None:
        """Keep the points of a plot as a table."""
        self._run.log_table(name, _to_table(datapoints, x, y), self.step)

    @guarded
    def log_sklearn_plot(
        self,
        kind: str,
        labels: Sequence[Any],
        predictions: Any,
        name: str | None = None,
        title: str | None = None,
        x_label: str | None = None,
        y_label: str | None = None,
        normalized: bool | None = None,
        **options: Any,
    ) -> None:
        """Keep true and predicted values as a table, from which such a plot is drawn."""
        column = "predicted" if kind.startswith("confusion") else "score"
        rows = [
            {"actual": _plain(actual), column: _plain(predicted)}
            for actual, predicted in zip(labels, predictions, strict=False)
        ]
        self._run.log_table(name or kind, rows, self.step)

    @guarded
    def log_artifact(
        self,
        path: Any,
        type: str | None = None,
        name: str | None = None,
        desc: str | None = None,
        labels: Sequence[str] | None = None,
        meta: Mapping[str, Any] | None = None,
        copy: bool = False,
        cache: bool = True,
    ) -> None:
        """Keep a copy of a file or folder."""
        self._run.log_artifact(path, name or os.path.basename(os.path.normpath(path)))

    @guarded
    def next_step(self) -> None:
        """End the current step: what is logged from now on belongs to the next one."""
        self.make_summary()
        self._step = self.step + 1

    @guarded
    def make_summary(self) -> None:
        """Write the last values, among them those that the script set in ``summary``."""
        changed = {
            name: value
            for name, value in self.summary.items()
            if name != "step" and self._logged.get(name) is not value and _is_loggable(value)
        }
        if changed:
            self._run.log(changed, step=self.step)
            self._logged.update(changed)

    def make_report(self) -> None:
        """Do nothing: the panel and the commands draw what was logged."""

    def make_dvcyaml(self, *args: Any, **options: Any) -> None:
        """Do nothing: no ``dvc.yaml`` is needed."""

    def save_dvc_exp(self, *args: Any, **options: Any) -> None:
        """Do nothing: a snapshot keeps a state."""

    def cache(self, *args: Any, **options: Any) -> None:
        """Do nothing: a snapshot keeps data."""

    def sync(self) -> None:
        """Write the last values."""
        self.make_summary()

    def post_data_to_studio(self) -> None:
        """Do nothing: nothing is sent anywhere."""

    def monitor_system(self, *args: Any, **options: Any) -> None:
        """Do nothing: a run logs what the machine does by itself."""

    @guarded
    def read_step(self) -> int:
        """Return the current step."""
        return self.step

    @guarded
    def read_latest(self) -> dict[str, Any]:
        """Return the last values and the current step."""
        return {**self.summary, "step": self.step}

    @guarded
    def end(self) -> None:
        """Write the last values and end the run; within a ``with``, its end does that."""
        if not self._is_within:
            self.make_summary()
            self._run.end()

    def __enter__(self) -> Live:
        self._is_within = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_within = False
        self.make_summary()
        self._run.end(error)


@guarded
def _begin(name: str | None, resume: bool) -> tracking.Run:
    return tracking.run(name, resume=resume)


def _to_table(datapoints: Any, x: str, y: Any) -> Any:
    """Return what a plot is drawn from: a data frame or rows as they are, an array by columns."""
    if hasattr(datapoints, "columns") or not hasattr(datapoints, "tolist"):
        return datapoints
    names = [x, *([y] if isinstance(y, str) else y)]
    return [dict(zip(names, row, strict=False)) for row in datapoints.tolist()]


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return value[-1] if value else None
    return value


def _is_loggable(value: Any) -> bool:
    return isinstance(value, Mapping) or to_number(value) is not None
