"""A report put together: what ``report`` and the exporter ``mlops-report`` share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from jupyter_mlops.commands.check_notebooks import check_notebooks
from jupyter_mlops.commands.ci import name_state
from jupyter_mlops.commands.ci_post import PostedReport
from jupyter_mlops.commands.number_trees import problem_notes
from jupyter_mlops.commands.plots_diff import plots_diff
from jupyter_mlops.commands.report_evidence import (
    Sides,
    find_report_base,
    how_to_get,
    name_commit,
    open_report_sides,
    read_metric_rows,
    read_production_values,
)
from jupyter_mlops.commands.report_own import read_own_sections
from jupyter_mlops.commands.report_page import render_state_page
from jupyter_mlops.commands.report_pictures import history_figures, plot_figures
from jupyter_mlops.commands.spec import PROGRAM
from jupyter_mlops.commands.why import compare_states
from jupyter_mlops.commands.workspace import Here, Workspace, open_workspace
from jupyter_mlops.document import Document, Figure, Note
from jupyter_mlops.document.render_markdown import TEXT_ONLY, Shown
from jupyter_mlops.explain.ranking import Difference
from jupyter_mlops.forge.fit import Part, fit_parts
from jupyter_mlops.forge.pictures import Body
from jupyter_mlops.git.revisions import head
from jupyter_mlops.metrics.read import Problem
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.report import Report
from jupyter_mlops.reports.state_report import (
    MetricRow,
    Section,
    difference_sections,
    findings_section,
    gates_section,
    how_section,
    list_images,
    make_parts,
    metrics_section,
    render_sections,
    unknown_section,
)
from jupyter_mlops.snapshots.listing import list_all_snapshots
from jupyter_mlops.units import plural

ReportFormat = Literal["text", "md", "html", "json"]

_NO_LIMIT = 10**9
_GATE = "gate-"


@dataclass(frozen=True, slots=True)
class ReportResult:
    """The report of the working tree against a base.

    ``base`` is the full id of the base's commit, null where there is none, and ``why`` says which
    it is; ``commit`` is HEAD, of a pull request its newest commit. ``gates`` are the findings of
    gates, ``findings`` all others of the checks, ``notes`` what these say beside, and ``unknown``
    what could not be compared. ``text`` is the report in the format that was asked for; ``posted``
    what became of the comment, null where none was asked for.
    """

    name: str
    base: str | None
    why: str
    commit: str | None
    branch: str | None
    metrics: tuple[MetricRow, ...]
    production: str | None
    gates: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    differences: tuple[Difference, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    unknown: tuple[str, ...]
    text: str
    posted: PostedReport | None = None

    @property
    def exit_status(self) -> int:
        """1 when a gate or a check found something."""
        return int(bool(self.gates or self.findings))

    def describe(self) -> Document:
        """Return the report in the format that was asked for, or what became of the comment."""
        if self.posted is not None:
            return self.posted.describe()
        return Document((Note(self.text.rstrip("\n")),))


@dataclass(frozen=True, slots=True)
class Composed:
    """A report's values and its sections, in the order in which they are told."""

    result: ReportResult
    sections: tuple[Section, ...]

    @property
    def body(self) -> Body:
        """The report in Markdown, with all images that it may show."""
        return Body(self.make_parts, lambda diagrams: list_images(self.sections, diagrams=diagrams))

    def make_parts(self, shown: Shown = TEXT_ONLY) -> list[Part]:
        """Return the report in Markdown as parts, for a forge that takes so many characters."""
        base = self.result.base
        named = f" --base {base[:10]}" if base is not None else ""
        full = f"All of it: `{PROGRAM} report{named}`"
        return make_parts(_title(self.result), _verdict(self.result), self.sections, full, shown)

    def render(
        self, format: Literal["text", "md", "html"], most_characters: int | None = None
    ) -> str:
        """Return the report as text; Markdown is as short as ``most_characters`` wants it."""
        if format == "md":
            return fit_parts(self.make_parts(), most_characters or _NO_LIMIT).text
        title, verdict = _title(self.result), _verdict(self.result)
        if format == "html":
            return render_state_page(title, verdict, self.sections)
        return render_sections(title, verdict, self.sections)


def compose_report(
    here: Here,
    *,
    base: str | None,
    name: str,
    yes: bool = False,
    execute: bool = False,
    executed: Mapping[str, Any] | None = None,
    checked: Sequence[Report] | None = None,
) -> Composed:
    """Return the report of the working tree against ``base``.

    Args:
        here: a folder of the project.
        base: a revision; None: where the branch began.
        name: the report's title.
        yes: whether URLs that the project names may be asked from now on.
        execute: whether the project's notebooks are run first.
        executed: notebooks as they are now, by their paths in the project, instead of the files.
        checked: what the checks said; None: all notebooks of the project are checked.

    Raises:
        NotFoundError: there is no project, or nothing to compare with where there should be.
        UnavailableError: the Git remote of a shallow clone cannot be read.
    """
    ws = open_workspace(here.cwd)
    found_base = find_report_base(ws, base)
    if checked is None:
        at_root = replace(here, cwd=ws.root)
        checked = check_notebooks(at_root, base=base, yes=yes, execute=execute).reports
    sides = open_report_sides(ws, found_base)
    production, unknown = read_production_values(ws, yes=yes)
    rows, read = read_metric_rows(ws, sides, production)
    found = [one for part in checked for one in part.findings]
    notes = [note for part in checked for note in part.notes]
    differences: tuple[Difference, ...] = ()
    unclear: tuple[str, ...] = ()
    if sides.base is not None:
        compared = compare_states(ws, sides.base, sides.state, list_all_snapshots(ws.git))
        differences, unclear = compared.differences, compared.unknown
    commit, branch = name_state(ws.git, head(ws.git), os.environ)
    result = ReportResult(
        name=name,
        base=None if sides.base is None else sides.base.commit,
        why=sides.why,
        commit=commit,
        branch=branch,
        metrics=rows,
        production=None if production is None else production.label,
        gates=tuple(one for one in found if one.rule.startswith(_GATE)),
        findings=tuple(one for one in found if not one.rule.startswith(_GATE)),
        differences=differences,
        problems=tuple(dict.fromkeys(read.problems)),
        notes=tuple(dict.fromkeys(notes)),
        unknown=tuple(dict.fromkeys([*([unknown] if unknown else []), *unclear])),
        text="",
    )
    return Composed(result, tuple(_make_sections(ws, result, sides, executed or {})))


def _make_sections(
    ws: Workspace, result: ReportResult, sides: Sides, executed: Mapping[str, Any]
) -> list[Section]:
    old = "base" if sides.base is None else name_commit(result.base)
    sections = []
    if ws.config.gates:
        sections.append(gates_section(result.gates, len(ws.config.gates)))
    metrics = metrics_section(result.metrics, old, "here", result.production)
    pictured = history_figures(result.metrics, result.branch, result.production)
    sections.append(replace(metrics, pictured=pictured))
    sections.append(findings_section(result.findings, result.notes))
    sections += difference_sections(result.differences)
    if sides.base is not None:
        sections += _plot_section(ws, name_commit(sides.base.commit))
    sections += read_own_sections(ws, executed)
    sections += unknown_section(
        (*(Note(one, "quiet") for one in result.unknown), *problem_notes(result.problems))
    )
    remotes = list(ws.config.remotes)
    sections.append(how_section(how_to_get(result.branch, result.commit, remotes)))
    return _in_order(sections)


_ORDER = (
    *("gates", "metrics", "findings", "parameters", "data", "code", "plots", "environment"),
    *("own", "unknown", "how"),
)


def _in_order(sections: Sequence[Section]) -> list[Section]:
    return sorted(sections, key=lambda one: _ORDER.index(one.key))


def _plot_section(ws: Workspace, base: str) -> list[Section]:
    """Return the plots that differ, the base's beside the state's."""
    compared = plots_diff(ws, base)
    if not compared.plots and not compared.problems:
        return []
    summary = f"{len(compared.plots)} changed"
    pictured = plot_figures(compared)
    rest = tuple(one for one in compared.describe().blocks if not isinstance(one, Figure))
    return [Section("plots", "Plots", summary, folded=rest, pictured=pictured, priority=40)]


def _title(result: ReportResult) -> str:
    return f"{result.name}: {result.branch or name_commit(result.commit)}"


def _verdict(result: ReportResult) -> str:
    """Return in one line whether all holds, and what was compared with what."""
    told = []
    if result.gates:
        told.append(f"{plural(len(result.gates), 'gate finding')}")
    if result.findings:
        told.append(f"{plural(len(result.findings), 'finding')} of checks")
    holds = "Not all holds: " + ", ".join(told) if told else "All checks and gates hold"
    if result.base is None:
        return f"{holds}. Compared with {result.why}."
    return f"{holds}. {name_commit(result.commit)} compared with {result.base[:10]}, {result.why}."
