"""The history of metrics as options of a command choose it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.git.history import iter_history, list_branches
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import open_blob_reader
from jupyter_mlops.metrics.chart import Chart, plan_chart
from jupyter_mlops.metrics.history import History, SnapshotPoint, read_history, select
from jupyter_mlops.metrics.patterns import compile_patterns, plain_patterns
from jupyter_mlops.snapshots.listing import list_snapshots

DETACHED = "HEAD"
"""What stands for a branch where HEAD is detached."""

MetricNames = Annotated[
    tuple[str, ...],
    Arg("Only this metric: its full name, or the end of it.", "NAME", complete="metric"),
]
BranchNames = Annotated[
    tuple[str, ...],
    Arg("Only this branch; all local ones by default.", "NAME", complete="branch"),
]
AllBranches = Annotated[bool, Arg("Remote-tracking branches as well.")]
Limit = Annotated[int | None, Arg("Only the newest so many points.", "N", "-n")]


@dataclass(frozen=True, slots=True)
class ChosenHistory:
    """What was chosen of a history, and all of it.

    ``current`` is the branch of the working tree, None where HEAD is detached.
    """

    chosen: History
    whole: History
    chart: Chart
    current: str | None


def read_chosen_history(
    ws: Workspace,
    *,
    metric: Sequence[str],
    branch: Sequence[str],
    all_branches: bool,
    limit: int | None,
) -> ChosenHistory:
    """Return the history of ``branch`` (all local ones when empty), of ``metric`` alone.

    Raises:
        UsageError: ``limit`` is less than 1.
        NotFoundError: there is no such branch, or no such metric although there are others.
    """
    if limit is not None and limit < 1:
        raise UsageError(
            f"--limit is {limit}, but must be at least 1.",
            code="limit-invalid",
            hints=("jupyter mlops metrics history --help",),
        )
    now = head(ws.git)
    branches = _choose_branches(ws.git, branch, all_branches=all_branches)
    if not branch and now.branch is None and now.commit is not None:
        branches[DETACHED] = now.commit
    whole = _read(ws, branches, only=bool(branch))
    chosen = select(whole, metric, limit)
    if metric and whole.metrics and not chosen.points:
        raise NotFoundError(
            f"No metric is called {' or '.join(metric)}.",
            code="unknown-metric",
            hints=("jupyter mlops metrics show",),
        )
    chart = plan_chart(chosen, ws.config.metrics.better, now.branch)
    return ChosenHistory(chosen, whole, chart, now.branch)


def _read(ws: Workspace, branches: Mapping[str, str], *, only: bool) -> History:
    files = ws.config.metrics.files
    snapshots = [
        SnapshotPoint(
            id=listed.id,
            name=listed.name,
            base=listed.base,
            created_at=listed.record.created_at,
            message=listed.record.message,
            values=listed.record.metrics,
        )
        for listed in list_snapshots(ws.git)
    ]
    bases = [] if only else [one.base for one in snapshots if one.base is not None]
    tips = list(dict.fromkeys([*branches.values(), *bases]))
    return read_history(
        iter_history(ws.git, tips, plain_patterns(files)) if files else [],
        branches,
        snapshots,
        compile_patterns(files),
        partial(_read_blobs, ws.git),
        loose=not only,
    )


def _choose_branches(
    git: Repository, chosen: Sequence[str], *, all_branches: bool
) -> dict[str, str]:
    known = list_branches(git, all_branches=all_branches or bool(chosen))
    if not chosen:
        return known
    missing = [name for name in chosen if name not in known]
    if missing:
        raise NotFoundError(
            f"There is no branch {missing[0]!r}.",
            code="unknown-branch",
            hints=("git branch --all",),
        )
    return {name: known[name] for name in chosen}


def _read_blobs(git: Repository, oids: Sequence[str]) -> list[tuple[str, bytes]]:
    with open_blob_reader(git) as reader:
        return list(zip(oids, reader.read_many(oids), strict=True))
