"""The history of metrics as options of a command choose it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

from jupyter_mlops.commands.number_files import metric_rules
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Hint, Note
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.git.history import list_branches, list_tags
from jupyter_mlops.git.refs import Ref, list_refs
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.shallow import is_shallow
from jupyter_mlops.git.view import REPLACE_REFS
from jupyter_mlops.metrics.facts import SnapshotPoint
from jupyter_mlops.metrics.history import DvcExperiment, History, read_history, select
from jupyter_mlops.metrics.known_facts import KnownFacts
from jupyter_mlops.metrics.patterns import compile_patterns
from jupyter_mlops.metrics.read import Problem
from jupyter_mlops.snapshots.listing import SNAPSHOT_REFS, read_snapshots
from jupyter_mlops.text import visible

EXPERIMENT_REFS = "refs/exps/"
"""Where DVC keeps experiments."""

DETACHED = "HEAD"
"""What stands for a branch where HEAD is detached."""

SHALLOW = (
    Note("This clone is shallow: what was before its oldest commits cannot be seen.", "warning"),
    Hint("To see all of it", "git fetch --unshallow"),
)
"""What is said where a clone lacks older commits."""

_EXPERIMENT = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38}(?:[0-9a-f]{24})?)/([^/]+)")

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
class BranchHistory:
    """The whole history of some branches.

    ``current`` is the branch of the working tree, None where HEAD is detached. ``shallow`` says
    that the clone lacks older commits.
    """

    whole: History
    current: str | None
    shallow: bool


@dataclass(frozen=True, slots=True)
class ChosenHistory(BranchHistory):
    """That, and what was chosen of it."""

    chosen: History


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
    read = read_branches(ws, branch=branch, all_branches=all_branches, limit=limit)
    chosen = choose_points(read.whole, metric, limit)
    return ChosenHistory(read.whole, read.current, read.shallow, chosen)


def read_branches(
    ws: Workspace, *, branch: Sequence[str], all_branches: bool, limit: int | None
) -> BranchHistory:
    """Return the whole history of ``branch``, all local ones when empty.

    Raises:
        UsageError: ``limit`` is less than 1.
        NotFoundError: there is no such branch.
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
    return BranchHistory(whole, now.branch, is_shallow(ws.git))


def choose_points(whole: History, metric: Sequence[str], limit: int | None) -> History:
    """Return the newest ``limit`` points of ``metric``.

    Raises:
        NotFoundError: there is no such metric although there are others.
    """
    chosen = select(whole, metric, limit)
    if metric and whole.metrics and not chosen.points:
        raise NotFoundError(
            f"No metric is called {' or '.join(metric)}.",
            code="unknown-metric",
            hints=("jupyter mlops metrics show",),
        )
    return chosen


def _read(ws: Workspace, branches: Mapping[str, str], *, only: bool) -> History:
    refs = list_refs(ws.git, SNAPSHOT_REFS, EXPERIMENT_REFS, REPLACE_REFS)
    own = [ref for ref in refs if ref.name.startswith(SNAPSHOT_REFS)]
    experiments = [] if not ws.config.metrics.dvc else list(_iter_experiments(refs))
    rules = metric_rules(ws.config.metrics)
    replaced = [ref for ref in refs if ref.name.startswith(REPLACE_REFS)]
    known = KnownFacts(ws.git, rules, replaced)
    known.add_snapshots([ref.oid for ref in own], partial(_read_snapshots, ws.git, own))
    hidden = known.facts.snapshots
    snapshots = [
        hidden[ref.oid]
        for ref in own
        if ref.oid in hidden and hidden[ref.oid].id == ref.name.removeprefix(SNAPSHOT_REFS)
    ]
    bases = [*(one.base for one in snapshots), *(one.base for one in experiments)]
    tips = [*branches.values(), *(one.commit for one in experiments)]
    known.add_commits(tips if only else [*tips, *(base for base in bases if base is not None)])
    known.keep()
    history = read_history(
        known.facts,
        branches,
        snapshots,
        compile_patterns(rules.patterns),
        experiments=experiments,
        tags=list_tags(ws.git),
        loose=not only,
    )
    gone = [name for name, tip in branches.items() if known.facts.position(tip) is None]
    lost = [Problem(f"the branch {visible(name)}", "Git lacks its commit") for name in gone]
    return replace(history, problems=(*history.problems, *lost))


def _read_snapshots(
    git: Repository, refs: Sequence[Ref], hidden: Sequence[str]
) -> dict[str, SnapshotPoint]:
    """Return the snapshots with these hidden commits, as far as their records are valid."""
    wanted = set(hidden)
    return {
        listed.commit: SnapshotPoint(
            id=listed.id,
            name=listed.name,
            base=listed.base,
            created_at=listed.record.created_at,
            message=listed.record.message,
            values=listed.record.metrics,
        )
        for listed in read_snapshots(git, [ref for ref in refs if ref.oid in wanted])
    }


def _iter_experiments(refs: Iterable[Ref]) -> Iterator[DvcExperiment]:
    """Yield DVC's experiments: the name of a reference says on which commit one was begun."""
    for ref in refs:
        matched = _EXPERIMENT.fullmatch(ref.name)
        if matched is not None:
            yield DvcExperiment(visible(matched[3]), ref.oid, matched[1] + matched[2])


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
