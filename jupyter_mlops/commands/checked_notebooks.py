"""Everything that is checked of one notebook, in the order in which it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_mlops.commands.check_options import CheckOptions
from jupyter_mlops.commands.checked_projects import Projects
from jupyter_mlops.commands.notebook_evidence import read_file
from jupyter_mlops.commands.notebook_parsing import make_runnable, parse_checked
from jupyter_mlops.metrics.read import Number
from jupyter_mlops.notebooks.canonical import (
    CellPlace,
    Notebook,
    cell_source,
    iter_cells,
    iter_counts,
    parse_notebook,
)
from jupyter_mlops.notebooks.conflict import find_marked
from jupyter_mlops.notebooks.drift import compare_outputs, is_near
from jupyter_mlops.notebooks.names import find_name_uses
from jupyter_mlops.notebooks.secrets import SCANNED_CHARACTERS, find_secrets
from jupyter_mlops.progress import Progress
from jupyter_mlops.reports.cell_rules import (
    check_drift,
    check_names,
    check_outputs_for_secrets,
    check_repeat,
    check_sources,
)
from jupyter_mlops.reports.findings import Checked, Finding
from jupyter_mlops.reports.notebook_rules import check_marks, find_invalid
from jupyter_mlops.reports.report import Report
from jupyter_mlops.reports.selection import read_comments

Run = Callable[[str, Path | None, Any], list[Finding]]
"""Runs a notebook, by its name and file, whose outputs are then those of the run."""


_TEXT_KEYS = ("text", "data", "ename", "evalue", "traceback")
_OF_CELL = b'   "cell_type": '


class CheckedNotebook(NamedTuple):
    """The report on a notebook, and the notebook, run as far as it came; None: it is none."""

    report: Report
    notebook: Any | None


class NotebookChecks:
    """The checks of several notebooks and their projects; for one thread.

    What belongs to a project is told once, with the last of its notebooks in ``files``, after all
    of them were run.
    """

    def __init__(self, options: CheckOptions, progress: Progress | None = None) -> None:
        self._options = options
        self._files: dict[str, Path] = {}
        self.projects = Projects(options, progress)

    def locate(self, name: str) -> str:
        """Return the path of a notebook of this check in its working tree, else its name."""
        file = self._files.get(name)
        path = self.projects.find_path(file) if file is not None else None
        return name if path is None else path

    def check_file(
        self, name: str, file: Path, files: Sequence[Path], run: Run | None
    ) -> CheckedNotebook:
        """Return the report on the notebook in ``file``; one that cannot be read is a finding."""
        try:
            content = read_file(file)
        except ValueError as error:
            return self.report(name, file, files, [find_invalid(name, str(error))])
        return self.check(name, file, content, files, run)

    def check(
        self, name: str, file: Path | None, content: bytes, files: Sequence[Path], run: Run | None
    ) -> CheckedNotebook:
        """Return the report on the notebook ``content``.

        Args:
            name: what it is called, as a shell in the current folder takes it.
            file: its file, None where it has none.
            content: its bytes.
            files: all notebooks of this check.
            run: runs it, where it is to be run.
        """
        checked = self.projects.check_notebook(name, file, content)
        findings = [*checked.findings, *check_marks(name, find_marked(content))]
        notes = list(checked.notes)
        notebook = parse_checked(name, content)
        if isinstance(notebook, Finding):
            return self.report(name, file, files, [*findings, notebook], notes)
        findings += self._check_cells(name, file, notebook)
        if run is None:
            shown = self.projects.check_run(name, file, list(iter_counts(notebook)))
            findings += shown.findings
            notes += shown.notes
            return self.report(name, file, files, findings, notes, notebook, content=content)
        made = make_runnable(deepcopy(notebook))
        ran = self._run(name, file, content, made, run)
        findings += ran.findings
        notes += ran.notes
        return self.report(name, file, files, findings, notes, notebook, made, content)

    def report(
        self,
        name: str,
        file: Path | None,
        files: Sequence[Path],
        findings: Sequence[Finding],
        notes: Sequence[str] = (),
        notebook: Notebook | None = None,
        made: Any | None = None,
        content: bytes = b"",
    ) -> CheckedNotebook:
        """Return the report with what counts of ``findings``, and that of the project."""
        if file is not None:
            self._files[name] = file
        own = self.projects.select(file).apply(Checked(tuple(findings), tuple(notes)))
        if notebook is not None:
            own = read_comments(iter_cells(notebook)).apply(own)
        project = self.projects.check_project(file, files)
        report = Report(
            name,
            executed=made is not None,
            findings=(*own.findings, *project.findings),
            notes=(*own.notes, *project.notes),
            cell_lines=_find_lines(content, notebook) if own.findings else (),
        )
        return CheckedNotebook(report, made if made is not None else notebook)

    def _check_cells(self, name: str, file: Path | None, notebook: Notebook) -> list[Finding]:
        selection = self.projects.select(file)
        findings: list[Finding] = []
        if selection.counts("name-before-definition", "name-undefined"):
            uses = find_name_uses(notebook)
            undefined = any(use.defined_in is None for use in uses)
            findings += check_names(name, uses, self.projects.list_gone(file) if undefined else {})
        if selection.counts("secret-in-source") and _has_secrets(notebook):
            findings += check_sources(name, _find_secrets(notebook, _source_fields))
        if selection.counts("secret-in-output"):
            findings += check_outputs_for_secrets(name, _find_secrets(notebook, _output_fields))
        return findings

    def _run(self, name: str, file: Path | None, content: bytes, made: Any, run: Run) -> Checked:
        runs = self.projects.runs(file)
        notes = runs.prepare() if runs is not None else ()
        stored = parse_notebook(content)
        if runs is not None and not _has_outputs(stored):
            stored = parse_notebook(runs.join_outputs(content))
        findings = run(name, file, made)
        tolerance = self._options.tolerance
        if tolerance is None:
            tolerance = self.projects.config(file).output_tolerance
        if findings:
            return Checked(tuple(findings), notes)
        findings = []
        if not self._options.parameters:
            findings += check_drift(name, compare_outputs(stored, made, tolerance), tolerance)
        findings += check_outputs_for_secrets(name, _find_secrets(made, _output_fields))
        values = runs.read_values() if runs is not None else {}
        for _ in range(self._options.repeat - 1):
            again = deepcopy(made)
            failed = run(name, file, again)
            if failed:
                findings += failed
                break
            new = runs.read_values() if runs is not None else {}
            drifts = compare_outputs(made, again, tolerance)
            differing = _find_differing(values, new, tolerance)
            repeated = check_repeat(name, drifts, differing, tolerance)
            if repeated:
                findings += repeated
                if runs is None or not runs.measures_noise:
                    break
        return Checked(tuple(dict.fromkeys(findings)), notes)


def _find_differing(
    first: Mapping[str, Number], second: Mapping[str, Number], tolerance: float
) -> dict[str, tuple[float | None, float | None]]:
    """Return the metrics that two runs did not both log, or log as the same."""
    return {
        name: (first.get(name), second.get(name))
        for name in sorted({*first, *second})
        if name not in first
        or name not in second
        or not is_near(float(first[name]), float(second[name]), tolerance)
    }


def _find_lines(content: bytes, notebook: Notebook | None) -> tuple[int, ...]:
    """Return the line at which each cell stands; none where Jupyter would write it otherwise."""
    if notebook is None:
        return ()
    lines = content.split(b"\n")
    found = [number for number, line in enumerate(lines, 1) if line.startswith(_OF_CELL)]
    return tuple(found) if len(found) == len(notebook["cells"]) else ()


def _has_outputs(notebook: Notebook) -> bool:
    return any(cell.get("outputs") for cell in iter_cells(notebook))


def _has_secrets(notebook: Notebook) -> bool:
    """Return whether any source shows a secret, by one look at all of them together."""
    text = "\n\n".join(map(cell_source, iter_cells(notebook)))
    return len(text) > SCANNED_CHARACTERS or bool(find_secrets({"text": text}))


def _source_fields(cell: Notebook) -> list[object]:
    return [{"text": cell_source(cell)}]


def _output_fields(cell: Notebook) -> list[object]:
    """Return the parts of a cell's outputs in which text stands."""
    outputs = cell.get("outputs")
    return [
        {key: output[key] for key in _TEXT_KEYS if key in output}
        for output in (outputs if isinstance(outputs, list) else ())
        if isinstance(output, dict)
    ]


def _find_secrets(
    notebook: Notebook, fields: Callable[[Notebook], list[object]]
) -> dict[CellPlace, tuple[str, ...]]:
    """Return the cells in whose ``fields`` secrets are, with their kinds."""
    found = {}
    for index, cell in enumerate(iter_cells(notebook)):
        kinds = sorted({kind for field in fields(cell) for kind in find_secrets(field)})
        if kinds:
            id = cell.get("id")
            found[CellPlace(index, id if isinstance(id, str) else None)] = tuple(kinds)
    return found
