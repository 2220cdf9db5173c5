"""One comment as text: whose report it is, and the section of each job, marked where nobody sees.

The first line marks the report by its name. A section begins and ends with a line of its own, which
name the job and the commit. What stands between sections is nobody's, and goes with the next write.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from jupyter_mlops.forge.protocol import MarkStyle

_FORMS: Mapping[MarkStyle, tuple[str, str]] = {
    "comment": ("<!-- ", " -->"),
    "reference": ("[//]: # (", ")"),
}
_SECTION = re.compile(r"mlops-section =([^ ]*) =([^ ]*) ([0-9a-f]{16})")
_END = "mlops-section-end"
_MARK = re.compile(r"^(?:<!-- *|\[//\]: # \()(mlops-[^\n]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """What one job has to say of one commit; the job is empty where there is only one.

    ``digest`` is that of the text as it was written: forges may give it back with other blanks.
    """

    job: str
    commit: str
    text: str
    digest: str


def make_section(job: str, commit: str, text: str) -> Section:
    """Return a section whose text was not written yet; no line of it passes for a mark."""
    safe = disarm_marks(text).strip("\n")
    return Section(job, commit, safe, hashlib.blake2s(safe.encode(), digest_size=8).hexdigest())


def report_mark(name: str, style: MarkStyle) -> str:
    """Return the first line of a report's comment; any name is safe in it."""
    return _hidden(f"mlops-report {_encode(name)}", style)


def is_report(body: str, name: str, style: MarkStyle) -> bool:
    """Return whether a comment's text is that of the report ``name``."""
    return _first_line(body) == report_mark(name, style)


def format_comment(name: str, sections: Iterable[Section], style: MarkStyle) -> str:
    """Return a comment's text: the mark, then the sections by the names of their jobs."""
    blocks = [report_mark(name, style)]
    for section in sorted(sections, key=lambda section: section.job):
        names = f"{_encode(section.job)} {_encode(section.commit)}"
        begin = _hidden(f"mlops-section {names} {section.digest}", style)
        blocks += [begin, section.text, _hidden(_END, style)]
    # A link definition cannot stand within a paragraph, and an HTML comment is a block of its own.
    return "\n\n".join(blocks) + "\n"


def parse_comment(body: str, style: MarkStyle) -> dict[str, Section]:
    """Return the sections of a comment by their jobs; of damaged marks, what is whole."""
    sections: dict[str, Section] = {}
    begun: tuple[str, str, str] | None = None
    lines: list[str] = []
    for line in body.replace("\r\n", "\n").split("\n"):
        words = _shown(line, style)
        found = _SECTION.fullmatch(words) if words else None
        if found:
            begun, lines = (unquote(found[1]), unquote(found[2]), found[3]), []
        elif words == _END and begun:
            job, commit, digest = begun
            sections[job] = Section(job, commit, "\n".join(lines).strip("\n"), digest)
            begun = None
        elif begun:
            lines.append(line)
    return sections


def disarm_marks(text: str) -> str:
    """Return ``text`` without lines that would pass for marks of ours."""
    return _MARK.sub(r"`\1`", text.replace("\r\n", "\n"))


def section_cost(section: Section, style: MarkStyle) -> int:
    """Return how many characters a section adds to a comment."""
    return len(format_comment("", [section], style)) - len(format_comment("", [], style))


def _encode(name: str) -> str:
    # The sign before it keeps an empty name a word; quoting leaves none that ends a comment.
    return "=" + quote(name, safe="").replace("--", "-%2D")


def _hidden(words: str, style: MarkStyle) -> str:
    before, after = _FORMS[style]
    return f"{before}{words}{after}"


def _shown(line: str, style: MarkStyle) -> str:
    """Return what a line hides, empty where it hides nothing."""
    before, after = _FORMS[style]
    line = line.strip()
    if line.startswith(before) and line.endswith(after):
        return line[len(before) : -len(after)]
    return ""


def _first_line(body: str) -> str:
    return body.lstrip("\ufeff \r\n").partition("\n")[0].strip()
