"""Columns as plots, by the template that a project names; pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from jupyter_mlops.config import PlotConfig, Template
from jupyter_mlops.plots.confusion import (
    choose_classes,
    count_pairs,
    fill_matrix,
    subtract,
)
from jupyter_mlops.plots.curves import draw_precision_recall, draw_roc, find_positive
from jupyter_mlops.plots.drawing import DrawnPlot, PlotMatrix
from jupyter_mlops.plots.frame import Frame
from jupyter_mlops.plots.series import Points, draw_bars, draw_bins, draw_points, plain_points
from jupyter_mlops.plots.tables import name_columns
from jupyter_mlops.text import visible
from jupyter_mlops.units import format_number, plural

GUESSED_LINES = 12
"""How many columns are drawn of a file for which no y is named."""

_STEPS = ("step", "epoch", "iteration", "iter", "x", "time", "timestamp", "date", "at")
_ACTUAL = ("actual", "y_true", "true", "target", "label")
_PREDICTED = ("predicted", "y_pred", "prediction", "pred")
_SCORE = ("score", "y_score", "probability", "proba", "prob")
_PAIRED: Mapping[str, tuple[str, ...]] = {
    "confusion": _PREDICTED,
    "residuals": _PREDICTED,
    "roc": _SCORE,
    "pr": _SCORE,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A plot that is asked for: of one file or run, whose name it has where it has no title."""

    plot: PlotConfig
    template: Template
    name: str
    source: str

    @property
    def title(self) -> str:
        """What stands above the plot."""
        return self.plot.title or self.name


@dataclass(frozen=True, slots=True)
class Part:
    """What one revision has: its position, what a legend says of it, and its columns."""

    side: int
    label: str
    frame: Frame


def choose_columns(plot: PlotConfig, template: Template, names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that ``plot`` needs of those that there are.

    Raises:
        ValueError: one that it names is not there, or it must name one; the message says which
            there are.
    """
    wanted = [name for name in (plot.x, *plot.y) if name is not None]
    for name in wanted:
        if name not in names:
            columns = name_columns(names)
            raise ValueError(f"it has no column {visible(name)[:60]}; its columns are: {columns}")
    if template in _PAIRED:
        pair = _find_pair(plot, template, names)
        if pair is None:
            raise ValueError(f"say x and y, its columns are: {name_columns(names)}")
        return pair
    x = find_x(plot, template, names)
    ys = plot.y or tuple(name for name in names if name != x)
    return tuple(dict.fromkeys((*(() if x is None else (x,)), *ys)))


def find_x(plot: PlotConfig, template: Template, names: Sequence[str]) -> str | None:
    """Return the column along which ``plot`` is drawn, None for the number of the row."""
    if plot.x is not None or template == "histogram":
        return plot.x
    known = {name.lower(): name for name in reversed(names) if name not in plot.y}
    found = next((known[name] for name in _STEPS if name in known), None)
    if found is None and template in ("bar", "scatter"):
        return next((name for name in names if name not in plot.y), None)
    return found


def plan_drawings(wanted: Wanted, parts: Sequence[Part]) -> tuple[DrawnPlot, ...]:
    """Return the plots of one file or run: one, or one for each column where no y is named.

    Raises:
        ValueError: what the columns hold cannot be drawn so; the message is the reason.
    """
    plot = wanted.plot
    planner = _PLANNERS.get(wanted.template)
    if planner is not None:
        return (planner(wanted, parts),)
    x = find_x(plot, wanted.template, parts[0].frame.names)
    if plot.y:
        label = plot.y[0] if len(plot.y) == 1 else ""
        return (_plan_series(wanted, wanted.title, parts, x, plot.y, label),)
    found = (
        column
        for part in parts
        for column, values in part.frame.columns.items()
        if column != x and values.is_numeric
    )
    ys = list(dict.fromkeys(found))
    if not ys:
        raise ValueError(f"no column of it holds numbers: {name_columns(parts[0].frame.names)}")
    more = len(ys) - GUESSED_LINES
    drawings = [
        _plan_series(
            replace(wanted, name=wanted.name if len(ys) == 1 else f"{wanted.name}:{y}"),
            f"{wanted.title}: {y}" if len(ys) > 1 or not plot.title else wanted.title,
            parts,
            x,
            (y,),
            y,
        )
        for y in ys[:GUESSED_LINES]
    ]
    if more > 0:
        note = f"{plural(more, 'more column')} of numbers: name those to draw as y"
        drawings[-1] = replace(drawings[-1], notes=(*drawings[-1].notes, note))
    return tuple(drawings)


def _plan_series(
    wanted: Wanted,
    title: str,
    parts: Sequence[Part],
    x: str | None,
    ys: Sequence[str],
    y_label: str,
) -> DrawnPlot:
    several = [
        Points(
            side=part.side,
            label=_trace_label(part, y, parts, ys),
            x=part.frame.columns[x] if x is not None and x in part.frame.columns else None,
            y=part.frame.columns[y],
            lead="" if len(parts) * len(ys) == 1 else f"{_trace_label(part, y, parts, ys)}: ",
        )
        for part in parts
        for y in ys
        if y in part.frame.columns
    ]
    x_label = x or "row"
    if wanted.template == "histogram":
        drawn = draw_bins(several)
        x_label, y_label = y_label or "value", "rows"
    elif wanted.template == "bar":
        drawn = draw_bars(several)
    else:
        drawn = draw_points(several, connected=wanted.template == "line")
    return replace(
        _begin(wanted, parts, x_label, y_label),
        title=visible(title),
        mode=drawn.mode,
        scale=drawn.scale,
        categories=drawn.categories,
        traces=drawn.traces,
        notes=(*_notes(parts), *drawn.notes),
    )


def _plan_confusion(wanted: Wanted, parts: Sequence[Part]) -> DrawnPlot:
    actual, predicted = _pair(wanted, parts)
    counted = [
        count_pairs(part.frame.columns[actual].labels(), part.frame.columns[predicted].labels())
        for part in parts
    ]
    classes, left = choose_classes(counted)
    if not classes:
        raise ValueError("no row has both an actual and a predicted class")
    notes = list(_notes(parts))
    if left:
        notes.append(f"{plural(left, 'less frequent class', 'less frequent classes')} as one")
    filled = [fill_matrix(pairs, classes, others=left > 0) for pairs in counted]
    matrices = [
        PlotMatrix(visible(part.label), part.side, None, counts)
        for part, counts in zip(parts, filled, strict=True)
    ]
    drawing = _begin(wanted, parts, predicted, actual)
    if not drawing.same:
        for part, counts in list(zip(parts, filled, strict=True))[1:]:
            label = f"{visible(part.label)} − {visible(parts[0].label)}"
            change = subtract(counts, filled[0])
            matrices.append(PlotMatrix(label, part.side, parts[0].side, change))
    return replace(
        drawing,
        scale="category",
        categories=(*map(visible, classes), *(("others",) if left else ())),
        matrices=tuple(matrices),
        notes=tuple(notes),
    )


def _plan_curves(wanted: Wanted, parts: Sequence[Part]) -> DrawnPlot:
    actual, score = _pair(wanted, parts)
    is_roc = wanted.template == "roc"
    curve_of = draw_roc if is_roc else draw_precision_recall
    word = "AUC" if is_roc else "average precision"
    axes = ("false positive rate", "true positive rate") if is_roc else ("recall", "precision")
    notes = list(_notes(parts))
    positive = wanted.plot.positive
    several = []
    for part in parts:
        labels = part.frame.columns[actual].labels()
        scores = part.frame.columns[score].numbers
        whole = [
            at
            for at, label in enumerate(labels)
            if label is not None and not math.isnan(scores[at])
        ]
        lead = _lead(part, parts)
        if missing := len(labels) - len(whole):
            notes.append(f"{lead}{plural(missing, 'row')} left out: no class or no score")
        positive = find_positive((labels[at] for at in whole), positive)
        curve = curve_of([labels[at] == positive for at in whole], [scores[at] for at in whole])
        summary = f"{word} {curve.area:.4f}"
        label = f"{visible(part.label)} · {summary}" if lead else summary
        several.append(plain_points(part.side, label, lead, curve.x, curve.y))
    drawn = draw_points(several, connected=True, in_order=True)
    return replace(
        _begin(wanted, parts, *axes),
        mode="outline",
        guide="diagonal" if is_roc else None,
        traces=drawn.traces,
        notes=(*notes, f"the positive class is {visible(positive or '')}", *drawn.notes),
    )


def _plan_residuals(wanted: Wanted, parts: Sequence[Part]) -> DrawnPlot:
    actual, predicted = _pair(wanted, parts)
    several = []
    for part in parts:
        true, guessed = (part.frame.columns[one].numbers for one in (actual, predicted))
        off = [one - other for one, other in zip(true, guessed, strict=True)]
        valid = [one for one in off if math.isfinite(one)]
        error = math.sqrt(math.fsum(one * one for one in valid) / len(valid)) if valid else math.nan
        summary = f"RMSE {format_number(error)}"
        lead = _lead(part, parts)
        label = f"{visible(part.label)} · {summary}" if lead else summary
        several.append(plain_points(part.side, label, lead, guessed, off))
    drawn = draw_points(several, connected=False)
    return replace(
        _begin(wanted, parts, predicted, f"{actual} − {predicted}"),
        mode="dots",
        guide="zero",
        traces=drawn.traces,
        notes=(*_notes(parts), *drawn.notes),
    )


_PLANNERS: Mapping[str, Callable[[Wanted, Sequence[Part]], DrawnPlot]] = {
    "confusion": _plan_confusion,
    "pr": _plan_curves,
    "residuals": _plan_residuals,
    "roc": _plan_curves,
}


def _begin(wanted: Wanted, parts: Sequence[Part], x_label: str, y_label: str) -> DrawnPlot:
    """Return the plot without what is drawn in it."""
    return DrawnPlot(
        name=visible(wanted.name),
        title=visible(wanted.title),
        template=wanted.template,
        source=wanted.source,
        x_label=visible(wanted.plot.x_label or x_label),
        y_label=visible(wanted.plot.y_label or y_label),
        same=len(parts) > 1 and all(parts[0].frame.same_as(part.frame) for part in parts[1:]),
    )


def _find_pair(
    plot: PlotConfig, template: Template, names: Sequence[str]
) -> tuple[str, str] | None:
    """Return the columns of actual and of predicted values, or scores."""
    known = {name.lower(): name for name in reversed(names)}
    x = plot.x or next((known[name] for name in _ACTUAL if name in known), None)
    guesses = (known[name] for name in _PAIRED[template] if name in known)
    y = plot.y[0] if plot.y else next(guesses, None)
    return None if x is None or y is None else (x, y)


def _pair(wanted: Wanted, parts: Sequence[Part]) -> tuple[str, str]:
    pair = _find_pair(wanted.plot, wanted.template, parts[0].frame.names)
    assert pair is not None
    for part in parts:
        if missing := [name for name in pair if name not in part.frame.columns]:
            raise ValueError(f"it has no column {missing[0]} in {part.label}")
    return pair


def _trace_label(part: Part, y: str, parts: Sequence[Part], ys: Sequence[str]) -> str:
    if len(ys) == 1:
        return visible(part.label) if len(parts) > 1 else visible(y)
    return visible(f"{y} · {part.label}" if len(parts) > 1 else y)


def _notes(parts: Sequence[Part]) -> tuple[str, ...]:
    return tuple(_lead(part, parts) + note for part in parts for note in part.frame.notes)


def _lead(part: Part, parts: Sequence[Part]) -> str:
    """Return how a note on one of several revisions begins."""
    return f"{visible(part.label)}: " if len(parts) > 1 else ""
