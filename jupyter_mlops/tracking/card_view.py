"""A run's card as HTML and as text; pure.

The HTML has no script and no style sheet, so that it also shows where a notebook is not trusted,
and takes the colours of the page around it, light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from jupyter_mlops.metrics.curve import Points
from jupyter_mlops.metrics.leading import describe_progress
from jupyter_mlops.metrics.runs import Run, RunState
from jupyter_mlops.text import visible
from jupyter_mlops.units import format_duration, format_number, plural

CURVES_LIMIT = 6
"""How many metrics have a curve."""
POINTS_LIMIT = 80
"""How many points a curve has."""

_NAMES_LIMIT = 30
_LABEL_LETTERS = 60
_WHY_LETTERS = 300
_WIDTH, _HEIGHT = 200, 40
_SIGNS: dict[RunState, tuple[str, str]] = {
    "running": ("●", "var(--jp-brand-color1, #1976d2)"),
    "done": ("✓", "var(--jp-success-color1, #388e3c)"),
    "failed": ("✗", "var(--jp-error-color1, #d32f2f)"),
    "died": ("✗", "var(--jp-error-color1, #d32f2f)"),
}
_BOX = (
    "display:inline-block;max-width:100%;box-sizing:border-box;padding:6px 10px;"
    "border:1px solid rgba(128,128,128,.4);border-radius:4px;font-variant-numeric:tabular-nums"
)
_GRID = "display:flex;flex-wrap:wrap;gap:6px 20px;margin-top:4px"
_LINE = "stroke:var(--jp-brand-color1, #1976d2);stroke-width:1.5;fill:none"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a card shows of a run: its leading metrics, each with its points, and the others.

    ``now_seconds`` is None where the cell has ended: what is kept below it says of a run that was
    not ended how far it had come, not that it goes on.
    """

    run: Run
    curves: Sequence[tuple[str, Points]]
    others: Sequence[str]
    now_seconds: float | None


def render_text(shown: Shown) -> str:
    """Return the card as text: one line, and one of values."""
    names = [name for name, _ in shown.curves]
    values = [f"{_label(name)} {format_number(shown.run.values[name])}" for name in names]
    return "\n".join(filter(None, (" · ".join(_head(shown)), ", ".join(values))))


def render_html(shown: Shown) -> str:
    """Return the card as a fragment of HTML, some kB."""
    run = shown.run
    sign, colour = _SIGNS[run.state]
    name, *told = _head(shown)
    head = (
        f'<span style="color:{colour}">{sign}</span> <b>{escape(name)}</b>'
        f"{''.join(f' · {escape(part)}' for part in told)}"
    )
    parts = [f"<div>{head}</div>"]
    if run.why is not None:
        parts.append(f"<div>{escape(visible(run.why[:_WHY_LETTERS]))}</div>")
    if shown.curves:
        drawn = "".join(_render_curve(run, name, points) for name, points in shown.curves)
        parts.append(f'<div style="{_GRID}">{drawn}</div>')
    if shown.others:
        listed = ", ".join(
            f"{_label(name)} {format_number(run.values[name])}"
            for name in shown.others[:_NAMES_LIMIT]
        )
        more = len(shown.others) - _NAMES_LIMIT
        listed += f" and {plural(more, 'more', 'more')}" if more > 0 else ""
        parts.append(f'<div style="margin-top:4px">{escape(listed)}</div>')
    return f'<div class="mlops-run" style="{_BOX}">{"".join(parts)}</div>'


def _head(shown: Shown) -> list[str]:
    run = shown.run
    goes_on = run.state == "running"
    word = "so far" if goes_on and shown.now_seconds is None else run.state
    until = shown.now_seconds if goes_on and shown.now_seconds is not None else run.last_at
    took = format_duration(max(until - run.began_at, 0))
    return [visible(run.name), word, took, *filter(None, [describe_progress(run)])]


def _label(name: str) -> str:
    return visible(name[:_LABEL_LETTERS])


def _render_curve(run: Run, name: str, points: Points) -> str:
    label, last = escape(_label(name)), format_number(run.values[name])
    low, high = _bounds(points[1])
    told = f"{label}: from {format_number(low)} to {format_number(high)}"
    return (
        f'<div style="width:{_WIDTH}px"><div style="display:flex;justify-content:space-between">'
        f'<span style="overflow:hidden;text-overflow:ellipsis">{label}</span><b>{last}</b></div>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img"'
        f' aria-label="{told}"><path d="{_draw_path(points, low, high)}" style="{_LINE}"/></svg>'
        "</div>"
    )


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (math.nan, math.nan)


def _draw_path(points: Points, low: float, high: float) -> str:
    """Return a curve in whole pixels; what is no finite number is a gap."""
    steps, values = points
    first = steps[0] if steps else 0.0
    length = steps[-1] - first if steps else 0.0
    # Halves, since the difference of two numbers may be too large for one.
    height = high / 2 - low / 2
    parts: list[str] = []
    is_drawing = False
    for step, value in zip(steps, values, strict=True):
        if not math.isfinite(value):
            is_drawing = False
            continue
        x = round((step - first) / length * _WIDTH) if length else 0
        share = (value / 2 - low / 2) / height if height else 0.5
        y = round(_HEIGHT - 2 - share * (_HEIGHT - 4))
        parts.append(f"{'L' if is_drawing else 'M'}{x} {y}")
        is_drawing = True
    # A path of one point is not drawn.
    return parts[0] + f"h{_WIDTH}" if len(parts) == 1 else "".join(parts)
