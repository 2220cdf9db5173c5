"""A notebook run in a fresh kernel for a check, and what went wrong in it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jupyter_mlops.commands.journals import UNRECORDED_VARIABLE
from jupyter_mlops.commands.kernel import OWNER_VARIABLE
from jupyter_mlops.config import ChecksConfig
from jupyter_mlops.errors import UsageError
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.notebooks.names import is_python
from jupyter_mlops.progress import NoProgress, Progress
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.notebook_rules import find_failed_cell, find_failed_run

_MAY_RAISE = "raises-exception"
_PARAMETERS = "parameters"
_SESSION_NAME = "JPY_SESSION_NAME"
_OWN_KERNEL = "python3"
_PARAMETER = re.compile(r"([A-Za-z_]\w{0,99})=(.*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How notebooks are run.

    Attributes:
        cell_seconds: the longest that a cell may take, None for as long as it wants.
        kernel: the kernel that runs all of them, instead of that which each names.
        allow_errors: go on after a cell that raises; it is a finding all the same.
        parameters: values that are set after the cell with the tag ``parameters``.
    """

    cell_seconds: int | None = None
    kernel: str | None = None
    allow_errors: bool = False
    parameters: Mapping[str, object] = field(default_factory=dict)

    def within(self, config: ChecksConfig) -> RunSettings:
        """Return them with what a project says of that which nothing was said of."""
        return replace(
            self,
            cell_seconds=self.cell_seconds or config.timeout_seconds,
            kernel=self.kernel or config.kernel,
        )


class Watch:
    """Notes which cell is under way, and every cell that raised without being meant to."""

    def __init__(self, name: str, allowed: Sequence[str]) -> None:
        self.findings: list[Finding] = []
        self.cell: CellPlace | None = None
        self._name = name
        self._allowed = allowed

    def on_cell_execute(self, cell: Any, cell_index: int) -> None:
        """Note the cell that begins to run."""
        self.cell = CellPlace(cell_index, cell.get("id"))

    def on_cell_error(self, cell: Any, cell_index: int, execute_reply: dict[str, Any]) -> None:
        """Note a cell that raised, unless a tag or its exception's name says that it may."""
        raised = execute_reply["content"]
        error = str(raised.get("ename", "an exception"))
        if _MAY_RAISE in cell.metadata.get("tags", ()) or error in self._allowed:
            return
        place = CellPlace(cell_index, cell.get("id"))
        message = str(raised.get("evalue", ""))
        self.findings.append(find_failed_cell(self._name, place, error, message))

    def note_failure(self, error: Exception) -> None:
        """Note why a run ended with ``error``, whatever that is."""
        from jupyter_client.kernelspec import NoSuchKernel
        from nbclient.exceptions import CellExecutionError

        if isinstance(error, CellExecutionError):
            if not self.findings:
                cell = self.cell or CellPlace(0, None)
                found = find_failed_cell(self._name, cell, error.ename, error.evalue)
                self.findings.append(found)
        elif isinstance(error, NoSuchKernel):
            reason, fix = f"there is no kernel {error.name!r} here", "jupyter kernelspec list"
            self.findings.append(find_failed_run(self._name, reason, fix=fix))
        else:
            # A kernel that dies, a cell that takes too long, a preprocessor of the user's.
            reason = f"{type(error).__name__}: {error}"
            self.findings.append(find_failed_run(self._name, reason, cell=self.cell))


def run_notebook(
    name: str,
    file: Path | None,
    notebook: Any,
    settings: RunSettings,
    progress: Progress | None = None,
) -> list[Finding]:
    """Run ``notebook``, as nbformat has it, whose outputs are then those of this run.

    Its kernel knows ``file`` as Jupyter's server tells it, so that what is logged has the
    notebook's name, and runs in its folder. Each cell that raised is a finding, unless a tag says
    that it is meant to. Nothing that goes wrong in the run is raised.
    """
    from nbclient import NotebookClient

    clear_outputs(notebook)
    wanting = set_parameters(name, notebook, settings.parameters)
    if wanting is not None:
        return [wanting]
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    watch = Watch(name, ())
    kernel = settings.kernel or notebook.metadata.get("kernelspec", {}).get("name") or _OWN_KERNEL
    with (progress or NoProgress()).task(f"Running {name}", len(code), "cells") as task:
        client = NotebookClient(
            notebook,
            kernel_name=kernel,
            timeout=settings.cell_seconds,
            allow_errors=settings.allow_errors,
            resources={"metadata": {"path": str(file.absolute().parent) if file else ""}},
            on_cell_execute=watch.on_cell_execute,
            on_cell_error=watch.on_cell_error,
            on_cell_executed=lambda **_: task.advance(1),
        )
        try:
            with named_kernel(file):
                client.execute()
        except Exception as error:
            watch.note_failure(error)
    return watch.findings


def clear_outputs(notebook: Any) -> None:
    """Take outputs and counts out of ``notebook``: those of a run that ends early count else."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def set_parameters(name: str, notebook: Any, parameters: Mapping[str, object]) -> Finding | None:
    """Set ``parameters`` at the end of the cell with the tag ``parameters``.

    Returns:
        Why that cannot be done, None where it is.
    """
    if not parameters:
        return None
    if not is_python(notebook):
        return find_failed_run(name, "parameters can be set in Python only")
    for cell in notebook.cells:
        if cell.cell_type == "code" and _PARAMETERS in cell.metadata.get("tags", ()):
            lines = [f"{key} = {value!r}" for key, value in parameters.items()]
            cell.source = "\n".join([cell.source, *lines])
            return None
    return find_failed_run(name, "no cell has the tag parameters, in which they are set")


def parse_parameters(words: Sequence[str]) -> dict[str, object]:
    """Return what ``NAME=VALUE`` words say; a value is Python's literal, or else text.

    Raises:
        UsageError: one is not of that form, or has no Python name (code ``bad-value``).
    """
    found: dict[str, object] = {}
    for word in words:
        matched = _PARAMETER.fullmatch(word)
        if matched is None:
            raise UsageError(
                f"--parameter is {word!r}, but must be NAME=VALUE.",
                code="bad-value",
                hints=("jupyter mlops check-notebooks --execute --parameter epochs=2",),
            )
        try:
            found[matched[1]] = ast.literal_eval(matched[2])
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found[matched[1]] = matched[2]
    return found


@contextmanager
def named_kernel(file: Path | None) -> Iterator[None]:
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
