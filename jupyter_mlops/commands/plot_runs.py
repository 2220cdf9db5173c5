"""Series that runs logged, as plots read them of a revision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from jupyter_mlops.commands.described_runs import project_runs
from jupyter_mlops.commands.plot_files import RevisionFiles
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.metrics.curve import Points
from jupyter_mlops.metrics.kept_series import read_kept_series
from jupyter_mlops.metrics.leading import leading_names, values_path
from jupyter_mlops.metrics.read import FILE_LIMIT_BYTES, decode_metrics
from jupyter_mlops.metrics.runs import Run
from jupyter_mlops.plots.drawing import PlotSide
from jupyter_mlops.plots.frame import Column, Frame
from jupyter_mlops.text import visible

_STEP = "step"
_RUNS_LIMIT = 500
"""How many executions are looked at to find the one whose values a revision has."""


@dataclass(frozen=True, slots=True)
class _Logged:
    """What an execution logged: its metrics, and the steps and values of each."""

    names: tuple[str, ...]
    points: Callable[[str], Points]


class RevisionSeries:
    """The series of the runs of one revision.

    Of the working tree that is the newest execution of a name; of a snapshot the one that it took
    along; of any other revision the newest one on this machine that logged last what the revision
    has in the run's metrics file.
    """

    def __init__(self, ws: Workspace, side: PlotSide, files: RevisionFiles) -> None:
        self._ws = ws
        self._side = side
        self._files = files
        self._found: dict[str, _Logged] = {}

    def list_runs(self) -> list[str]:
        """Return the names of the runs whose values the revision has, sorted."""
        lead, _, end = values_path("*").partition("*")
        paths = self._files.list(f"{lead}*{end}")
        return [path.removeprefix(lead).removesuffix(end) for path in paths]

    def list_metrics(self, run: str) -> list[str]:
        """Return the metrics of a run, the most telling first.

        Raises:
            NotFoundError: as :meth:`read`.
        """
        return list(self._find(run).names)

    def read(self, run: str, metric: str) -> Frame:
        """Return the steps of a run's metric, and its values, as columns ``step`` and ``metric``.

        Raises:
            NotFoundError: the revision has no such run (``run-not-found``), or its series, or that
                metric, is not on this machine (``series-missing``).
        """
        logged = self._find(run)
        if metric not in logged.names:
            raise NotFoundError(
                f"The run {visible(run)} logged no {visible(metric)}.",
                code="series-missing",
                hints=("jupyter mlops runs list",),
            )
        steps, values = logged.points(metric)
        columns = {_STEP: Column(), metric: Column()}
        columns[_STEP].numbers = steps
        columns[metric].numbers = values  # over the rows, where it is itself called so
        return Frame(tuple(columns), columns, len(values))

    def _find(self, run: str) -> _Logged:
        if run not in self._found:
            self._found[run] = self._open(run)
        return self._found[run]

    def _open(self, run: str) -> _Logged:
        if self._side.revision is None:
            return self._read_execution(run)
        kept = read_kept_series(self._files.open_series(run))
        if kept:
            return _Logged(tuple(kept), lambda metric: kept[metric].points())
        try:
            content = self._files.read(values_path(run), FILE_LIMIT_BYTES + 1)
            values = decode_metrics(values_path(run), content)
        except (ValueError, MlopsError):
            raise NotFoundError(
                f"{visible(self._side.label)} has no values of a run {visible(run)}.",
                code="run-not-found",
                hints=("jupyter mlops runs list",),
            ) from None
        for one in self._known:
            if one.name == run and {**one.values} == values:
                return self._read_execution(one.id)
        raise NotFoundError(
            f"The series of the run {visible(run)} is not on this machine.",
            code="series-missing",
            hints=("jupyter mlops runs list",),
        )

    def _read_execution(self, run: str) -> _Logged:
        execution = project_runs(self._ws).read(run, self._now)
        names = leading_names(execution.run, self._ws.config.metrics.better)
        return _Logged(tuple(names), execution.points)

    @cached_property
    def _now(self) -> float:
        return self._ws.clock.now().timestamp()

    @cached_property
    def _known(self) -> list[Run]:
        return project_runs(self._ws).list_newest(self._now, _RUNS_LIMIT)[0]
