"""What a metric came to in several runs of the same commit: how much it varies by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from jupyter_mlops.commands.commit_evidence import CommitEvidence
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files.durable import iter_names
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.run import (
    Began,
    Environment,
    Metrics,
    is_series_name,
    parse_line,
)
from jupyter_mlops.metrics.read import Number, decode_metrics, split_name

_SERIES_LIMIT = 200
_HEAD_BYTES = 1 << 20
_SERIES_BYTES = 64 << 20
_CLEAN = "clean"


def read_repeats(ws: Workspace, evidence: CommitEvidence, metric: str) -> tuple[Number, ...]:
    """Return what ``metric``, a full name, came to in runs of one commit, each run once.

    These are snapshots that have the commit's code for it, and runs that the store has series of,
    which began at the commit with that code. Of several snapshots with the same metrics file one
    counts: they may be of the same run.
    """
    path, key = split_name(metric)
    found: dict[object, Number] = {}
    contents: dict[str, bytes] = {}
    for tree in evidence.iter_equal_snapshots(path):
        entry = tree.entries.get(path)
        if entry is not None and entry.oid not in contents:
            contents[entry.oid] = tree.read(path)
    if path in evidence.tree.entries:
        contents.setdefault(evidence.tree.entries[path].oid, evidence.tree.read(path))
    for oid, content in contents.items():
        with suppress(ValueError):
            value = decode_metrics(path, content).get(key)
            if value is not None:
                found[oid] = value
    known = set(found.values())
    for id, value in read_runs(ws, evidence, path, key).items():
        if value not in known:  # the run of a snapshot is the snapshot's
            found[id] = value
    return tuple(found.values())


def read_runs(ws: Workspace, evidence: CommitEvidence, path: str, key: str) -> Mapping[str, Number]:
    """Return the last value of each execution that began at the commit, with its code."""
    run = PurePosixPath(path).stem
    folder = ws.git.store_dir / "runs" / run
    names = sorted(filter(is_series_name, iter_names(folder)), reverse=True)[:_SERIES_LIMIT]
    relevant = evidence.relevant(path)
    found: dict[str, Number] = {}
    for name in names:
        with suppress(MlopsError, OSError, ValueError):
            read = _read_series(folder, name, evidence.commit, key, relevant)
            if read is not None:
                found.setdefault(*read)
    return found


def _read_series(
    folder: Path, name: str, commit: str, key: str, relevant: Callable[[str], bool]
) -> tuple[str, Number] | None:
    """Return the id of an execution and its last value, None where it is none of the commit."""
    tree = WorkTree(folder)
    lines = _iter_lines(tree.read_head(name, _HEAD_BYTES), name)
    began = next(lines, None)
    if not isinstance(began, Began) or began.commit != commit:
        return None
    environment = next((line for line in lines if isinstance(line, Environment)), None)
    if environment is None or not _has_code(environment.values, relevant):
        return None
    value: Number | None = None
    last_step: Number | None = None
    for line in _iter_lines(tree.read_head(name, _SERIES_BYTES), name):
        if not isinstance(line, Metrics) or key not in line.values:
            continue
        if last_step is None or line.step >= last_step:
            value, last_step = line.values[key], line.step
    return None if value is None else (began.id, value)


def _has_code(environment: Mapping[str, str], relevant: Callable[[str], bool]) -> bool:
    """Return whether a run says that nothing that decides about it differed from its commit."""
    state = environment.get("git")
    if state == _CLEAN:
        return True
    changed = environment.get("git:changed", "").split(", ")
    return state == f"{len(changed)} changed" and not any(map(relevant, changed))


def _iter_lines(content: bytes, name: str) -> Iterator[object]:
    for line in content.split(b"\n")[:-1]:
        with suppress(ValueError):
            yield parse_line(line, origin=name)
