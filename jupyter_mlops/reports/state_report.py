"""The report of a state against a base: sections, each in a longer and in shorter forms; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.document import Block, Cell, Code, Delta, Document, Hint, Note, Number, Table
from jupyter_mlops.document.model import Tone
from jupyter_mlops.document.render_markdown import escape_markdown, render_markdown
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.explain.ranking import Difference, Kind
from jupyter_mlops.forge.fit import Part
from jupyter_mlops.metrics.read import Number as MetricValue
from jupyter_mlops.metrics.read import label_names
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.text import visible
from jupyter_mlops.units import plural

OPEN_ROWS = 12
"""How many rows a table has before a reader unfolds the rest, or where it must be short."""

_BARS = "▁▂▃▄▅▆▇█"
_SPARK_POINTS = 16

Key = Literal[
    "gates",
    "metrics",
    "findings",
    "parameters",
    "data",
    "code",
    "environment",
    "plots",
    "own",
    "unknown",
    "how",
]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric in the base and in the state; ``production`` where there is such a thing.

    ``history`` are its values along the state's own line of commits, oldest first, this one last.
    """

    name: str
    base: MetricValue | None
    value: MetricValue | None
    delta: MetricValue | None
    better: bool | None
    production: MetricValue | None = None
    history: tuple[MetricValue | None, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether the two states differ in it."""
        if self.base is None or self.value is None:
            return self.base is not self.value
        both = (self.base, self.value)
        return self.base != self.value and not all(math.isnan(one) for one in both)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report.

    ``summary`` says it in one line. ``shown`` is what is always open, ``folded`` what a reader
    unfolds. ``markdown`` is the project's own text. ``priority`` says what is kept whole longest:
    the highest number.
    """

    key: Key
    title: str
    summary: str
    shown: tuple[Block, ...] = ()
    folded: tuple[Block, ...] = ()
    markdown: str = ""
    priority: int = 0
    tone: Tone = "plain"


def metrics_section(
    rows: Sequence[MetricRow], old: str, new: str, production: str | None = None
) -> Section:
    """Return the metrics: those that moved open, the others folded."""
    labels = label_names([row.name for row in rows])
    moved = [row for row in rows if row.moved]
    still = [row for row in rows if not row.moved]
    better = sum(row.better is True for row in moved)
    worse = sum(row.better is False for row in moved)
    new_ones = sum(row.base is None for row in moved)
    gone = sum(row.value is None for row in moved)
    told = [
        f"{count} {word}"
        for count, word in (
            (better, "better"),
            (worse, "worse"),
            (len(moved) - better - worse - new_ones - gone, "moved"),
            (new_ones, "new"),
            (gone, "gone"),
            (len(still), "unchanged"),
        )
        if count
    ]
    columns = ["metric", old, new, "change"]
    columns += [production] if production is not None else []
    columns += ["history"] if any(len(row.history) > 1 for row in rows) else []

    def table(chosen: Sequence[MetricRow]) -> tuple[Block, ...]:
        if not chosen:
            return ()
        cells = tuple(_metric_cells(row, labels[row.name], columns, production) for row in chosen)
        return (Table(tuple(columns), cells),)

    return Section(
        "metrics",
        "Metrics",
        ", ".join(told) if told else "none is recorded",
        table(moved[:OPEN_ROWS]),
        table([*moved[OPEN_ROWS:], *still]),
        priority=80,
        tone="warning" if worse or gone else "good" if better else "plain",
    )


def _metric_cells(
    row: MetricRow, label: str, columns: Sequence[str], production: str | None
) -> tuple[Cell, ...]:
    cells: list[Cell] = [
        label,
        None if row.base is None else Number(row.base),
        None if row.value is None else Number(row.value),
        _change_cell(row),
    ]
    if production is not None:
        cells.append(None if row.production is None else Number(row.production))
    if columns[-1] == "history":
        cells.append(sparkline(row.history))
    return tuple(cells)


def _change_cell(row: MetricRow) -> Cell:
    if row.base is None:
        return "new"
    if row.value is None:
        return "gone"
    return Delta(row.delta, row.better) if row.moved and row.delta is not None else None


def sparkline(values: Iterable[MetricValue | None]) -> str:
    """Return values as a row of bars, the last ones; a gap where there is none to draw."""
    kept = list(values)[-_SPARK_POINTS:]
    drawn = [value for value in kept if value is not None and math.isfinite(value)]
    if not drawn:
        return ""
    low, high = min(drawn), max(drawn)
    steps = len(_BARS) - 1

    def bar(value: MetricValue | None) -> str:
        if value is None or not math.isfinite(value):
            return " "
        return _BARS[round((value - low) / (high - low) * steps) if high > low else steps // 2]

    return "".join(bar(value) for value in kept).strip()


def findings_section(findings: Sequence[Finding], notes: Sequence[str] = ()) -> Section:
    """Return what the checks found, gates left out: errors first."""
    told = sorted(findings, key=lambda one: one.severity != "error")
    rows = tuple(
        (
            *(one.severity, Code(one.rule), Code(one.notebook or one.subject or "")),
            *(one.why, Code(one.fix)),
        )
        for one in told
    )
    columns = ("", "rule", "where", "why", "mend")
    errors = sum(one.severity == "error" for one in told)
    return Section(
        "findings",
        "Checks",
        plural(len(told), "finding") if told else "nothing found",
        (Table(columns, rows[:OPEN_ROWS]),) if rows else (),
        (
            *((Table(columns, rows[OPEN_ROWS:]),) if rows[OPEN_ROWS:] else ()),
            *(Note(note, "quiet") for note in notes),
        ),
        priority=70,
        tone="bad" if errors else "warning" if told else "good",
    )


def gates_section(broken: Sequence[Finding], count: int, notes: Sequence[str] = ()) -> Section:
    """Return the gates: those that broke, by name, with how far they are off."""
    names = {one.subject for one in broken}
    rows = tuple((Code(one.subject or ""), one.why, Code(one.fix)) for one in broken)
    return Section(
        "gates",
        "Gates",
        f"{len(names)} of {plural(count, 'gate')} broken" if broken else f"all {count} kept",
        (Table(("gate", "why", "see"), rows),) if rows else (),
        tuple(Note(note, "quiet") for note in notes),
        priority=90,
        tone="bad" if broken else "good",
    )


_KINDS: tuple[tuple[Key, str, tuple[Kind, ...], int], ...] = (
    ("parameters", "Parameters", ("parameter", "seed"), 60),
    ("data", "Data", ("data",), 55),
    ("code", "Notebooks and code", ("code",), 50),
    ("environment", "Environment", ("environment", "hardware", "duration"), 30),
)


def difference_sections(differences: Sequence[Difference]) -> list[Section]:
    """Return what differs, by kind; a kind in which nothing does has no section."""
    sections = []
    for key, title, kinds, priority in _KINDS:
        chosen = [one for one in differences if one.kind in kinds]
        if not chosen:
            continue
        rows = tuple((Code(one.name), one.change) for one in chosen)
        commands = dict.fromkeys(one.command for one in chosen if one.command is not None)
        sections.append(
            Section(
                key,
                title,
                f"{len(chosen)} changed",
                (Table(("what", "how"), rows[:OPEN_ROWS]),) if key != "environment" else (),
                (
                    *(
                        (Table(("what", "how"), rest),)
                        if (rest := rows if key == "environment" else rows[OPEN_ROWS:])
                        else ()
                    ),
                    *(Hint("See", command) for command in list(commands)[:OPEN_ROWS]),
                ),
                priority=priority,
            )
        )
    return sections


def how_section(commands: Sequence[str]) -> Section:
    """Return how to get this state."""
    return Section(
        "how",
        "How to get this state",
        "",
        folded=(Hint("", " && ".join(commands)),) if commands else (),
        priority=20,
    )


def unknown_section(notes: Sequence[Note]) -> list[Section]:
    """Return what could not be compared; no section where all could."""
    if not notes:
        return []
    summary = plural(len(notes), "thing")
    return [Section("unknown", "Not compared", summary, folded=tuple(notes), priority=25)]


def make_parts(title: str, verdict: str, sections: Sequence[Section], full: str) -> list[Part]:
    """Return the report in Markdown as parts that a forge's limit may shorten.

    A section is whole with its fold, then without what is folded, then its one line, with ``full``,
    which says how all of it is seen.
    """
    head = f"## {escape_markdown(title)}\n\n{verdict}"
    return [Part((head,), 100), *(_make_part(section, full) for section in sections)]


def _make_part(section: Section, full: str) -> Part:
    mark = {"good": "✅ ", "bad": "❌ ", "warning": "⚠️ "}.get(section.tone, "")
    summary = f" · {escape_markdown(section.summary)}" if section.summary else ""
    head = f"### {mark}{escape_markdown(section.title)}{summary}"
    shown = section.markdown or render_markdown(Document(section.shown)).rstrip("\n")
    folded = render_markdown(Document(section.folded)).rstrip("\n")
    open_part = "\n\n".join(part for part in (head, shown) if part)
    forms = [open_part]
    if folded:
        word = "More" if shown else "Show"
        fold = f"<details><summary>{word}</summary>\n\n{folded}\n\n</details>"
        forms.insert(0, f"{open_part}\n\n{fold}")
        forms[1] = f"{open_part}\n\n{full}"
    if shown:
        forms.append(f"{head}\n\n{full}")
    return Part(tuple(forms), section.priority)


def render_sections(title: str, verdict: str, sections: Sequence[Section]) -> str:
    """Return the report as text for a terminal or a log."""
    parts = [f"{title}\n{verdict}\n"]
    for section in sections:
        summary = f" · {visible(section.summary)}" if section.summary else ""
        body = visible(section.markdown, keep_lines=True)
        body += render_text(Document((*section.shown, *section.folded)))
        parts.append(f"{section.title}{summary}\n{body}")
    return "\n".join(part if part.endswith("\n") else f"{part}\n" for part in parts)
