"""Where a finding is, as other programs name it: a path from the project's root, and a line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.reports.findings import Finding, name_cell
from jupyter_mlops.reports.report import Report
from jupyter_mlops.text import visible

Locate = Callable[[str], str]
"""Returns the path from the project's root of a notebook, by the name that it was given."""

_UNFIT = dict.fromkeys((0xFFFE, 0xFFFF), "?")


class Located(NamedTuple):
    """A finding, where it is, and a mark that stays the same as long as it is the same finding."""

    finding: Finding
    path: str
    line: int
    cell: str | None
    fingerprint: str

    @property
    def why(self) -> str:
        """The sentence, safe to show."""
        return clean(self.finding.why)

    @property
    def fix(self) -> str:
        """What mends it, safe to show."""
        return clean(self.finding.fix)


def locate_all(reports: Sequence[Report], locate: Locate) -> Iterator[Located]:
    """Yield every finding of ``reports`` with its place; no two have the same fingerprint."""
    seen: dict[str, int] = {}
    for report in reports:
        for finding in report.findings:
            found = _locate(finding, report, locate)
            count = seen[found.fingerprint] = seen.get(found.fingerprint, 0) + 1
            if count > 1:
                found = found._replace(fingerprint=_digest(found.fingerprint, str(count)))
            yield found


def clean(text: str) -> str:
    """Return ``text`` without what steers a terminal, or is no character in XML."""
    return visible(text).translate(_UNFIT)


def _locate(finding: Finding, report: Report, locate: Locate) -> Located:
    path = finding.file or CONFIG_NAME
    if finding.notebook is not None:
        path = locate(report.notebook)
    cell, line = finding.cell, 1
    if cell is not None and cell.index < len(report.cell_lines):
        line = report.cell_lines[cell.index]
    named = name_cell(cell) if cell is not None else None
    who = (cell.id or str(cell.index)) if cell is not None else ""
    fingerprint = _digest(finding.rule, path, who, finding.subject or "")
    return Located(finding, clean(path), line, named, fingerprint)


def _digest(*parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:40]
