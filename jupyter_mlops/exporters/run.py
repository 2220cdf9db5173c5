"""A notebook run by nbconvert's preprocessors, and what went wrong in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import ExecutePreprocessor
from nbformat import NotebookNode

from jupyter_mlops.commands.notebook_run import (
    RunSettings,
    Watch,
    clear_outputs,
    named_kernel,
    set_parameters,
)
from jupyter_mlops.config import ChecksConfig
from jupyter_mlops.reports.findings import Finding


def run_preprocessors(
    name: str,
    file: Path | None,
    notebook: NotebookNode,
    resources: Any,
    preprocessors: Sequence[Any],
    config: ChecksConfig,
    parameters: Mapping[str, object] | None = None,
) -> list[Finding]:
    """Run ``notebook`` itself, whose outputs are then those of this run, as far as it came.

    Its kernel knows ``file`` as Jupyter's server tells it, so that what is logged has the
    notebook's name. Each cell that raised is a finding, unless a tag or nbclient's
    ``allow_error_names`` says that it is meant to. Time and kernel are those of nbconvert's own
    options, else of the project's ``config``. Nothing that goes wrong in the run is raised.
    """
    clear_outputs(notebook)
    wanting = set_parameters(name, notebook, parameters or {})
    if wanting is not None:
        return [wanting]
    runners = [one for one in preprocessors if isinstance(one, ExecutePreprocessor)]
    watch = Watch(name, [error for one in runners for error in one.allow_error_names])
    given = [RunSettings(one.timeout, one.kernel_name) for one in runners]
    for runner, its in zip(runners, given, strict=True):
        settings = its.within(config)
        runner.timeout, runner.kernel_name = settings.cell_seconds, settings.kernel or ""
        runner.on_cell_execute, runner.on_cell_error = watch.on_cell_execute, watch.on_cell_error
    try:
        with named_kernel(file):
            for preprocessor in preprocessors:
                notebook, resources = preprocessor(notebook, resources)
    except Exception as error:
        watch.note_failure(error)
    finally:
        # Else nbclient runs every notebook after the first one with the kernel of the first.
        for runner, its in zip(runners, given, strict=True):
            runner.timeout, runner.kernel_name = its.cell_seconds, its.kernel or ""
    return watch.findings
