"""Plots as plain values: what a page, a terminal and ``--json`` are given; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.config import Template

Mode = Literal["line", "outline", "dots", "bars"]
"""How traces are drawn; an outline is a line without dots."""
Scale = Literal["number", "time", "category"]

STYLES = 8
"""How many traces of a plot have a look of their own; those after them share the grey one, -1."""


@dataclass(frozen=True, slots=True)
class PlotSide:
    """One revision that is drawn, None for the working tree; ``label`` is what a legend says."""

    label: str
    revision: str | None
    commit: str | None


@dataclass(frozen=True, slots=True)
class PlotTrace:
    """One line, cloud or set of bars: its points, of ``count`` that there are.

    ``side`` is the position of its revision. A value that is not finite is null.
    """

    label: str
    side: int
    style: int
    x: tuple[float | None, ...]
    y: tuple[float | None, ...]
    count: int


@dataclass(frozen=True, slots=True)
class PlotMatrix:
    """A confusion matrix: a row for each actual class, a column for each predicted one.

    ``minus`` is the position of the revision that was subtracted, null where none was.
    """

    label: str
    side: int
    minus: int | None
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class PlotImage:
    """An image of one revision; ``content`` is null where all together would be too large."""

    side: int
    media_type: str
    width: int | None
    height: int | None
    size_bytes: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class DrawnPlot:
    """One plot over all revisions that have it.

    ``name`` is what ``--plot`` takes, ``source`` the file or run, ``mode`` how traces are drawn.
    ``scale`` is that of x: where it is ``category`` x counts ``categories``, which are also the
    classes of matrices; ``time`` are milliseconds since 1970, UTC. ``guide`` is a line to judge
    by. ``notes`` say what was left out, ``same`` that all revisions have it alike.
    """

    name: str
    title: str
    template: Template
    source: str
    x_label: str = ""
    y_label: str = ""
    mode: Mode = "line"
    scale: Scale = "number"
    categories: tuple[str, ...] = ()
    guide: Literal["diagonal", "zero"] | None = None
    traces: tuple[PlotTrace, ...] = ()
    matrices: tuple[PlotMatrix, ...] = ()
    images: tuple[PlotImage, ...] = ()
    notes: tuple[str, ...] = ()
    same: bool = False


def style_of(position: int) -> int:
    """Return the look of the trace at ``position`` of a plot."""
    return position if position < STYLES else -1
