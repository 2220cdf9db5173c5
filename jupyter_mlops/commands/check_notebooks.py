"""The command ``check-notebooks``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from jupyter_mlops.commands.check_options import CheckOptions
from jupyter_mlops.commands.checked_notebooks import NotebookChecks, Run
from jupyter_mlops.commands.notebook_run import RunSettings, parse_parameters, run_notebook
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.strip import find_notebooks
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.document import Document, Note
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.formats import Format, encode_reports, summarise
from jupyter_mlops.reports.report import Report


@dataclass(frozen=True, slots=True)
class CheckNotebooksResult:
    """A report on each notebook; what belongs to a project stands in that on its last one.

    ``text`` is all of them in the format that was asked for.
    """

    reports: tuple[Report, ...]
    findings: int
    text: str

    @property
    def exit_status(self) -> int:
        """1 when anything was found."""
        return int(self.findings > 0)

    def describe(self) -> Document:
        """Return the reports in the format that was asked for."""
        return Document((Note(self.text.rstrip("\n")),))


def check_notebooks(
    here: Here,
    paths: Annotated[
        tuple[str, ...],
        Arg("Notebooks and folders; the current folder by default.", "PATH", complete="path"),
    ] = (),
    *,
    execute: Annotated[bool, Arg("Run each notebook in a fresh kernel.")] = False,
    repeat: Annotated[
        int, Arg("Run each so many times, and compare the runs.", metavar="COUNT")
    ] = 1,
    select: Annotated[
        tuple[str, ...], Arg("Only these rules; * stands for any text.", metavar="RULE")
    ] = (),
    ignore: Annotated[tuple[str, ...], Arg("Without these rules.", metavar="RULE")] = (),
    fast: Annotated[bool, Arg("Look at notebooks and Git's index only.")] = False,
    format: Annotated[Format, Arg("What is printed.")] = "text",
    base: Annotated[
        str | None,
        Arg(
            "What gates call base; what the CI system says by default.",
            metavar="REVISION",
            complete="revision",
        ),
    ] = None,
    timeout: Annotated[
        int | None, Arg("The longest that a cell may take, in seconds.", metavar="SECONDS")
    ] = None,
    kernel: Annotated[str | None, Arg("The kernel that runs them.", metavar="NAME")] = None,
    parameter: Annotated[
        tuple[str, ...], Arg("Set in the cell tagged parameters.", metavar="NAME=VALUE")
    ] = (),
    tolerance: Annotated[
        float | None,
        Arg("By what part of itself a number in an output may differ.", metavar="PART"),
    ] = None,
    allow_errors: Annotated[bool, Arg("Go on after a cell that raises.")] = False,
    yes: Annotated[bool, Arg("Let the project use its remote and URLs from now on.")] = False,
) -> CheckNotebooksResult:
    """Find what is wrong with notebooks and with the project that they lie in.

    The rules are those of jupyter nbconvert --to mlops-check; docs/checks.md has them all. Nothing
    is run without --execute, which first brings tracked data that is missing. Exit status 1 says
    that something was found. In a cell, the comment # mlops: ignore[RULE] lets a rule pass; in the
    first cell, # mlops: ignore-notebook[RULE] does so for all of them.
    """
    parameters = parse_parameters(parameter)
    options = CheckOptions(select, ignore, fast, base, yes, repeat, tolerance, parameters)
    options.check(executes=execute)
    checks = NotebookChecks(options, here.progress)
    files = _find(here, paths)
    run = None
    if execute:
        settings = RunSettings(timeout, kernel, allow_errors, parameters)
        run = _runner(here, checks, settings)
    everything = list(files.values())
    with here.progress.task("Checking notebooks", len(everything), "notebooks") as task:
        reports = []
        for name, file in files.items():
            reports.append(checks.check_file(name, file, everything, run).report)
            task.advance(1)
    if not everything:
        reports = [_check_project_alone(here, checks)]
    text = encode_reports(format, reports, checks.locate)
    found = sum(len(report.findings) for report in reports)
    if format in ("text", "github"):
        text += f"mlops-check: {summarise(reports if everything else [])}\n"
    return CheckNotebooksResult(tuple(reports), found, text)


def _find(here: Here, paths: Sequence[str]) -> dict[str, Path]:
    """Return the notebooks that ``paths`` mean, by the names that a shell here gives them."""
    found: dict[str, Path] = {}
    for notebooks in find_notebooks(here, paths or (".",)).values():
        for path in notebooks:
            found[Path(os.path.relpath(path, here.cwd)).as_posix()] = path
    return found


def _runner(here: Here, checks: NotebookChecks, given: RunSettings) -> Run:
    """Return what runs a notebook, by what was said here and what its project says."""

    def run(name: str, file: Path | None, notebook: Any) -> list[Finding]:
        settings = given.within(checks.projects.config(file))
        return run_notebook(name, file, notebook, settings, here.progress)

    return run


def _check_project_alone(here: Here, checks: NotebookChecks) -> Report:
    """Return the report on a project without notebooks."""
    checked = checks.projects.check_project(here.cwd / CONFIG_NAME, ())
    return Report("(no notebooks)", False, checked.findings, checked.notes)
