"""The command ``runs list``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.described_runs import (
    RUN_STATES,
    RunResult,
    describe_run,
    project_runs,
)
from jupyter_mlops.commands.number_trees import HOW_TO_LOG, problem_notes
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Cell, Code, Document, Hint, Note, Table, Time
from jupyter_mlops.errors import UsageError
from jupyter_mlops.metrics.read import Problem
from jupyter_mlops.text import visible
from jupyter_mlops.tracking import flush
from jupyter_mlops.units import format_duration, format_number

_SHOWN_LIMIT = 20
_LARGEST_LIMIT = 500
_SHOWN_METRICS = 3


@dataclass(frozen=True, slots=True)
class RunsListResult:
    """Runs, those that began last first, and series that could not be read."""

    runs: tuple[RunResult, ...]
    problems: tuple[Problem, ...] = ()

    def describe(self) -> Document:
        """Return a table, one row a run."""
        notes = problem_notes(self.problems)
        if not self.runs:
            return Document((Note("There are no such runs.", "quiet"), HOW_TO_LOG, *notes))
        columns = (
            *("run", "id", "state", "began", "took", "progress", "branch", "commit"),
            "last values",
        )
        table = Table(columns, tuple(_row(run) for run in self.runs))
        hint = Hint("See one", f"jupyter mlops runs show {self.runs[0].id}")
        return Document((table, hint, *notes))


def _row(run: RunResult) -> tuple[Cell, ...]:
    values = [
        f"{visible(name)} {format_number(value)}"
        for name, value in list(run.values.items())[:_SHOWN_METRICS]
    ]
    return (
        Code(run.name),
        Code(run.id),
        run.state,
        Time(run.began_at),
        format_duration(run.elapsed_seconds),
        run.progress,
        run.branch,
        Code(run.commit[:7]) if run.commit else None,
        ", ".join(values) or None,
    )


def runs_list(
    ws: Workspace,
    *,
    limit: Annotated[int, Arg("Only the newest so many.", "N", "-n")] = _SHOWN_LIMIT,
    state: Annotated[
        tuple[str, ...], Arg("Only runs of this state: running, done, failed or died.", "STATE")
    ] = (),
    latest: Annotated[bool, Arg("Only the latest run of each name.")] = False,
) -> RunsListResult:
    """List runs, the newest first, with their state and their last values.

    A run is running until it ends; it died where its process is gone and did not end it. Of a long
    series only the end is read.
    """
    if not 1 <= limit <= _LARGEST_LIMIT:
        raise UsageError(
            f"--limit is {limit}, but must be between 1 and {_LARGEST_LIMIT}.", code="bad-value"
        )
    for word in state:
        if word not in RUN_STATES:
            raise UsageError(
                f"--state is {word!r}, but must be one of {', '.join(RUN_STATES)}.",
                code="bad-value",
            )
    flush()
    states = [one for one in RUN_STATES if one in state]
    now_seconds = ws.clock.now().timestamp()
    found, problems = project_runs(ws).list_newest(now_seconds, limit, states, one_a_name=latest)
    return RunsListResult(tuple(describe_run(ws, run) for run in found), tuple(problems))
