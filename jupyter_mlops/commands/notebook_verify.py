"""The command ``notebook verify``."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.metrics_stamps import Stamps, stamp_files
from jupyter_mlops.commands.notebook_paths import resolve_notebooks
from jupyter_mlops.commands.number_files import metric_files
from jupyter_mlops.commands.number_trees import logged_tree
from jupyter_mlops.commands.replay import Ended, count_cells, replay
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.verdicts import RevisionVerdicts, verification_key
from jupyter_mlops.commands.verifications import REPLAYED, Verification, write_verification
from jupyter_mlops.commands.workspace import Workspace, open_workspace
from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Number, Table
from jupyter_mlops.document.model import Tone
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.files.durable import iter_names, make_folder
from jupyter_mlops.files.owner import current_owner, format_owner, is_gone, parse_owner
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.trees import GitTree, open_tree
from jupyter_mlops.git.worktrees import (
    list_git_dirs,
    open_temporary_worktree,
    remove_worktree,
)
from jupyter_mlops.metrics.read import read_metrics, split_name
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.notebooks.verdict import VerdictWord
from jupyter_mlops.reports.findings import name_cell
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.restore import restore_data
from jupyter_mlops.tracking.names import UNKNOWN, clean_run_name
from jupyter_mlops.units import format_duration, format_number, plural

DEFAULT_TOLERANCE = 0.001
_NAMED_METRICS = 4
_TONES: dict[VerdictWord, Tone] = {
    VerdictWord.VERIFIED: "good",
    VerdictWord.FAILED_REPLAY: "bad",
    VerdictWord.UNKNOWN: "warning",
}


@dataclass(frozen=True, slots=True)
class ReplayedMetric:
    """One metric as the revision has it and as the replay logged it, null where one lacks it."""

    name: str
    recorded: float | None
    replayed: float | None
    difference: float | None
    agrees: bool


@dataclass(frozen=True, slots=True)
class NotebookReplay:
    """What came of running one notebook again.

    ``verdict`` is ``verified`` or ``failed replay``, or ``unknown`` where its kernel is not
    installed; ``why`` is a sentence. ``cells`` counts those
    that ran to their end; ``failed_cell`` is the number, from 1, of the one that did not, with its
    id, and ``error`` says why. ``metrics`` are those that the notebook logs.
    """

    path: str
    verdict: VerdictWord
    why: str
    seconds: float
    cells: int
    failed_cell: int | None
    failed_id: str | None
    error: str | None
    metrics: tuple[ReplayedMetric, ...]


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What came of notebooks of ``revision``, the full id of a commit; metrics within tolerance."""

    revision: str
    tolerance: float
    notebooks: tuple[NotebookReplay, ...]

    @property
    def exit_status(self) -> int:
        """1 when a notebook did not come to what the revision has, or could not be run."""
        return int(any(one.verdict != VerdictWord.VERIFIED for one in self.notebooks))

    def describe(self) -> Document:
        """Return a sentence on each notebook, and the metrics that differ."""
        blocks: list[Block] = []
        for one in self.notebooks:
            blocks.append(Note(f"{one.path}: {one.verdict}. {one.why}", _TONES[one.verdict]))
            rows = tuple(
                (Code(m.name), *map(_cell, (m.recorded, m.replayed, m.difference)))
                for m in one.metrics
                if not m.agrees
            )
            if rows:
                columns = ("metric", "recorded", "replayed", "difference")
                blocks.append(Table(columns, rows))
        if not self.notebooks:
            blocks.append(Note("The revision has no notebooks.", "quiet"))
        if self.exit_status:
            command = f"jupyter mlops notebook verdict --rev {self.revision[:10]}"
            blocks.append(Hint("What is known of the run that was recorded", command))
        return Document(tuple(blocks))


def notebook_verify(
    ws: Workspace,
    revision: Annotated[
        str, Arg("A commit, branch, tag or snapshot.", metavar="REVISION", complete="revision")
    ],
    notebooks: Annotated[
        tuple[str, ...],
        Arg("Notebooks of it; all of them by default.", "NOTEBOOK", complete="path"),
    ] = (),
    *,
    tolerance: Annotated[
        float, Arg("By what part of itself a metric may differ.", metavar="PART")
    ] = DEFAULT_TOLERANCE,
    timeout: Annotated[
        int | None, Arg("The longest that a cell may take, in seconds.", metavar="SECONDS")
    ] = None,
) -> VerifyResult:
    """Run notebooks of a revision again in a clean kernel, and compare their metrics.

    This executes the code of the revision. Each notebook is run from top to bottom in a working
    tree of its own, with the revision's data restored, which is removed afterwards; your files are
    not touched. Snapshots and pushes that it calls for are passed over. Verified: it ran to its
    end, and the metrics that it logs are those of the revision, within the tolerance. Failed
    replay: it did not, with the cell or the metrics named. notebook verdict knows it from then on.
    Unknown: its kernel is not installed here.
    """
    if not 0 <= tolerance < math.inf:
        raise UsageError(
            "--tolerance is a part of the recorded value, from 0 on.",
            code="bad-number",
            hints=("jupyter mlops notebook verify HEAD --tolerance 0.01",),
        )
    if timeout is not None and timeout < 1:
        raise UsageError(
            "--timeout is at least one second.",
            code="bad-number",
            hints=("jupyter mlops notebook verify HEAD --timeout 600",),
        )
    commit = resolve_revision(ws.git, revision)
    tree = open_tree(ws.git, commit)
    if CONFIG_NAME not in tree.entries:
        raise NotFoundError(
            f"{revision} has no {CONFIG_NAME}: it was no project yet.",
            code="no-mlops-toml",
            hints=(f"git log --oneline -- {CONFIG_NAME}",),
        )
    paths = resolve_notebooks(ws, notebooks) or RevisionVerdicts(ws.git, commit).list_paths()
    for path in paths:
        if path not in tree.entries:
            raise NotFoundError(
                f"{revision} has no notebook {path}.",
                code="path-not-found",
                hints=(f"jupyter mlops notebook verdict --rev {commit[:10]}",),
            )
    state = verification_key(ws.git, commit, tree)
    _clear_left(ws.git)
    results = []
    for path in paths:
        result = _verify(ws, commit, tree, path, tolerance, timeout)
        if result.verdict in REPLAYED:
            verification = Verification(state, path, result.verdict, result.why, ws.clock.now())
            write_verification(ws.git, verification)
        results.append(result)
    return VerifyResult(commit, tolerance, tuple(results))


def _verify(
    ws: Workspace, commit: str, tree: GitTree, path: str, tolerance: float, timeout: int | None
) -> NotebookReplay:
    import nbformat

    began_seconds = ws.clock.monotonic_seconds()
    metrics: tuple[ReplayedMetric, ...] = ()
    try:
        notebook = nbformat.reads(tree.read(path).decode("utf-8"), as_version=4)
        count = count_cells(notebook)
    except Exception:  # whatever may be wrong with a file, also by its schema
        ended = Ended(0, "it is not a notebook that can be read")
    else:
        own = _own_metrics(tree, path)
        with _open_replay(ws.git, commit) as root:
            there = open_workspace(root, clock=ws.clock, progress=ws.progress)
            restore_data(there, None, [], command=(), log=False)
            before = stamp_files(there)
            with ws.progress.task(f"Running {path}", count, "cells") as task:
                ended = replay(
                    notebook, root / path, timeout, task, is_named=not _is_unnamed(tree, path)
                )
            if ended.error is None:
                metrics = _compare(there, tree, own, before, tolerance)
    return _result(path, ended, metrics, ws.clock.monotonic_seconds() - began_seconds, tolerance)


def _metrics_file(name: str) -> str:
    return f"metrics/{clean_run_name(name)}.json"


def _own_metrics(tree: GitTree, path: str) -> str | None:
    """Return the metrics file of a notebook, None where another file of its name may write it."""
    stem = Path(path).stem
    same = [one for one in map(Path, tree.iter_paths()) if one.stem == stem]
    several = sum(one.suffix in (".ipynb", ".py") for one in same) > 1
    return None if several else _metrics_file(stem)


def _is_unnamed(tree: GitTree, path: str) -> bool:
    """Return whether the recorded run did not know its notebook, as with nbconvert and papermill.

    Its metrics are then those of a run without a name.
    """
    files = {_metrics_file(name): name for name in (Path(path).stem, UNKNOWN)}
    return [name for file, name in files.items() if file in tree.entries] == [UNKNOWN]


def _compare(
    ws: Workspace, tree: GitTree, own: str | None, before: Stamps, tolerance: float
) -> tuple[ReplayedMetric, ...]:
    """Compare the metrics of all files that the run wrote, or should have, as ``own``."""
    now = logged_tree(ws, ws.config.metrics.files)
    after = stamp_files(ws)
    files = {file for file, stamp in after.items() if before.get(file) != stamp}
    recorded = read_metrics(tree, metric_files(ws.config, tree)).values
    replayed = read_metrics(now, metric_files(ws.config, now)).values
    if own is not None and own not in files:
        files.add(own)
        replayed = {name: v for name, v in replayed.items() if split_name(name)[0] != own}
    names = [name for name in sorted({*recorded, *replayed}) if split_name(name)[0] in files]
    return tuple(
        compare_metric(name, recorded.get(name), replayed.get(name), tolerance) for name in names
    )


def compare_metric(
    name: str, recorded: float | None, replayed: float | None, tolerance: float
) -> ReplayedMetric:
    """Compare a metric with the recorded one, of which it may differ by the part ``tolerance``."""
    if recorded is None or replayed is None:
        return ReplayedMetric(name, recorded, replayed, None, agrees=False)
    if recorded == replayed or (math.isnan(recorded) and math.isnan(replayed)):
        return ReplayedMetric(name, recorded, replayed, 0.0, agrees=True)
    difference = replayed - recorded
    allowed = tolerance * abs(recorded)
    agrees = math.isfinite(allowed) and abs(difference) <= allowed
    return ReplayedMetric(name, recorded, replayed, difference, agrees)


def _result(
    path: str,
    ended: Ended,
    metrics: tuple[ReplayedMetric, ...],
    seconds: float,
    tolerance: float,
) -> NotebookReplay:
    differing = [one for one in metrics if not one.agrees]
    ran = f"{plural(ended.ran, 'cell')} ran in {format_duration(max(1.0, seconds))}"
    verdict = VerdictWord.VERIFIED
    if not ended.is_tried:
        verdict = VerdictWord.UNKNOWN
        why = f"It was not run: {ended.error}."
    elif ended.error is not None:
        where = name_cell(ended.cell) if ended.cell is not None else "The run"
        why = f"{where[:1].upper()}{where[1:]} failed: {ended.error.rstrip('.')}."
    elif differing:
        told = "; ".join(map(_tell, differing[:_NAMED_METRICS]))
        more = f"; and {len(differing) - _NAMED_METRICS} more" * (len(differing) > _NAMED_METRICS)
        why = f"{ran}, and {_count(differing)} of the revision: {told}{more}."
    elif metrics:
        same = plural(len(metrics), "metric")
        why = f"{ran}, and {same} came out within {format_number(tolerance)} of the recorded value."
    else:
        why = f"{ran}; it logs no metrics that could be compared."
    if ended.is_tried and (ended.error is not None or differing):
        verdict = VerdictWord.FAILED_REPLAY
    cell: CellPlace | None = ended.cell
    return NotebookReplay(
        path=path,
        verdict=verdict,
        why=why,
        seconds=round(seconds, 3),
        cells=ended.ran,
        failed_cell=cell.index + 1 if cell is not None else None,
        failed_id=cell.id if cell is not None else None,
        error=ended.error,
        metrics=metrics,
    )


def _count(differing: list[ReplayedMetric]) -> str:
    return (
        "a metric is not that" if len(differing) == 1 else f"{len(differing)} metrics are not those"
    )


def _tell(metric: ReplayedMetric) -> str:
    key = split_name(metric.name)[1]
    if metric.recorded is None:
        return f"{key} is new"
    if metric.replayed is None:
        return f"{key} was not logged"
    return f"{key} is {format_number(metric.replayed)} instead of {format_number(metric.recorded)}"


def _cell(value: float | None) -> Number | None:
    return Number(value) if value is not None else None


def _replays_folder(repo: Repository) -> Path:
    return repo.store_dir / "replays"


@contextmanager
def _open_replay(repo: Repository, commit: str) -> Iterator[Path]:
    """Yield the root of a working tree of ``commit``, which is gone afterwards."""
    folder = _replays_folder(repo)
    make_folder(folder)
    root = folder / f"{format_owner(current_owner())}-{secrets.token_hex(4)}"
    with open_temporary_worktree(repo, commit, root):
        yield root


def _clear_left(repo: Repository) -> None:
    """Remove the working trees that killed commands left behind."""
    folder = _replays_folder(repo)
    known = {one.name for one in list_git_dirs(repo)[1:]}
    for name in {*iter_names(folder), *known}:
        owner = parse_owner(name.rpartition("-")[0])
        if owner is not None and is_gone(owner, age_seconds=0.0):
            remove_worktree(repo, folder / name)
