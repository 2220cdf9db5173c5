"""Frames and plots made up in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jupyter_mlops.config import PlotConfig, Template
from jupyter_mlops.plots.drawing import DrawnPlot
from jupyter_mlops.plots.frame import Column, Frame
from jupyter_mlops.plots.templates import Part, Wanted, choose_columns, plan_drawings


def make_frame(columns: Mapping[str, Sequence[object]]) -> Frame:
    """Return a frame of these columns."""
    made: dict[str, Column] = {}
    for name, values in columns.items():
        made[name] = Column()
        made[name].extend_values(values)
    return Frame(tuple(columns), made, max(map(len, columns.values()), default=0))


def draw(
    template: Template, plot: PlotConfig, **sides: Mapping[str, Sequence[object]]
) -> tuple[DrawnPlot, ...]:
    """Return the plots of a file that each revision in ``sides`` has with these columns."""
    parts = [Part(at, name, make_frame(sides[name])) for at, name in enumerate(sides)]
    for part in parts:
        choose_columns(plot, template, part.frame.names)
    return plan_drawings(Wanted(plot, template, "plots/a.csv", "plots/a.csv"), parts)
