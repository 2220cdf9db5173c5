"""The exporter behind ``jupyter nbconvert --to mlops-report``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat import NotebookNode
from traitlets import Enum, List, Unicode, default

from jupyter_mlops.commands.check_options import CheckOptions
from jupyter_mlops.commands.checked_notebooks import NotebookChecks, Run
from jupyter_mlops.commands.report_composed import compose_report
from jupyter_mlops.commands.workspace import open_here, open_workspace
from jupyter_mlops.exporters.gate import find_app, open_gate
from jupyter_mlops.exporters.run import run_preprocessors
from jupyter_mlops.notebooks.canonical import format_notebook, parse_notebook
from jupyter_mlops.reports.findings import NO_FILE


class ReportExporter(Exporter):
    """The report of a notebook's project, with what the notebook's tagged cells show.

    With ``--execute`` the notebook is run first, and its file stays as it is. Run by ``jupyter
    nbconvert`` the exit status is 1 when a gate, a check or a run found something.
    """

    format = Enum(("md", "html"), "md", help="What the report is: md or html.").tag(config=True)
    base = Unicode("", help="The revision that the state is compared with.").tag(config=True)
    default_preprocessors = List(["nbconvert.preprocessors.ExecutePreprocessor"]).tag(config=True)
    output_mimetype = "text/markdown"

    @default("file_extension")
    def _default_file_extension(self) -> str:
        return f".mlops-report.{self.format}"

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the report with the tagged cells of ``nb``, which is not changed.

        Raises:
            MlopsError: its file lies in no project, or the base is no revision.
        """
        named = bool(((resources or {}).get("metadata") or {}).get("name"))
        resources = self._init_resources(resources)  # type: ignore[no-untyped-call]
        metadata = resources["metadata"]
        file = Path(metadata["path"] or "", f"{metadata['name']}.ipynb").absolute()
        here = open_here(file.parent if named else Path.cwd())
        path = file.resolve().relative_to(open_workspace(here.cwd).root.resolve()).as_posix()
        is_file = named and file.is_file()
        name, shown = (file.name, file) if is_file else (NO_FILE, None)
        checks = NotebookChecks(CheckOptions(base=self.base or None))
        run = self._runner(checks, resources)
        checked = checks.check(name, shown, format_notebook(nb), [file], run)
        ran = nb if checked.notebook is None else checked.notebook
        composed = compose_report(
            here,
            base=self.base or None,
            name=file.stem,
            executed={path: parse_notebook(format_notebook(ran))},
            checked=[checked.report],
        )
        resources["output_extension"] = self.file_extension
        app = find_app(self)
        if app is not None:
            result = composed.result
            open_gate(app, "mlops-report").add(len(result.gates) + len(result.findings))
        return composed.render("html" if self.format == "html" else "md"), resources

    def _runner(self, checks: NotebookChecks, resources: Any) -> Run | None:
        if not any(
            isinstance(one, ExecutePreprocessor) and one.enabled for one in self._preprocessors
        ):
            return None
        return lambda name, file, notebook: run_preprocessors(
            *(name, file, notebook, resources, self._preprocessors),
            checks.projects.config(file),
        )
