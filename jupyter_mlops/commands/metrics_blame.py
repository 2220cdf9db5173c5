"""The command ``metrics blame``."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Annotated

from jupyter_mlops.commands.chosen_history import DETACHED, read_chosen_history
from jupyter_mlops.commands.number_files import metric_rules
from jupyter_mlops.commands.number_trees import HOW_TO_LOG, open_revision, problem_notes
from jupyter_mlops.commands.spec import PROGRAM, Arg
from jupyter_mlops.commands.why import compare_states
from jupyter_mlops.commands.why_code import OUR_FOLDER
from jupyter_mlops.commands.why_sides import find_near
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Code, Delta, Document, Hint, Note, Number, Table
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.explain.noise import TIMES, Noise, estimate_noise
from jupyter_mlops.explain.ranking import Difference
from jupyter_mlops.git.changed_files import list_changed
from jupyter_mlops.git.history import list_line
from jupyter_mlops.git.revisions import head
from jupyter_mlops.metrics.compare import direction, is_better
from jupyter_mlops.metrics.moves import Move, Reading, follow_metric, list_moves
from jupyter_mlops.metrics.patterns import compile_patterns, plain_patterns
from jupyter_mlops.metrics.read import Number as MetricValue
from jupyter_mlops.metrics.read import Problem, label_names
from jupyter_mlops.snapshots.listing import (
    Listed,
    SnapshotRef,
    list_snapshot_refs,
    read_chosen,
)
from jupyter_mlops.units import plural

_DEFAULT_LIMIT = 10
_SHOWN_CAUSES = 3
_REPEATS_LIMIT = 50
_SNAPSHOTS_LIMIT = 200
_NOISE_MOVES = 1_000
_SHORT = 7
_PROSE = ("*.md", "*.rst")


@dataclass(frozen=True, slots=True)
class BlamedCommit:
    """A commit at which the metric moved, from ``old`` at ``previous``, and what differs.

    ``previous`` is the commit, on the same branch, that held the metric last before it.
    """

    commit: str
    previous: str
    committed_at: datetime
    author: str | None
    subject: str
    old: MetricValue
    new: MetricValue
    delta: MetricValue | None
    better: bool | None
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]
    command: str


@dataclass(frozen=True, slots=True)
class MetricsBlameResult:
    """The commits where a metric moved more than its noise, newest first.

    ``metric`` is its full name at the newest commit that has it; ``noise`` None where it is not
    known, and then every move is there. ``moves`` counts those of the whole branch, ``blamed``
    those that are more than noise, of which ``commits`` are the newest.
    """

    metric: str
    branch: str | None
    noise: Noise | None
    points: int
    moves: int
    blamed: int
    commits: tuple[BlamedCommit, ...]
    is_shallow: bool = False
    problems: tuple[Problem, ...] = ()

    def describe(self) -> Document:
        """Return a line about the noise, and a row for each commit."""
        notes: tuple[Block, ...] = problem_notes(self.problems)
        if self.is_shallow:
            notes = (
                Note("This clone is shallow: older commits are not here.", "warning"),
                Hint("To get them", "git fetch --unshallow"),
                *notes,
            )
        if not self.points:
            none = Note(f"No commit of {self.branch or 'this branch'} holds a metric yet.")
            return Document((none, HOW_TO_LOG, *notes))
        blocks: list[Block] = [Note(self._summary())]
        if self.commits:
            rows = tuple(
                (
                    Code(one.commit[:_SHORT]),
                    one.subject,
                    Number(one.new),
                    Delta(one.delta, one.better) if one.delta is not None else None,
                    _describe_causes(one),
                )
                for one in self.commits
            )
            blocks.append(Table(("commit", "subject", "value", "change", "why"), rows))
            if self.blamed > len(self.commits):
                words = f"{PROGRAM} metrics blame {shlex.quote(self.metric)} --limit {self.blamed}"
                branch = f" --branch {shlex.quote(self.branch)}" if self.branch else ""
                more = plural(self.blamed - len(self.commits), "older one")
                blocks.append(Hint(f"See {more}", words + branch))
            blocks.append(Hint("All that differs at the newest", self.commits[0].command))
        return Document((*blocks, *notes))

    def _summary(self) -> str:
        label = label_names([self.metric])[self.metric]
        moved = f"{label} moved at {plural(self.moves, 'commit')} of {self.points:,}"
        if self.branch is not None:
            moved += f" on {self.branch}"
        if self.noise is None:
            return f"{moved}. Its noise is not known from so few, so every move is shown."
        basis = (
            f"{plural(self.noise.moves, 'repeat')} with nothing else changed"
            if self.noise.basis == "unchanged"
            else f"the newest {self.noise.moves:,} moves"
        )
        return (
            f"{moved}, at {self.blamed:,} of them by more than {TIMES:.0f} times its noise,"
            f" {self.noise.level:.2g} by {basis}."
        )


def metrics_blame(
    ws: Workspace,
    name: Annotated[
        str, Arg("The metric: its full name, or the end of it.", "NAME", complete="metric")
    ],
    *,
    branch: Annotated[
        str | None, Arg("Along this branch; the current one by default.", complete="branch")
    ] = None,
    limit: Annotated[int, Arg("Only the newest so many commits.", "N", "-n")] = _DEFAULT_LIMIT,
) -> MetricsBlameResult:
    """Find the commits where a metric moved more than its noise, each with its why.

    The first parents of a branch are followed. Noise is 1.4826 times the median amount of its moves
    where nothing else changed, which are commits that changed metrics alone and snapshots of the
    same state; where there are fewer than 5, of all its moves. The newest 1,000 are looked at. With
    fewer than 8 it is not known, and every move is shown. A move to or from NaN or infinity is
    always one.
    """
    if limit < 1:
        raise UsageError(
            f"--limit is {limit}, but must be at least 1.",
            code="limit-invalid",
            hints=(f"{PROGRAM} metrics blame --help",),
        )
    at = head(ws.git)
    along = branch if branch is not None else at.branch
    chosen = read_chosen_history(
        ws,
        metric=(),
        branch=() if along is None or (branch is None and at.commit is None) else (along,),
        all_branches=False,
        limit=None,
    )
    line = DETACHED if along is None else along
    points = [
        point
        for point in chosen.whole.points
        if point.snapshot is None and line in point.branches and point.commit is not None
    ]
    readings = _choose(name, follow_metric(points, name), any(point.values for point in points))
    refs = list_snapshot_refs(ws.git)
    moves = list_moves(readings)
    newest_moves = moves[-_NOISE_MOVES:]
    deltas = [move.delta for move in newest_moves]
    still = [
        *_unchanged(ws, newest_moves),
        *_repeats(ws, refs, {one.name for one in readings}),
    ]
    noise = estimate_noise(still, [one for one in deltas if one is not None])
    moved = [move for move in moves if move.is_any]
    blamed = [move for move in moved if _counts(move, noise)]
    newest = list(reversed(blamed))[:limit]
    near = find_near(
        ws, refs, {one.point.commit for move in newest for one in (move.old, move.new)}
    )
    with ws.progress.task("Comparing commits", len(newest), "commits") as task:
        commits = []
        for move in newest:
            commits.append(_blame(ws, move, near))
            task.advance(1)
    return MetricsBlameResult(
        metric=readings[-1].name if readings else name,
        branch=along,
        noise=noise,
        points=len(readings),
        moves=len(moved),
        blamed=len(blamed),
        commits=tuple(commits),
        is_shallow=chosen.shallow,
        problems=chosen.whole.problems,
    )


def _choose(name: str, found: dict[str, list[Reading]], has_metrics: bool) -> list[Reading]:
    if len(found) > 1:
        raise ConflictError(
            f"{name!r} may mean several metrics: {', '.join(sorted(found))}.",
            code="metric-ambiguous",
            hints=[f"{PROGRAM} metrics blame {shlex.quote(one)}" for one in sorted(found)[:3]],
        )
    if not found and has_metrics:
        raise NotFoundError(
            f"No metric is called {name} along this branch.",
            code="unknown-metric",
            hints=(f"{PROGRAM} metrics show",),
        )
    return next(iter(found.values()), [])


def _counts(move: Move, noise: Noise | None) -> bool:
    return noise is None or move.delta is None or noise.is_exceeded(move.delta)


def _unchanged(ws: Workspace, moves: Sequence[Move]) -> list[MetricValue]:
    """Return the moves between which no commit changed anything but metrics and prose.

    ``moves`` follow one another.
    """
    if not moves:
        return []
    old, new = moves[0].old.point.commit, moves[-1].new.point.commit
    assert old is not None and new is not None
    patterns = metric_rules(ws.config.metrics).patterns
    without = [f":(top,exclude,glob){one}" for one in plain_patterns(patterns)]
    without += [f":(top,exclude){one}" for one in _PROSE]
    changing = set(list_line(ws.git, old, new, [":(top)", *without]))
    changes = {old: 0}
    count = 0
    for commit in reversed(list_line(ws.git, old, new)):
        count += commit in changing
        changes[commit] = count
    found = []
    for move in moves:
        before, after = (changes.get(one.point.commit or "") for one in (move.old, move.new))
        if before is not None and before == after and move.delta is not None:
            found.append(move.delta)
    return found


def _repeats(ws: Workspace, refs: Sequence[SnapshotRef], names: set[str]) -> list[MetricValue]:
    """Return how the metric moved from one snapshot to the next one of the very same state.

    ``refs`` are newest first; the newest snapshots that share a base are looked at.
    """
    counts = Counter(one.base for one in refs)
    shared_base = [one for one in refs if one.base is not None and counts[one.base] > 1]
    snapshots = read_chosen(ws.git, shared_base[:_SNAPSHOTS_LIMIT])
    by_state: dict[object, list[Listed]] = {}
    for one in sorted(snapshots, key=lambda one: (one.record.created_at, one.id)):
        if one.base is not None:
            state = (
                one.base,
                one.record.paths,
                tuple(sorted(map(repr, one.record.params.items()))),
            )
            by_state.setdefault(state, []).append(one)
    pairs = [pair for same in by_state.values() for pair in pairwise(same)]
    is_metrics_file = compile_patterns(metric_rules(ws.config.metrics).patterns)
    found = []
    for old, new in pairs[-_REPEATS_LIMIT:]:
        shared = sorted(names & old.record.metrics.keys() & new.record.metrics.keys())
        if shared and _is_same_code(ws, old, new, is_metrics_file):
            found.append(new.record.metrics[shared[0]] - old.record.metrics[shared[0]])
    return found


def _is_same_code(
    ws: Workspace, old: Listed, new: Listed, is_metrics_file: Callable[[str], bool]
) -> bool:
    changed = list_changed(ws.git, old.commit, new.commit, [":(top)"])
    paths = [path for file in changed for path in (file.old_path, file.new_path) if path]
    return all(path.startswith(OUR_FOLDER) or is_metrics_file(path) for path in paths)


def _blame(ws: Workspace, move: Move, snapshots: Sequence[Listed]) -> BlamedCommit:
    point, previous = move.new.point, move.old.point
    assert point.commit is not None and previous.commit is not None
    old, new = (open_revision(ws, one[:12]) for one in (previous.commit, point.commit))
    compared = compare_states(ws, old, new, snapshots)
    way = direction(move.new.name, ws.config.metrics.better)
    return BlamedCommit(
        commit=point.commit,
        previous=previous.commit,
        committed_at=point.committed_at,
        author=point.author,
        subject=point.subject,
        old=move.old.value,
        new=move.new.value,
        delta=move.delta,
        better=is_better(move.old.value, move.new.value, way),
        differences=compared.differences,
        unknown=(*compared.unknown, *compared.unrecorded),
        command=f"{PROGRAM} why {previous.commit[:12]} {point.commit[:12]}",
    )


def _describe_causes(one: BlamedCommit) -> str:
    """Return the likeliest causes in words, prose and other text left out."""
    causes = [cause for cause in one.differences if cause.share > 0]
    if not causes:
        return "nothing else that is known differs"
    shown = [f"{cause.name}: {cause.change}" for cause in causes[:_SHOWN_CAUSES]]
    more = len(causes) - len(shown)
    return "; ".join(shown) + (f"; and {more:,} more" if more else "")
