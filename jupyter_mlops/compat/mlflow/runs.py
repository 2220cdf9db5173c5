"""MLflow's active runs as runs of this project."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from jupyter_mlops import tracking
from jupyter_mlops.compat.stand_in import guarded, tell_once

DEFAULT_EXPERIMENT = "Default"
_FAILED = ("FAILED", "KILLED")


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment, whose id is its name; a run is tagged with it."""

    name: str
    artifact_location: str = ""
    lifecycle_stage: str = "active"
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def experiment_id(self) -> str:
        """Its name."""
        return self.name


@dataclass(slots=True)
class RunInfo:
    """What MLflow tells of a run; times are milliseconds since 1970."""

    run_id: str
    experiment_id: str
    start_time: int
    status: str = "RUNNING"
    end_time: int | None = None
    lifecycle_stage: str = "active"

    @property
    def run_name(self) -> str:
        """Its name, which is its id."""
        return self.run_id

    @property
    def artifact_uri(self) -> str:
        """A name for what the run keeps; it is no address."""
        return f"runs:/{self.run_id}"


@dataclass(frozen=True, slots=True)
class RunData:
    """What was logged last, as far as this process logged it."""

    metrics: dict[str, Any] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class ActiveRun:
    """A run, which ends with the block that it is the context of.

    ``run`` is that of this project, ``children`` counts the nested ones without a name.
    """

    def __init__(self, run: tracking.Run, experiment: str) -> None:
        self.run = run
        self.info = RunInfo(run.name, experiment, int(time.time() * 1000))
        self.data = RunData()
        self.children = 0

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log parameters."""
        self.run.log_params(params)
        self.data.params.update({str(key): str(value) for key, value in params.items()})

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None) -> None:
        """Log metrics; without a step it is 0, as MLflow has it."""
        self.run.log(metrics, step=0 if step is None else step)
        self.data.metrics.update(metrics)

    def log_tags(self, tags: Mapping[str, Any]) -> None:
        """Tag the run with each ``key=value``."""
        self.run.log_tags(*(f"{key}={value}" for key, value in tags.items()))
        self.data.tags.update({str(key): str(value) for key, value in tags.items()})

    def end(self, status: str, error: BaseException | None = None) -> None:
        """End the run."""
        if error is None and status in _FAILED:
            error = RuntimeError(f"ended as {status}")
        self.run.end(error)
        self.info.status = status
        self.info.end_time = int(time.time() * 1000)

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _end_down_to(self, "FINISHED" if error is None else "FAILED", error)


class _Stacks(threading.local):
    """The active runs of each thread, those begun last at the end."""

    def __init__(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        self.active: list[ActiveRun] = _of_main if is_main else []


_of_main: list[ActiveRun] = []
_stacks = _Stacks()
_known: dict[str, ActiveRun] = {}
_experiments: list[str] = [DEFAULT_EXPERIMENT]
_ended: list[ActiveRun] = []


@guarded
def set_experiment(
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    trace_location: Any = None,
) -> Experiment:
    """Tag the runs that begin from now on with the experiment's name."""
    _experiments[0] = str(experiment_name or experiment_id or DEFAULT_EXPERIMENT)
    return current_experiment()


def current_experiment() -> Experiment:
    """Return the experiment that runs are tagged with."""
    return Experiment(_experiments[0])


@guarded
def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: dict[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Begin a run, or go on with the one that ``run_id`` names; usable as a context manager.

    A nested run without a name is called as its parent and a number. One that begins while another
    is active, and is not nested, ends that one; MLflow refuses it.
    """
    stack = _stacks.active
    parent = stack[-1] if stack else active_run() if nested else None
    if stack and parent is not None and not nested and parent_run_id is None:
        if run_id is not None and parent.info.run_id == run_id:
            return parent
        tell_once(
            f"The run {parent.info.run_id!r} was still active when another one began without"
            " nested=True, and was ended."
        )
        _end_down_to(stack[0], "FINISHED", None)
        parent = None
    name = run_id or run_name
    if name is None and parent is not None:
        parent.children += 1
        name = f"{parent.info.run_id}-{parent.children}"
    experiment = str(experiment_id or _experiments[0])
    active = ActiveRun(tracking.run(name, resume=run_id is not None), experiment)
    stack.append(active)
    _known[active.info.run_id] = active
    if experiment != DEFAULT_EXPERIMENT:
        active.log_tags({"experiment": experiment})
    if parent is not None:
        active.log_tags({"parent": parent.info.run_id})
    if tags:
        active.log_tags(tags)
    if description is not None:
        active.run.log_note(str(description))
    return active


@guarded
def end_run(status: str = "FINISHED") -> None:
    """End the run that was begun last."""
    if _stacks.active:
        _end_down_to(_stacks.active[-1], str(status), None)


def _end_down_to(run: ActiveRun, status: str, error: BaseException | None) -> None:
    """End ``run`` and those that were begun within it."""
    while run in _stacks.active:
        last = _stacks.active.pop()
        last.end(status, error)
        _ended[:] = [last]


def active_run() -> ActiveRun | None:
    """Return the run that this thread began last and that goes on, else the main thread's."""
    for stack in (_stacks.active, _of_main):
        if stack:
            return stack[-1]
    return None


def last_active_run() -> ActiveRun | None:
    """Return the active run, else the one that ended last."""
    return active_run() or (_ended[0] if _ended else None)


def current_run() -> ActiveRun:
    """Return the active run; where there is none, one begins."""
    return active_run() or start_run()


def find_run(run_id: str | None) -> ActiveRun:
    """Return the run of that id, the current one where none is given or it is not known here."""
    if run_id is None or run_id not in _known:
        if run_id is not None:
            tell_once(f"There is no run {run_id!r} in this process; the current one is logged to.")
        return current_run()
    return _known[run_id]


@guarded
def get_run(run_id: str) -> ActiveRun | None:
    """Return a run that this process began, None where it began none of that id."""
    return _known.get(run_id)
