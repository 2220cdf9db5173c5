"""The report on one notebook, as text for people and as JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jupyter_mlops.document.cells import text_width, wrap
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.text import visible
from jupyter_mlops.units import plural

FORMAT = 0
"""Version of the JSON form; docs/checks.md."""

_WIDTH = 100
_MEND = "→ "


@dataclass(frozen=True, slots=True)
class Report:
    """What the checks say of one notebook, and of its project where that was looked at with it.

    ``executed`` says that the notebook was run for this; ``cell_lines`` are the lines of its file,
    from 1, at which its cells stand, where that is known.
    """

    notebook: str
    executed: bool
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    cell_lines: tuple[int, ...] = ()

    @property
    def own(self) -> tuple[Finding, ...]:
        """The findings about the notebook itself."""
        return tuple(finding for finding in self.findings if finding.notebook is not None)

    @property
    def shared(self) -> tuple[Finding, ...]:
        """The findings about the project."""
        return tuple(finding for finding in self.findings if finding.notebook is None)


def format_report(report: Report) -> str:
    """Return the report as lines for a terminal or a log; nothing in it steers one.

    Commands are never broken in two. No line begins as a command to a CI system does.
    """
    lines = [f"{visible(report.notebook)}: {count_findings(len(report.own))}"]
    lines += _iter_findings(report.own)
    if report.shared:
        lines.append(f"project: {count_findings(len(report.shared))}")
        lines += _iter_findings(report.shared)
    for note in report.notes:
        lines += _indent("note: ", wrap(visible(note), _WIDTH - 6))
    return "".join(f"{disarm(line)}\n" for line in lines)


def encode_report(report: Report) -> str:
    """Return the report as one JSON document in ASCII; NaN and infinities are null in it."""
    return json.dumps(describe_report(report), indent=2, allow_nan=False) + "\n"


def describe_report(report: Report) -> dict[str, object]:
    """Return the report as JSON has it: objects, lists, texts; docs/checks.md."""
    return {
        "format": FORMAT,
        "notebook": report.notebook,
        "executed": report.executed,
        "findings": [_encode_finding(finding) for finding in report.findings],
        "notes": [visible(note) for note in report.notes],
    }


def count_findings(count: int) -> str:
    """Return ``no findings``, ``1 finding``, ``2 findings``."""
    return plural(count, "finding") if count else "no findings"


def _encode_finding(finding: Finding) -> dict[str, object]:
    cell = finding.cell
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "notebook": finding.notebook,
        "cell": {"index": cell.index, "id": cell.id} if cell is not None else None,
        "subject": finding.subject,
        "why": visible(finding.why),
        "fix": visible(finding.fix),
        "value": _finite(finding.value),
        "limit": _finite(finding.limit),
        "file": finding.file,
    }


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _iter_findings(findings: Sequence[Finding]) -> Iterator[str]:
    column = max((len(finding.rule) for finding in findings), default=0) + 4
    for finding in findings:
        rule = f"  {finding.rule}".ljust(column)
        yield from _indent(rule, wrap(visible(finding.why), max(_WIDTH - column, 40)))
        yield from _indent(" " * column, [_MEND + visible(finding.fix)])


def disarm(line: str) -> str:
    r"""Return ``line`` with a backslash where GitHub and Azure would take it for a command."""
    text = line.lstrip()
    return line.replace(text, f"\\{text}") if text.startswith(("::", "##")) else line


def _indent(first: str, lines: Sequence[str]) -> Iterator[str]:
    """Yield ``lines`` behind ``first`` and, from the second on, as far to the right."""
    for number, line in enumerate(lines):
        yield (" " * text_width(first) if number else first) + line
