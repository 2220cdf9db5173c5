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
from traitlets import Bool, Float, Int, List, Unicode, default

from jupyter_mlops.commands.check_options import CheckOptions
from jupyter_mlops.commands.checked_notebooks import CheckedNotebook, NotebookChecks, Run
from jupyter_mlops.commands.notebook_run import parse_parameters
from jupyter_mlops.errors import UsageError
from jupyter_mlops.exporters.gate import find_app, open_gate
from jupyter_mlops.exporters.run import run_preprocessors
from jupyter_mlops.notebooks.canonical import MALFORMED, format_notebook
from jupyter_mlops.reports.findings import NO_FILE, Finding
from jupyter_mlops.reports.formats import FORMATS, encode_reports, suffix_of
from jupyter_mlops.reports.notebook_rules import find_invalid
from jupyter_mlops.reports.report import encode_report, format_report
from jupyter_mlops.text import visible

RESOURCES_KEY = "mlops_check"
"""Where the resources hold the ``Report``, and the notebook as far as it was run."""


class CheckExporter(Exporter):
    """Checks notebooks and their project; its output is a report on each notebook.

    Run by ``jupyter nbconvert``, it prints what it finds on standard error too, and the exit status
    is 1 when anything was found. Used as a library it prints nothing and never exits.

    Checks of the project go into the report of the last of its notebooks, after all of them were
    run; used as a library, into the report of the first one.
    """

    format = Unicode("text", help=f"What the report is: {', '.join(FORMATS)}.").tag(config=True)
    select = List(Unicode(), help="Rules that count, instead of all of them.").tag(config=True)
    ignore = List(Unicode(), help="Rules that do not count.").tag(config=True)
    base = Unicode("", help="The revision that gates call base.").tag(config=True)
    repeat = Int(1, help="How many times notebooks are run, to compare the runs.").tag(config=True)
    parameters = List(Unicode(), help="NAME=VALUE, set in the cell tagged parameters.").tag(
        config=True
    )
    fast = Bool(False, help="Look at notebooks and Git's index only.").tag(config=True)
    tolerance = Float(
        None,
        allow_none=True,
        help="By what part of itself a number in an output may differ.",
    ).tag(config=True)
    yes = Bool(False, help="Let this project use its remote and URLs from now on.").tag(config=True)
    default_preprocessors = List(["nbconvert.preprocessors.ExecutePreprocessor"]).tag(config=True)
    output_mimetype = "text/plain"

    def __init__(self, config: Any = None, **kw: Any) -> None:
        super().__init__(config=config, **kw)  # type: ignore[no-untyped-call]
        self._checks: NotebookChecks | None = None

    @default("file_extension")
    def _default_file_extension(self) -> str:
        return f".mlops-check{suffix_of(self.format)}"

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
        checks = self._open_checks()
        checked = checks.check_file(
            filename, path, self._list_files(filename), self._runner(resources)
        )
        return self._tell(checked, resources)

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
            return self._refuse(shown, file, find_invalid(shown, "is not UTF-8"), resources)
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
            return self._refuse(str(path), file, invalid, resources)
        return self._check(str(path), file, content, resources)

    def _open_resources(self, resources: Any) -> Any:
        return self._init_resources(resources)  # type: ignore[no-untyped-call]

    def _check(
        self, name: str, file: Path | None, content: bytes, resources: Any
    ) -> tuple[str, dict[str, Any]]:
        files, run = self._list_files(name), self._runner(resources)
        return self._tell(self._open_checks().check(name, file, content, files, run), resources)

    def _refuse(
        self, name: str, file: Path | None, invalid: Finding, resources: Any
    ) -> tuple[str, dict[str, Any]]:
        """Report on what is no notebook."""
        checked = self._open_checks().report(name, file, self._list_files(name), [invalid])
        return self._tell(checked, resources)

    def _tell(self, checked: CheckedNotebook, resources: Any) -> tuple[str, dict[str, Any]]:
        """Write the report into the resources, print it where nbconvert is the program."""
        report = checked.report
        resources[RESOURCES_KEY] = {"report": report, "notebook": checked.notebook}
        resources["output_extension"] = self.file_extension
        app = find_app(self)
        if app is not None:
            open_gate(app, "mlops-check").add(len(report.findings))
            if report.findings or report.notes:
                sys.stderr.write(format_report(report))
                sys.stderr.flush()
        if self.format == "json":
            return encode_report(report), resources
        locate = self._open_checks().locate
        return encode_reports(self.format, [report], locate), resources

    def _list_files(self, name: str) -> Sequence[Path]:
        """Return all notebooks of this run."""
        app = find_app(self)
        names = app.notebooks if app is not None and not app.from_stdin else [name]
        return [Path(one) for one in names]

    def _runner(self, resources: Any) -> Run | None:
        if not self._executes:
            return None
        parameters = parse_parameters(self.parameters)

        def run(name: str, file: Path | None, notebook: Any) -> list[Finding]:
            config = self._open_checks().projects.config(file)
            return run_preprocessors(
                name, file, notebook, resources, self._preprocessors, config, parameters
            )

        return run

    def _open_checks(self) -> NotebookChecks:
        self._check_options()
        if self._checks is None:
            self._checks = NotebookChecks(self._read_options())
        return self._checks

    def _read_options(self) -> CheckOptions:
        return CheckOptions(
            select=tuple(self.select),
            ignore=tuple(self.ignore),
            fast=self.fast,
            base=self.base or None,
            yes=self.yes,
            repeat=self.repeat,
            tolerance=self.tolerance,
            parameters=parse_parameters(self.parameters),
        )

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
            error: UsageError | None = UsageError(
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
            error = self._find_bad_value()
        if error is None:
            return
        app = find_app(self)
        if app is None:
            raise error
        print(visible(error.message), file=sys.stderr)
        for hint in error.hints:
            print(f"  → {hint}", file=sys.stderr)
        app.exit(error.exit_status)

    def _find_bad_value(self) -> UsageError | None:
        try:
            self._read_options().check(executes=self._executes)
        except UsageError as error:
            return error
        return None
