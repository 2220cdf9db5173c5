"""The report of a state against a base: sections, each in a longer and in shorter forms; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from jupyter_mlops.document import (
    Block,
    Cell,
    Code,
    Delta,
    Document,
    Figure,
    Hint,
    Image,
    Note,
    Number,
    Table,
)
from jupyter_mlops.document.model import Tone
from jupyter_mlops.document.render_markdown import (
    TEXT_ONLY,
    Shown,
    escape_markdown,
    images_of,
    is_pictured,
    render_markdown,
)
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.explain.ranking import Difference, Kind
from jupyter_mlops.forge.fit import Part, split_markdown
from jupyter_mlops.metrics.read import Number as MetricValue
from jupyter_mlops.metrics.read import label_names
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.own_text import Own, render_own
from jupyter_mlops.text import visible
from jupyter_mlops.units import plural

OPEN_ROWS = 12
"""How many rows a table has before a reader unfolds the rest, or where it must be short."""

OPEN_GALLERIES = 2
"""How many rows of images are open before a reader unfolds the rest."""

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
    unfolds. ``pictured`` is open where it is images or diagrams, and folded where it is text.
    ``own`` is the project's own Markdown, between its images. ``priority`` says what is kept whole
    longest: the highest number.
    """

    key: Key
    title: str
    summary: str
    shown: tuple[Block, ...] = ()
    folded: tuple[Block, ...] = ()
    pictured: tuple[Figure, ...] = ()
    own: Own = ()
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
        f"{len(names)} of {plural(count, 'gate')} broken" if broken else f"{count} kept",
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


def make_parts(
    title: str, verdict: str, sections: Sequence[Section], full: str, shown: Shown = TEXT_ONLY
) -> list[Part]:
    """Return the report in Markdown as parts that a forge's limit may shorten.

    A section is whole with its fold, then without what is folded, then without images, then its one
    line, with ``full``, which says how all of it is seen.
    """
    head = f"## {escape_markdown(title)}\n\n{verdict}"
    return [Part((head,), 100), *(_make_part(section, full, shown) for section in sections)]


def list_images(sections: Sequence[Section], *, diagrams: bool) -> tuple[Image, ...]:
    """Return the images of sections, those of the most important first.

    With ``diagrams`` those are left out in whose place a diagram is drawn.
    """
    found: list[Image] = []
    for section in sorted(sections, key=lambda one: -one.priority):
        found += [one for one in section.own if isinstance(one, Image)]
        for block in (*section.shown, *section.pictured, *section.folded):
            if isinstance(block, Figure) and not (diagrams and block.diagrams):
                found += images_of(block)
    return tuple({one.name: one for one in found}.values())


def _make_part(section: Section, full: str, shown: Shown) -> Part:
    mark = {"good": "✅ ", "bad": "❌ ", "warning": "⚠️ "}.get(section.tone, "")
    summary = f" · {escape_markdown(section.summary)}" if section.summary else ""
    head = f"### {mark}{escape_markdown(section.title)}{summary}"
    pictured = any(is_pictured(figure, shown) for figure in section.pictured)
    text = render_own(section.own, shown) or _render(section.shown, shown)
    opened_figures, further = _open_figures(section.pictured, shown) if pictured else ((), ())
    images = _render(opened_figures, shown)
    folded = _render((*(further if pictured else section.pictured), *section.folded), shown)
    opened = _join(head, text, images)
    forms = [opened]
    if folded:
        word = "More" if text or images else "Show"
        fold = f"<details><summary>{word}</summary>\n\n{folded}\n\n</details>"
        forms = [_join(opened, fold), _join(opened, full)]
    if images and text:
        forms.append(_join(head, text, full))
    if section.own and len(parts := split_markdown(text)) > 1:
        forms.append(_join(head, parts[0].forms[0], full))
    if text or images:
        forms.append(_join(head, full))
    return Part(tuple(forms), section.priority)


def _open_figures(
    figures: Sequence[Figure], shown: Shown
) -> tuple[tuple[Figure, ...], tuple[Figure, ...]]:
    """Return figures with what of them is open, and figures with the rest, if there is any."""
    opened, further = [], []
    for figure in figures:
        galleries = figure.galleries()
        if (figure.diagrams and shown.diagrams) or len(galleries) <= OPEN_GALLERIES:
            opened.append(figure)
            continue
        first, rest = galleries[:OPEN_GALLERIES], galleries[OPEN_GALLERIES:]
        opened.append(replace(figure, galleries=partial(tuple, first)))
        further.append(replace(figure, galleries=partial(tuple, rest)))
    return tuple(opened), tuple(further)


def _render(blocks: Sequence[Block], shown: Shown) -> str:
    return render_markdown(Document(tuple(blocks)), shown).rstrip("\n")


def _join(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text)


def render_sections(title: str, verdict: str, sections: Sequence[Section]) -> str:
    """Return the report as text for a terminal or a log."""
    parts = [f"{title}\n{verdict}\n"]
    for section in sections:
        summary = f" · {visible(section.summary)}" if section.summary else ""
        body = visible(render_own(section.own, TEXT_ONLY), keep_lines=True)
        blocks = (*section.shown, *section.pictured, *section.folded)
        body += render_text(Document(tuple(one for one in blocks if not _is_silent(one))))
        parts.append(f"{section.title}{summary}\n{body}")
    return "\n".join(part if part.endswith("\n") else f"{part}\n" for part in parts)


def _is_silent(block: Block) -> bool:
    """Return whether nothing of ``block`` is text."""
    return isinstance(block, Figure) and block.text == ""
