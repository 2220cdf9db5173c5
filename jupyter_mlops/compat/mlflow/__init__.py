"""MLflow's calls, which log to this project: ``import jupyter_mlops.compat.mlflow as mlflow``.

A run of MLflow is a run here, called as its ``run_name`` or else as the notebook or script, and
its id is that name. There is no server: what asks one is told once and passed over. No call raises.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from jupyter_mlops.compat.mlflow.flavors import FLAVORS, make_flavor, make_models
from jupyter_mlops.compat.mlflow.runs import (
    ActiveRun,
    Experiment,
    active_run,
    current_run,
    end_run,
    find_run,
    get_run,
    last_active_run,
    set_experiment,
    start_run,
)
from jupyter_mlops.compat.mlflow.texts import dump_dictionary, to_rows
from jupyter_mlops.compat.stand_in import StandIn, find_unsupported, guarded, unsupported

__all__ = [
    "ActiveRun",
    "Experiment",
    "active_run",
    "autolog",
    "create_experiment",
    "delete_tag",
    "disable_system_metrics_logging",
    "enable_system_metrics_logging",
    "end_run",
    "flush_async_logging",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_run",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "last_active_run",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "set_experiment",
    "set_experiment_tag",
    "set_registry_uri",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "start_run",
]

_NOTE_TAG = "mlflow.note.content"

for _name in FLAVORS:
    sys.modules[f"{__name__}.{_name}"] = globals()[_name] = make_flavor(__name__, _name)
models: ModuleType = make_models(__name__)
sys.modules[models.__name__] = models


def __getattr__(name: str) -> StandIn:
    return find_unsupported("mlflow", name)


@guarded
def set_tracking_uri(uri: str | Path) -> None:
    """Tell that runs are kept in this project, whatever ``uri`` names."""
    unsupported("mlflow.set_tracking_uri", f"runs are kept in this project, not at {uri}")


def get_tracking_uri() -> str:
    """Return the current folder: runs are kept in its project."""
    return Path.cwd().as_uri()


def is_tracking_uri_set() -> bool:
    """Return True: there is no other place."""
    return True


def set_registry_uri(uri: str) -> None:
    """Tell that there is no registry."""
    unsupported("mlflow.set_registry_uri")


@guarded
def create_experiment(
    name: str,
    artifact_location: str | None = None,
    tags: dict[str, Any] | None = None,
    trace_location: Any = None,
) -> str:
    """Return the id of an experiment, which is its name; nothing is made."""
    return str(name)


@guarded
def get_experiment(experiment_id: str) -> Experiment:
    """Return the experiment of that id."""
    return Experiment(str(experiment_id))


@guarded
def get_experiment_by_name(name: str) -> Experiment | None:
    """Return the experiment of that name."""
    return Experiment(str(name))


@guarded
def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log one parameter, and return its value."""
    current_run().log_params({key: value})
    return value


@guarded
def log_params(
    params: dict[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> None:
    """Log parameters."""
    find_run(run_id).log_params(params)


@guarded
def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> None:
    """Log one metric; its step is 0 where none is given."""
    find_run(run_id).log_metrics({key: value}, step)


@guarded
def log_metrics(
    metrics: dict[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> None:
    """Log metrics at one step, which is 0 where none is given."""
    find_run(run_id).log_metrics(metrics, step)


@guarded
def log_artifact(
    local_path: str, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Keep a copy of a file or folder."""
    name = Path(local_path).name
    find_run(run_id).run.log_artifact(
        local_path, f"{artifact_path}/{name}" if artifact_path else name
    )


@guarded
def log_artifacts(
    local_dir: str, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Keep a copy of a folder."""
    find_run(run_id).run.log_artifact(local_dir, artifact_path or Path(local_dir).name)


@guarded
def log_figure(
    figure: Any, artifact_file: str, *, save_kwargs: dict[str, Any] | None = None
) -> None:
    """Keep a figure of matplotlib or plotly."""
    current_run().run.log_figure(artifact_file, figure)


@guarded
def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = False,
) -> None:
    """Keep an image, under the name of a file or, at a step, under a key."""
    current_run().run.log_image(artifact_file or key or "image", image, step)


@guarded
def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a text."""
    find_run(run_id).run.log_text(artifact_file, text)


@guarded
def log_dict(dictionary: dict[str, Any], artifact_file: str, run_id: str | None = None) -> None:
    """Keep a dictionary: as YAML where the name of the file says so, else as JSON."""
    find_run(run_id).run.log_text(artifact_file, dump_dictionary(dictionary, artifact_file))


@guarded
def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a table: a data frame, or columns by name."""
    find_run(run_id).run.log_table(artifact_file, to_rows(data))


@guarded
def set_tag(key: str, value: Any, synchronous: bool | None = None) -> None:
    """Tag the run with ``key=value``; MLflow's tag for notes is a note."""
    set_tags({key: value})


@guarded
def set_tags(tags: dict[str, Any], synchronous: bool | None = None) -> None:
    """Tag the run with each ``key=value``."""
    current = current_run()
    for key, value in tags.items():
        if key == _NOTE_TAG:
            current.run.log_note(str(value))
        else:
            current.log_tags({key: value})


@guarded
def set_experiment_tag(key: str, value: Any) -> None:
    """Tag the run, as experiments are tags here."""
    set_tags({key: value})


def delete_tag(key: str) -> None:
    """Tell that what was logged stays."""
    unsupported("mlflow.delete_tag", "what was logged stays")


@guarded
def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Return a name for what the run keeps; it is no address."""
    uri = f"runs:/{current_run().info.run_id}"
    return f"{uri}/{artifact_path}" if artifact_path else uri


def autolog(*args: Any, **options: Any) -> None:
    """Tell that nothing is logged by itself."""
    unsupported("mlflow.autolog", "log what matters by log_params and log_metrics")


def enable_system_metrics_logging() -> None:
    """Do nothing: a run logs what the machine does by itself."""


def disable_system_metrics_logging() -> None:
    """Tell that a run logs what the machine does all the same."""
    unsupported("mlflow.disable_system_metrics_logging", "what the machine does is logged")


@guarded
def flush_async_logging() -> None:
    """Write what was logged so far."""
    current_run().run.flush()
