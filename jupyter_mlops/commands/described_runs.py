"""Runs as commands tell them: their state, how far they are, and their leading metrics first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document.model import Tone
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import Stamp, find_commit, stamp_revision
from jupyter_mlops.git.trees import open_blob_reader
from jupyter_mlops.metrics.leading import describe_progress, leading_names, values_path
from jupyter_mlops.metrics.read import Number, decode_metrics
from jupyter_mlops.metrics.runs import Run, Runs, RunState, open_runs

RUN_STATES: tuple[RunState, ...] = ("running", "done", "failed", "died")
TONES: Mapping[RunState, Tone] = {
    "running": "good",
    "done": "plain",
    "failed": "bad",
    "died": "bad",
}
NAMES_LIMIT = 40
"""How many metrics of a run an answer holds, the leading ones."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """One execution of a run.

    ``values`` are the last ones of its metrics, the leading ones first; ``step`` is the highest;
    ``progress`` tells how far it is, as ``epoch 7/20``, null where nothing says it.
    ``elapsed_seconds`` is until now where it is running, else until it logged last. ``why`` it
    failed. ``source`` is its notebook or script. ``processes`` counts those that logged to it.
    """

    name: str
    id: str
    state: RunState
    why: str | None
    began_at: datetime
    last_at: datetime
    elapsed_seconds: float
    progress: str | None
    step: float | None
    values: dict[str, float]
    commit: str | None
    branch: str | None
    source: str | None
    processes: int
    damaged_lines: int


def project_runs(ws: Workspace) -> Runs:
    """Return the runs of the project's store."""
    return open_runs(ws.git.store_dir / "runs")


def describe_run(ws: Workspace, run: Run) -> RunResult:
    """Return what is told of a run."""
    better = ws.config.metrics.better
    until = ws.clock.now().timestamp() if run.state == "running" else run.last_at
    return RunResult(
        name=run.name,
        id=run.id,
        state=run.state,
        why=run.why,
        began_at=_moment(run.began_at),
        last_at=_moment(run.last_at),
        elapsed_seconds=max(until - run.began_at, 0.0),
        progress=describe_progress(run),
        step=run.step,
        values={name: run.values[name] for name in leading_names(run, better)[:NAMES_LIMIT]},
        commit=run.commit,
        branch=run.branch,
        source=run.source,
        processes=run.processes,
        damaged_lines=run.damaged_lines,
    )


def read_committed(ws: Workspace, run: str) -> Mapping[str, Number]:
    """Return the values that HEAD has of a run; none where it has no such file."""
    stamp = stamp_revision(ws.git, "HEAD")
    return {} if stamp is None else _read_committed(ws.git, stamp, values_path(run))


@lru_cache(maxsize=64)
def _read_committed(repo: Repository, stamp: Stamp, path: str) -> Mapping[str, Number]:
    """Return the metrics in a file of HEAD, which is the same as long as its ``stamp`` is."""
    commit = None if "\n" in path else find_commit(repo, "HEAD")
    if commit is None:
        return {}
    try:
        with open_blob_reader(repo) as reader:
            return decode_metrics(path, reader.read(f"{commit}:{path}"))
    except (MlopsError, ValueError):
        return {}


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)
