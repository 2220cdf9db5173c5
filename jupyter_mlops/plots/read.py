"""The plots that a project names, read out of one revision or several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from jupyter_mlops.config import PlotConfig, Template
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.plots.drawing import DrawnPlot, PlotImage, PlotSide
from jupyter_mlops.plots.frame import Frame
from jupyter_mlops.plots.pictures import PICTURE_LIMIT_BYTES, Picture, is_image, parse_picture
from jupyter_mlops.plots.tables import (
    BYTES_LIMIT,
    LibraryMissing,
    is_table,
    parse_frame,
    suffix_of,
)
from jupyter_mlops.plots.templates import Part, Wanted, choose_columns, plan_drawings
from jupyter_mlops.text import visible
from jupyter_mlops.units import format_bytes, plural

DEFAULT_PLOTS = (PlotConfig(file="plots/**"),)
"""What is drawn of a project that names no plot."""

PLOTS_LIMIT = 60
"""How many files and runs are drawn at once."""

METRICS_LIMIT = 12
"""How many metrics are drawn of a run where none is named."""

IMAGES_LIMIT_BYTES = 16 * 1024**2
"""How much all images of a result may hold together."""

_LACKING = frozenset({"path-not-found", "run-not-found", "series-missing"})
_NO_RUN = "there is no such run, or its series is not on this machine"
_PATTERN = re.compile(r"[*?\[]|/$")


class Files(Protocol):
    """The files of one revision, those in Git and those in the store alike."""

    def list_plots(self) -> Iterable[PlotConfig]:
        """Return the plots that DVC's files in the revision name."""
        ...

    def list(self, pattern: str) -> Iterable[str]:
        """Return the paths that match a pattern, sorted."""
        ...

    def read(self, path: str, most_bytes: int) -> bytes:
        """Return a file's bytes, no more than the first ``most_bytes``.

        Raises:
            NotFoundError: there is no such file (``path-not-found``), or its content is not here.
            MlopsError: it cannot be read.
        """
        ...


class Series(Protocol):
    """What the runs of one revision logged."""

    def list_runs(self) -> Iterable[str]:
        """Return the names of the runs that the revision has, sorted."""
        ...

    def list_metrics(self, run: str) -> Sequence[str]:
        """Return the metrics of a run, the most telling first.

        Raises:
            NotFoundError: as :meth:`read`.
        """
        ...

    def read(self, run: str, metric: str) -> Frame:
        """Return the steps of a run's metric, and its values, as columns ``step`` and ``metric``.

        Raises:
            NotFoundError: there is no such run in that revision (``run-not-found``), or it cannot
                be had here.
        """
        ...


@dataclass(frozen=True, slots=True)
class OpenSide:
    """One revision, and how its files and the series of its runs are read."""

    side: PlotSide
    files: Files
    series: Series


@dataclass(frozen=True, slots=True)
class PlotProblem:
    """What could not be drawn of some revisions, null for the working tree, and what mends it."""

    name: str
    revisions: tuple[str | None, ...]
    why: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Plots:
    """What was read: plots in the project's order, and what was left out."""

    drawings: tuple[DrawnPlot, ...]
    problems: tuple[PlotProblem, ...]
    names: tuple[str, ...]


def read_plots(
    plots: Sequence[PlotConfig],
    sides: Sequence[OpenSide],
    chosen: Sequence[str] = (),
    *,
    once: bool = False,
) -> Plots:
    """Return the plots of all ``sides``; of those alone that ``chosen`` names, where it does.

    With ``once`` a file or metric that several of ``plots`` name is drawn as the first one says.

    A name is a plot's title, its file's path or the end of that, a run's, its metric's or
    ``RUN:METRIC``; a column's stands after a colon. What one side lacks is drawn of the others.
    """
    problems: list[PlotProblem] = []
    wanted = [one for plot in plots for one in _expand(plot, sides, problems)]
    if once:
        wanted = list({(one.source, one.name): one for one in reversed(wanted)}.values())[::-1]
    names = tuple(dict.fromkeys(one.title for one in wanted))
    if chosen:
        wanted = [one for one in wanted if any(_may_mean(name, one) for name in chosen)]
    if len(wanted) > PLOTS_LIMIT:
        left = plural(len(wanted) - PLOTS_LIMIT, "plot")
        why = f"{left} of {len(wanted)} are drawn when they are named"
        problems.append(PlotProblem(visible(wanted[PLOTS_LIMIT].name), (), why))
        wanted = wanted[:PLOTS_LIMIT]
    drawings: list[DrawnPlot] = []
    for one in wanted:
        read = _read_images if one.template == "image" else _read_tables
        drawings += read(one, sides, problems)
    if chosen:
        drawings = [one for one in drawings if any(_means(name, one) for name in chosen)]
    return Plots(tuple(_within_limit(drawings)), _join(problems), names)


def _expand(
    plot: PlotConfig, sides: Sequence[OpenSide], problems: list[PlotProblem]
) -> list[Wanted]:
    """Return the files, or the metrics of the run, that ``plot`` is about."""
    if plot.run is not None:
        return _expand_run(plot, plot.run, sides, problems)
    assert plot.file is not None
    paths = [plot.file]
    if _PATTERN.search(plot.file):
        found: dict[str, None] = {}
        for side in sides:
            try:
                found.update(dict.fromkeys(side.files.list(plot.file)))
            except MlopsError as error:
                problems.append(_problem(plot.file, side.side, error))
        paths = [path for path in sorted(found) if is_table(path) or is_image(path)]
    if len(paths) > 1:
        plot = replace(plot, title=None)
    return [Wanted(plot, plot.template or _template_of(path), path, path) for path in paths]


def _expand_run(
    plot: PlotConfig, run: str, sides: Sequence[OpenSide], problems: list[PlotProblem]
) -> list[Wanted]:
    metrics: dict[str, None] = dict.fromkeys([plot.metric] if plot.metric else [])
    lacking: list[str] = []
    for side in sides if plot.metric is None else ():
        try:
            metrics.update(dict.fromkeys(side.series.list_metrics(run)))
        except MlopsError as error:
            _tell(run, side.side, error, lacking, problems)
    if not metrics and len(lacking) == len(sides):
        problems.append(PlotProblem(visible(run), (), _NO_RUN + _where(lacking)))
    names = list(metrics)[:METRICS_LIMIT]
    return [
        Wanted(
            replace(
                plot,
                y=(metric,),
                title=plot.title if plot.title and len(names) == 1 else f"{run}: {metric}",
            ),
            plot.template or "line",
            f"{run}:{metric}",
            run,
        )
        for metric in names
    ]


def _template_of(path: str) -> Template:
    return "image" if is_image(path) else "line"


def _read_tables(
    wanted: Wanted, sides: Sequence[OpenSide], problems: list[PlotProblem]
) -> tuple[DrawnPlot, ...]:
    parts: list[Part] = []
    lacking: list[str] = []
    for at, side in enumerate(sides):
        try:
            frame = _read_frame(wanted, side)
        except (ValueError, MlopsError) as error:
            _tell(wanted.name, side.side, error, lacking, problems)
        else:
            parts.append(Part(at, side.side.label, frame))
    if not parts:
        _tell_nowhere(wanted, sides, lacking, problems)
        return ()
    try:
        drawings = plan_drawings(wanted, parts)
    except ValueError as error:
        revisions = tuple(sides[part.side].side.revision for part in parts)
        problems.append(PlotProblem(visible(wanted.name), revisions, visible(str(error))))
        return ()
    return tuple(_note_lacking(one, lacking) for one in drawings)


def _read_frame(wanted: Wanted, side: OpenSide) -> Frame:
    plot = wanted.plot

    def choose(names: Sequence[str]) -> tuple[str, ...]:
        return choose_columns(plot, wanted.template, names)

    if plot.run is not None:
        return side.series.read(plot.run, plot.y[0])
    content = side.files.read(wanted.source, BYTES_LIMIT + 1)
    return parse_frame(wanted.source, content, choose, plot.key)


def _read_images(
    wanted: Wanted, sides: Sequence[OpenSide], problems: list[PlotProblem]
) -> tuple[DrawnPlot, ...]:
    pictures: dict[int, Picture] = {}
    lacking: list[str] = []
    for at, side in enumerate(sides):
        try:
            content = side.files.read(wanted.source, PICTURE_LIMIT_BYTES + 1)
            pictures[at] = parse_picture(content)
        except (ValueError, MlopsError) as error:
            _tell(wanted.name, side.side, error, lacking, problems)
    if not pictures:
        _tell_nowhere(wanted, sides, lacking, problems)
        return ()
    images = tuple(
        PlotImage(at, one.media_type, one.width, one.height, len(one.content), one.content)
        for at, one in pictures.items()
    )
    same = len(images) > 1 and len({one.content for one in images}) == 1
    drawing = DrawnPlot(
        name=visible(wanted.name),
        title=visible(wanted.title),
        template="image",
        source=wanted.source,
        images=images,
        same=same,
    )
    return (_note_lacking(drawing, lacking),)


def _tell(
    name: str, side: PlotSide, error: Exception, lacking: list[str], problems: list[PlotProblem]
) -> None:
    """Note what a side lacks: that it has no such file or run, or why it cannot be drawn."""
    if isinstance(error, NotFoundError) and error.code in _LACKING:
        lacking.append(side.label)
    else:
        problems.append(_problem(name, side, error))


def _tell_nowhere(
    wanted: Wanted, sides: Sequence[OpenSide], lacking: Sequence[str], problems: list[PlotProblem]
) -> None:
    if len(lacking) == len(sides):
        what = _NO_RUN if wanted.plot.run is not None else "there is no such file"
        problems.append(PlotProblem(visible(wanted.name), (), what + _where(lacking)))


def _where(lacking: Sequence[str]) -> str:
    return f" in {visible(lacking[0])}" if len(lacking) == 1 else ""


def _problem(name: str, side: PlotSide, error: Exception) -> PlotProblem:
    hint = error.hints[0] if isinstance(error, MlopsError) and error.hints else None
    if isinstance(error, LibraryMissing):
        hint = f"pip install {error.library}"
    return PlotProblem(visible(name), (side.revision,), visible(str(error)).rstrip("."), hint)


def _join(problems: Iterable[PlotProblem]) -> tuple[PlotProblem, ...]:
    """Return the problems, those once that several revisions have alike."""
    joined: dict[tuple[str, str], PlotProblem] = {}
    for one in problems:
        known = joined.get((one.name, one.why))
        revisions = (*known.revisions, *one.revisions) if known else one.revisions
        joined[one.name, one.why] = replace(one, revisions=revisions)
    return tuple(joined.values())


def _note_lacking(drawing: DrawnPlot, lacking: Sequence[str]) -> DrawnPlot:
    if not lacking:
        return drawing
    note = f"not in {', '.join(map(visible, lacking))}"
    return replace(drawing, notes=(*drawing.notes, note), same=False)


def _within_limit(drawings: Iterable[DrawnPlot]) -> Iterable[DrawnPlot]:
    """Return the plots, without the content of images that would be too much together."""
    room = IMAGES_LIMIT_BYTES
    for drawing in drawings:
        images = []
        cut = False
        for image in drawing.images:
            room -= image.size_bytes
            images.append(image if room >= 0 else replace(image, content=None))
            cut = cut or room < 0
        limit = f"all images together are larger than {format_bytes(IMAGES_LIMIT_BYTES)}"
        notes = (*drawing.notes, f"{limit}: name this plot to see it") if cut else drawing.notes
        yield replace(drawing, images=tuple(images), notes=notes) if cut else drawing


def _may_mean(name: str, wanted: Wanted) -> bool:
    """Return whether ``name`` may mean a plot of that file or run, or of a column of it."""
    return (
        name in (wanted.title, wanted.name)
        or (wanted.plot.run is not None and name in wanted.plot.y)
        or name.startswith(f"{wanted.title}: ")
        or _ends(wanted.source, name)
        or _ends(wanted.source, name.rpartition(":")[0])
    )


def _means(name: str, drawing: DrawnPlot) -> bool:
    file, _, column = name.rpartition(":")
    return (
        name in (drawing.title, drawing.name)
        or drawing.name == f"{drawing.source}:{name}"
        or drawing.title.startswith(f"{name}: ")
        or _ends(drawing.source, name)
        or (_ends(drawing.source, file) and drawing.name.endswith(f":{column}"))
    )


def _ends(path: str, name: str) -> bool:
    """Return whether ``name`` is the end of ``path``, its suffix left out or not."""
    stem = path[: len(path) - len(suffix_of(path))]
    return bool(name) and any(one == name or one.endswith(f"/{name}") for one in (path, stem))
