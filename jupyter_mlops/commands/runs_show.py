"""The command ``runs show``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.described_runs import (
    NAMES_LIMIT,
    TONES,
    RunResult,
    describe_run,
    project_runs,
    read_committed,
)
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.config import Better
from jupyter_mlops.document import Code, Delta, Document, Note, Number, Table
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.formats.run import Param
from jupyter_mlops.metrics.compare import delta, direction, is_better, matches_name
from jupyter_mlops.metrics.curve import LEAST_POINTS, draw_blocks, envelope
from jupyter_mlops.metrics.leading import leading_names, values_name
from jupyter_mlops.metrics.read import Scalar
from jupyter_mlops.metrics.runs import Execution, Run
from jupyter_mlops.text import visible
from jupyter_mlops.tracking import flush
from jupyter_mlops.units import format_duration, plural

_POINTS = 200
_MOST_POINTS = 10_000
_ANSWER_POINTS = 100_000
_TEXT_WIDTH = 32
_PARAMS_LIMIT = 200
_TEXT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class SeriesResult:
    """One metric of a run.

    ``points`` counts the values that were logged. ``steps`` and ``values`` are at most as many as
    were asked for, and have the lowest and highest ones among them; a value that is no finite
    number is null. ``committed`` is what HEAD has of the metric, ``better`` whether the last value
    is better than that; both null where nobody knows.
    """

    name: str
    label: str
    way: Better | None
    last: float
    points: int
    steps: tuple[float, ...]
    values: tuple[float | None, ...]
    committed: float | None
    better: bool | None


@dataclass(frozen=True, slots=True)
class RunsShowResult:
    """A run with its series, the leading ones first; ``others`` are metrics that were left out."""

    run: RunResult
    params: dict[str, Scalar]
    tags: tuple[str, ...]
    notes: tuple[str, ...]
    series: tuple[SeriesResult, ...]
    others: tuple[str, ...]

    def describe(self) -> Document:
        """Return how the run stands, and a table with a small curve of each metric."""
        run = self.run
        told = [run.name, run.state, format_duration(run.elapsed_seconds), run.progress]
        if run.branch is not None or run.commit is not None:
            told.append("on " + (run.branch or (run.commit or "")[:7]))
        if run.processes > 1:
            told.append(plural(run.processes, "process", "processes"))
        line = " · ".join(visible(part) for part in told if part)
        blocks: list[Note | Table] = [Note(line, TONES[run.state])]
        if run.why is not None:
            blocks.append(Note(visible(run.why), "bad"))
        if self.series:
            blocks.append(self._table())
        else:
            blocks.append(Note("It has logged no metric.", "quiet"))
        if self.others:
            names = ", ".join(map(visible, self.others))
            blocks.append(Note(f"Other metrics, shown with --metric NAME: {names}", "quiet"))
        if run.damaged_lines:
            lines = plural(run.damaged_lines, "damaged line")
            blocks.append(Note(f"{lines} passed over.", "warning"))
        return Document(tuple(blocks))

    def _table(self) -> Table:
        compares = any(series.committed is not None for series in self.series)
        columns = ("metric", "last", *(("against HEAD",) if compares else ()), "lowest", "highest")
        rows = []
        for series in self.series:
            finite = [value for value in series.values if value is not None]
            change = delta(series.committed, series.last)
            against = None if change is None else Delta(change, series.better)
            rows.append(
                (
                    Code(series.label),
                    Number(series.last),
                    *((against,) if compares else ()),
                    Number(min(finite)) if finite else None,
                    Number(max(finite)) if finite else None,
                    draw_blocks([_number(value) for value in series.values], _TEXT_WIDTH),
                )
            )
        return Table((*columns, "by step"), tuple(rows))


def runs_show(
    ws: Workspace,
    run: Annotated[str, Arg("Name of a run, whose latest execution is shown, or a run's id.")],
    *,
    metric: Annotated[
        tuple[str, ...], Arg("Only this metric: its name, or the end of it.", "NAME")
    ] = (),
    limit: Annotated[int, Arg("Only so many metrics, the leading ones.", "N", "-n")] = NAMES_LIMIT,
    points: Annotated[int, Arg("At most so many points of each metric.", "N")] = _POINTS,
) -> RunsShowResult:
    """Show how a run stands, the values that it logged last, and its series.

    Of more points than are asked for, the lowest and highest of neighbours are shown, so that no
    spike is lost.
    """
    _check("--points", points, LEAST_POINTS, _MOST_POINTS)
    _check("--limit", limit, 1, NAMES_LIMIT)
    flush()
    execution = project_runs(ws).read(run, ws.clock.now().timestamp())
    found = execution.run
    names = leading_names(found, ws.config.metrics.better)
    chosen = _choose(found, names, metric)[:limit] if metric else names[:limit]
    each = max(LEAST_POINTS, min(points, _ANSWER_POINTS // max(len(chosen), 1)))
    series = tuple(_read_series(ws, execution, name, each) for name in chosen)
    others = [name for name in names if name not in chosen]
    return RunsShowResult(
        run=describe_run(ws, found),
        params={name: _spell(value) for name, value in list(found.params.items())[:_PARAMS_LIMIT]},
        tags=found.tags[:NAMES_LIMIT],
        notes=found.notes[-NAMES_LIMIT:],
        series=series,
        others=tuple(others[:NAMES_LIMIT]),
    )


def _check(option: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UsageError(
            f"{option} is {value}, but must be between {least} and {most}.", code="bad-value"
        )


def _choose(run: Run, names: Sequence[str], wanted: Iterable[str]) -> list[str]:
    """Return those of ``names`` that are ``wanted``, in that order.

    Raises:
        NotFoundError: one is no metric of the run.
    """
    chosen: dict[str, None] = {}
    for one in wanted:
        ends = (n for n in names if matches_name(values_name(run.name, n), one))
        meant = [one] if one in run.values else list(ends)
        if not meant:
            raise NotFoundError(
                f"The run {visible(run.name)} has logged no metric {visible(one)!r}.",
                code="unknown-metric",
                hints=(f"jupyter mlops runs show {run.id}",),
            )
        chosen.update(dict.fromkeys(meant))
    return list(chosen)


def _read_series(ws: Workspace, execution: Execution, name: str, limit: int) -> SeriesResult:
    run = execution.run
    steps, values = envelope(*execution.points(name), limit)
    last = run.values[name]
    way = direction(values_name(run.name, name), ws.config.metrics.better)
    committed = read_committed(ws, run.name).get(name)
    return SeriesResult(
        name=name,
        label=visible(name),
        way=way,
        last=last,
        points=execution.count(name),
        steps=tuple(steps),
        values=tuple(value if math.isfinite(value) else None for value in values),
        committed=committed,
        better=is_better(committed, last, way),
    )


def _spell(value: Param) -> Scalar:
    """Return a parameter as an answer has it: a list as JSON, a long text in part."""
    spelled = json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
    return spelled[:_TEXT_LIMIT] if isinstance(spelled, str) else spelled


def _number(value: float | None) -> float:
    return math.nan if value is None else value
