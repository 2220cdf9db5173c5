"""The exporter behind ``jupyter nbconvert --to mlops-check``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat import NotebookNode
from traitlets import List, Unicode, default

from jupyter_mlops.commands.notebook_evidence import read_file
from jupyter_mlops.errors import UsageError
from jupyter_mlops.exporters.gate import find_app, open_gate
from jupyter_mlops.exporters.projects import Projects
from jupyter_mlops.exporters.read import parse_checked
from jupyter_mlops.exporters.run import run_notebook
from jupyter_mlops.notebooks.canonical import MALFORMED, format_notebook, iter_counts
from jupyter_mlops.notebooks.conflict import find_marked
from jupyter_mlops.reports.findings import NO_FILE, Checked, Finding
from jupyter_mlops.reports.notebook_rules import check_marks, find_invalid
from jupyter_mlops.reports.report import Report, encode_report, format_report
from jupyter_mlops.text import visible

FORMATS = ("text", "json")
RESOURCES_KEY = "mlops_check"
"""Where the resources hold the ``Report``, and the notebook as far as it was run."""


class CheckExporter(Exporter):
    """Checks notebooks and their project; its output is a report on each notebook.

    Run by ``jupyter nbconvert``, it prints what it finds on standard error too, and the exit status
    is 1 when anything was found. Used as a library it prints nothing and never exits.

    Checks of the project go into the report of the last of its notebooks, after all of them were
    run; used as a library, into the report of the first one.
    """

    format = Unicode("text", help="What the report is: text or json.").tag(config=True)
    default_preprocessors = List(["nbconvert.preprocessors.ExecutePreprocessor"]).tag(config=True)
    output_mimetype = "text/plain"

    def __init__(self, config: Any = None, **kw: Any) -> None:
        super().__init__(config=config, **kw)  # type: ignore[no-untyped-call]
        self._projects = Projects()

    @default("file_extension")
    def _default_file_extension(self) -> str:
        return ".mlops-check.json" if self.format == "json" else ".mlops-check.txt"

    def from_filename(  # type: ignore[override]
        self, filename: str, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the report on the notebook ``filename``, and the resources.

        A file that cannot be read, or is no notebook, is a finding in it.

        Raises:
            UsageError: an option of this exporter has an unknown name or value.
        """
        path = Path(filename)
        resources = self._open_resources(resources)
        resources["metadata"]["name"] = path.stem
        resources["metadata"]["path"] = os.path.dirname(filename)
        try:
            content = read_file(path)
        except ValueError as error:
            return self._report(filename, path, [find_invalid(filename, str(error))], resources)
        return self._check(filename, path, content, resources)

    def from_file(  # type: ignore[override]
        self, file_stream: Any, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the report on what ``file_stream`` holds; otherwise as :meth:`from_filename`."""
        name = getattr(file_stream, "name", None)
        is_file = isinstance(name, str) and name != "<stdin>" and os.path.isfile(name)
        file = Path(str(name)) if is_file else None
        shown = str(name) if file is not None else NO_FILE
        resources = self._open_resources(resources)
        try:
            content = file_stream.read()
        except ValueError:
            return self._report(shown, file, [find_invalid(shown, "is not UTF-8")], resources)
        encoded = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        return self._check(shown, file, encoded, resources)

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the report on ``nb``, which is not changed; otherwise as :meth:`from_filename`.

        It is looked up in Git where the resources name its file, as a Jupyter server does.
        """
        named = bool(((resources or {}).get("metadata") or {}).get("name"))
        resources = self._open_resources(resources)
        metadata = resources["metadata"]
        path = Path(metadata["path"] or "", f"{metadata['name']}.ipynb")
        file = path if named and path.is_file() else None
        try:
            content = format_notebook(nb)
        except MALFORMED:
            invalid = find_invalid(str(path), "is not a notebook of nbformat 4")
            return self._report(str(path), file, [invalid], resources)
        return self._check(str(path), file, content, resources)

    def _open_resources(self, resources: Any) -> Any:
        return self._init_resources(resources)  # type: ignore[no-untyped-call]

    def _check(
        self, name: str, file: Path | None, content: bytes, resources: Any
    ) -> tuple[str, dict[str, Any]]:
        self._check_options()
        checked = self._projects.check_notebook(name, file, content)
        findings = [*checked.findings, *check_marks(name, find_marked(content))]
        notes = list(checked.notes)
        notebook = parse_checked(name, content)
        if isinstance(notebook, Finding):
            return self._report(name, file, [*findings, notebook], resources, notes)
        if self._executes:
            findings += run_notebook(name, file, notebook, resources, self._preprocessors)
        else:
            run = self._projects.check_run(name, file, list(iter_counts(notebook)))
            findings += run.findings
            notes += run.notes
        return self._report(name, file, findings, resources, notes, notebook)

    def _report(
        self,
        name: str,
        file: Path | None,
        findings: list[Finding],
        resources: Any,
        notes: Sequence[str] = (),
        notebook: NotebookNode | None = None,
    ) -> tuple[str, dict[str, Any]]:
        self._check_options()
        project = self._check_project(name, file)
        report = Report(
            name,
            executed=notebook is not None and self._executes,
            findings=(*findings, *project.findings),
            notes=(*notes, *project.notes),
        )
        resources[RESOURCES_KEY] = {"report": report, "notebook": notebook}
        resources["output_extension"] = self.file_extension
        app = find_app(self)
        if app is not None:
            open_gate(app).add(len(report.findings))
            if report.findings or report.notes:
                sys.stderr.write(format_report(report))
                sys.stderr.flush()
        return (encode_report if self.format == "json" else format_report)(report), resources

    def _check_project(self, name: str, file: Path | None) -> Checked:
        """Check the project of ``file`` when this is the notebook to do so with."""
        app = find_app(self)
        names = app.notebooks if app is not None and not app.from_stdin else [name]
        return self._projects.check_project(file, name, names)

    @property
    def _executes(self) -> bool:
        return any(
            isinstance(preprocessor, ExecutePreprocessor) and preprocessor.enabled
            for preprocessor in self._preprocessors
        )

    def _check_options(self) -> None:
        """Refuse what traitlets passes over with a warning.

        Raises:
            UsageError: an option's name or value is unknown; run by nbconvert, the run ends with
                status 2 instead.
        """
        known = self.traits(config=True)
        unknown = [name for name in self.config[type(self).__name__] if name not in known]
        if unknown:
            error = UsageError(
                f"{type(self).__name__} has no option {unknown[0]}.",
                code="check-option",
                hints=("jupyter nbconvert --to mlops-check --CheckExporter.format=json",),
            )
        elif self.format not in FORMATS:
            error = UsageError(
                f"{self.format!r} is no format of a report; allowed: {', '.join(FORMATS)}.",
                code="check-option",
                hints=("jupyter nbconvert --to mlops-check --CheckExporter.format=json",),
            )
        else:
            return
        app = find_app(self)
        if app is None:
            raise error
        print(visible(error.message), file=sys.stderr)
        for hint in error.hints:
            print(f"  → {hint}", file=sys.stderr)
        app.exit(error.exit_status)
