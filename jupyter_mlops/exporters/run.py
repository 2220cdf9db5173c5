"""A notebook run in a fresh kernel, and what went wrong in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from nbconvert.preprocessors import CellExecutionError, ExecutePreprocessor
from nbformat import NotebookNode

from jupyter_mlops.commands.journals import UNRECORDED_VARIABLE
from jupyter_mlops.commands.kernel import OWNER_VARIABLE
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.notebook_rules import find_failed_cell, find_failed_run

_MAY_RAISE = "raises-exception"
_SESSION_NAME = "JPY_SESSION_NAME"


class _Watch:
    """Notes which cell is under way, and every cell that raised without being meant to."""

    def __init__(self, name: str, allowed: Sequence[str]) -> None:
        self.findings: list[Finding] = []
        self.cell: CellPlace | None = None
        self._name = name
        self._allowed = allowed

    def on_cell_execute(self, cell: NotebookNode, cell_index: int) -> None:
        self.cell = CellPlace(cell_index, cell.get("id"))

    def on_cell_error(
        self, cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]
    ) -> None:
        raised = execute_reply["content"]
        error = str(raised.get("ename", "an exception"))
        if _MAY_RAISE in cell.metadata.get("tags", ()) or error in self._allowed:
            return
        place = CellPlace(cell_index, cell.get("id"))
        message = str(raised.get("evalue", ""))
        self.findings.append(find_failed_cell(self._name, place, error, message))


def run_notebook(
    name: str,
    file: Path | None,
    notebook: NotebookNode,
    resources: Any,
    preprocessors: Sequence[Any],
) -> list[Finding]:
    """Run ``notebook`` itself, whose outputs are then those of this run, as far as it came.

    Its kernel knows ``file`` as Jupyter's server tells it, so that what is logged has the
    notebook's name. Each cell that raised is a finding, unless a tag or nbclient's
    ``allow_error_names`` says that it is meant to. Nothing that goes wrong in the run is raised.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    runners = [one for one in preprocessors if isinstance(one, ExecutePreprocessor)]
    watch = _Watch(name, [error for one in runners for error in one.allow_error_names])
    kernels = [one.kernel_name for one in runners]
    for runner in runners:
        runner.on_cell_execute, runner.on_cell_error = watch.on_cell_execute, watch.on_cell_error
    try:
        with _named(file):
            for preprocessor in preprocessors:
                notebook, resources = preprocessor(notebook, resources)
    except CellExecutionError as error:
        if not watch.findings:
            cell = watch.cell or CellPlace(0, None)
            watch.findings.append(find_failed_cell(name, cell, error.ename, error.evalue))
    except NoSuchKernel as error:
        reason, fix = f"there is no kernel {error.name!r} here", "jupyter kernelspec list"
        watch.findings.append(find_failed_run(name, reason, fix=fix))
    except Exception as error:
        # A kernel that dies, a cell that takes too long, a preprocessor of the user's.
        reason = f"{type(error).__name__}: {error}"
        watch.findings.append(find_failed_run(name, reason, cell=watch.cell))
    finally:
        # Else nbclient runs every notebook after the first one with the kernel of the first.
        for runner, kernel in zip(runners, kernels, strict=True):
            runner.kernel_name = kernel
    return watch.findings


@contextmanager
def _named(file: Path | None) -> Iterator[None]:
    """Let kernels that are started know ``file`` as their notebook.

    They keep no journal: the file does not get what they put out.
    """
    names = {_SESSION_NAME: str(file.absolute())} if file is not None else {}
    changed = {**names, UNRECORDED_VARIABLE: "1", OWNER_VARIABLE: ""}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
