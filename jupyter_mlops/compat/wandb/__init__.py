"""Weights & Biases' calls, which log to this project.

Scripts change one line: ``import jupyter_mlops.compat.wandb as wandb``. A run is a run here, called
as its ``name`` or else as the notebook or script. There is no server and no login: what asks one is
told once and passed over. No call raises.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from jupyter_mlops.compat.stand_in import STAND_IN, StandIn, find_unsupported, unsupported
from jupyter_mlops.compat.wandb import plot
from jupyter_mlops.compat.wandb.mappings import Config, Summary
from jupyter_mlops.compat.wandb.media import Artifact, Histogram, Html, Image, Table
from jupyter_mlops.compat.wandb.runs import Run, current_run, finish, init, or_begin

__all__ = [
    "Artifact",
    "Config",
    "Histogram",
    "Html",
    "Image",
    "Run",
    "Settings",
    "Summary",
    "Table",
    "agent",
    "alert",
    "config",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "plot",
    "run",
    "save",
    "setup",
    "summary",
    "sweep",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "use_artifact",
    "use_model",
    "watch",
]

run: Run | None
config: Config
summary: Summary


def __getattr__(name: str) -> Any:
    if name == "run":
        return current_run()
    if name in ("config", "summary"):
        return getattr(or_begin(), name)
    return _find(name)


def _find(name: str) -> StandIn:
    return find_unsupported("wandb", name)


class Settings(SimpleNamespace):
    """Settings of any name, of which ``mode`` counts."""


def log(data: dict[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """Log to the current run; see :meth:`Run.log`."""
    or_begin().log(data, step, commit)


def define_metric(
    name: str,
    step_metric: Any = None,
    step_sync: bool | None = None,
    hidden: bool | None = None,
    summary: str | None = None,
    overwrite: bool | None = None,
) -> Any:
    """Say which metric is the step of others; see :meth:`Run.define_metric`."""
    return or_begin().define_metric(name, step_metric, step_sync, hidden, summary, overwrite)


def save(
    glob_str: Any, base_path: Any = None, policy: str = "live", glob: bool = True
) -> list[str]:
    """Keep copies of files; see :meth:`Run.save`."""
    return or_begin().save(glob_str, base_path, policy, glob)


def log_artifact(
    artifact_or_path: Any,
    name: str | None = None,
    type: str | None = None,
    aliases: list[str] | None = None,
    tags: list[str] | None = None,
) -> Artifact:
    """Keep copies of an artifact's files; see :meth:`Run.log_artifact`."""
    return or_begin().log_artifact(artifact_or_path, name, type, aliases, tags)


def log_model(path: Any, name: str | None = None, aliases: list[str] | None = None) -> None:
    """Keep a copy of a model's files; see :meth:`Run.log_model`."""
    or_begin().log_model(path, name, aliases)


def log_code(*args: Any, **options: Any) -> None:
    """Do nothing: a snapshot keeps the code."""


def use_artifact(
    artifact_or_name: Any,
    type: str | None = None,
    aliases: list[str] | None = None,
    use_as: str | None = None,
) -> StandIn:
    """Tell that artifacts are not fetched; see :meth:`Run.use_artifact`."""
    return or_begin().use_artifact(artifact_or_name, type, aliases, use_as)


def use_model(name: str) -> StandIn:
    """Tell that models are not fetched."""
    return or_begin().use_model(name)


def watch(
    models: Any,
    criterion: Any = None,
    log: Any = "gradients",
    log_freq: int = 1000,
    idx: int | None = None,
    log_graph: bool = False,
) -> None:
    """Tell that gradients are not logged."""
    or_begin().watch(models, criterion, log, log_freq, idx, log_graph)


def unwatch(models: Any = None) -> None:
    """Do nothing, as nothing is watched."""


def alert(title: str, text: str, level: Any = None, wait_duration: Any = None) -> None:
    """Add a note to the current run; see :meth:`Run.alert`."""
    or_begin().alert(title, text, level, wait_duration)


def mark_preempting() -> None:
    """Do nothing: what was logged is there, whatever becomes of the process."""


def login(*args: Any, **options: Any) -> bool:
    """Return True: there is nothing to log in to."""
    return True


def setup(settings: Any = None) -> StandIn:
    """Do nothing."""
    return STAND_IN


def sweep(
    sweep: Any,
    entity: str | None = None,
    project: str | None = None,
    prior_runs: list[str] | None = None,
) -> str:
    """Tell that there are no sweeps."""
    unsupported("wandb.sweep")
    return ""


def agent(
    sweep_id: str,
    function: Any = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    forward_signals: bool = False,
    term_timeout: int | None = None,
    max_consecutive_failed_runs: int | None = None,
) -> None:
    """Tell that there are no sweeps."""
    unsupported("wandb.agent", "the function is not called; call it yourself")


def termlog(
    string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True
) -> None:
    """Print a line."""
    print(string, end="\n" if newline else "")


def termwarn(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a line."""
    termlog(string, newline)


def termerror(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a line."""
    termlog(string, newline)
