"""The revisions that plots are drawn of, opened to be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from jupyter_mlops.commands.plot_files import NoFiles, RevisionFiles, TreeFiles, WorkingFiles
from jupyter_mlops.commands.plot_runs import RevisionSeries
from jupyter_mlops.commands.remote import source_of
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.config import PlotConfig
from jupyter_mlops.errors import MlopsError, NotFoundError, UsageError
from jupyter_mlops.git.revisions import head
from jupyter_mlops.plots.drawing import STYLES, PlotSide
from jupyter_mlops.plots.read import DEFAULT_PLOTS, OpenSide, Plots, read_plots
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.sync.source import Source
from jupyter_mlops.tracking import flush

_RUNS_LIMIT = 6
"""How many runs are drawn of a project that names no plots."""

PlotNames = Annotated[
    tuple[str, ...],
    Arg("Only the plot of this title, file or run; may be repeated.", "NAME"),
]


def read_sides(
    ws: Workspace, revisions: Sequence[str | None], chosen: Sequence[str]
) -> tuple[tuple[PlotSide, ...], Plots]:
    """Return the revisions, None for the working tree, and the plots that they have.

    HEAD before the first commit has none. What this process has logged so far is among them.

    Raises:
        NotFoundError: one is no revision, or ``chosen`` names no plot (``unknown-plot``).
        UsageError: there are more revisions than can be told apart.
    """
    if len(revisions) > STYLES:
        raise UsageError(
            f"{len(revisions)} revisions cannot be told apart in a plot; {STYLES} can.",
            code="bad-value",
        )
    flush()
    with _open_sides(ws, revisions) as sides:
        wanted = ws.config.plots or _find_plots(sides)
        plots = read_plots(wanted, sides, chosen, once=not ws.config.plots)
    if chosen and not plots.drawings and not plots.problems:
        named = ", ".join(plots.names[:20]) or "none"
        raise NotFoundError(
            f"There is no plot {chosen[0]}; there is: {named}.",
            code="unknown-plot",
            hints=("jupyter mlops plots show",),
        )
    return tuple(one.side for one in sides), plots


def _find_plots(sides: Sequence[OpenSide]) -> Sequence[PlotConfig]:
    """Return what a project draws that names no plots.

    That is what DVC's files name, the files in ``plots/``, and what runs logged.
    """
    dvc = dict.fromkeys(plot for side in sides for plot in side.files.list_plots())
    runs = dict.fromkeys(
        run for side in sides for run in side.series.list_runs() if _has_series(side, run)
    )
    return [*dvc, *DEFAULT_PLOTS, *(PlotConfig(run=run) for run in list(runs)[:_RUNS_LIMIT])]


def _has_series(side: OpenSide, run: str) -> bool:
    try:
        return bool(side.series.list_metrics(run))
    except MlopsError:
        return False


@contextmanager
def _open_sides(ws: Workspace, revisions: Sequence[str | None]) -> Iterator[list[OpenSide]]:
    with source_of(ws) as source:
        yield [_open_side(ws, source, revision) for revision in revisions]


def _open_side(ws: Workspace, source: Source, revision: str | None) -> OpenSide:
    files: RevisionFiles
    commit: str | None
    if revision is None:
        commit, files = None, WorkingFiles(ws, source)
    elif revision == "HEAD" and head(ws.git).commit is None:
        commit, files = None, NoFiles()
    else:
        commit = resolve_revision(ws.git, revision)
        files = TreeFiles(ws, source, commit)
    label = "working tree" if revision is None else revision
    side = PlotSide(label, revision, commit)
    return OpenSide(side, files, RevisionSeries(ws, side, files))
