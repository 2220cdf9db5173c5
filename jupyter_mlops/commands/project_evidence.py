"""What checks look at in a project: its pointer files with their content, and its metrics."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from jupyter_mlops.commands.number_files import metric_files
from jupyter_mlops.commands.number_trees import logged_tree, open_revision
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.conflict import is_in_conflict
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.pointer import POINTER_SUFFIX, Pointer, decode_pointer
from jupyter_mlops.git.history import last_changes
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.git.revisions import head, shorten
from jupyter_mlops.git.state_tree import blob_oid
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.metrics.read import read_metrics, split_name
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.reports.gates import Baseline, Numbers
from jupyter_mlops.reports.pointers import BrokenPointer, LackingContent
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.scan import Scanner
from jupyter_mlops.snapshots.tracked import (
    content_of,
    is_tracked_pointer,
    pointer_path,
    read_pointer_file,
)


def iter_pointer_states(ws: Workspace) -> Iterator[BrokenPointer | LackingContent]:
    """Yield what is wrong with each pointer file of the working tree, sorted by path.

    These are the pointer files that Git's index lists, and those this worktree has an origin for.
    Nothing is written; where the store lacks content, what is on disk is hashed.
    """
    listed = {
        name.removesuffix(POINTER_SUFFIX) for name in list_index(ws.git, f"*{POINTER_SUFFIX}")
    }
    tree, scanner = WorkTree(ws.root), Scanner(ws)
    for path in sorted({*listed, *read_origins(ws.git.state_dir)}):
        name = pointer_path(path)
        if not is_tracked_pointer(name):
            continue
        try:
            encoded = read_pointer_file(tree, path)
            if encoded is None:
                continue
            if is_in_conflict(encoded):
                yield BrokenPointer(
                    path,
                    f"The pointer file {name} is in a merge conflict.",
                    f"jupyter mlops resolve {shlex.quote(path)} --ours",
                )
                continue
            lack = _find_lack(ws, scanner, path, decode_pointer(encoded, origin=name))
        except MlopsError as error:
            fix = error.hints[0] if error.hints else f"git log --oneline -- {shlex.quote(name)}"
            yield BrokenPointer(path, error.message, fix)
        else:
            if lack is not None:
                yield lack


def _find_lack(
    ws: Workspace, scanner: Scanner, path: str, pointer: Pointer
) -> LackingContent | None:
    files: int | None = None
    size_bytes: int | None = None
    try:
        entries = read_entries(ws.store, pointer).values()
    except NotFoundError:
        pass
    else:
        wanted = (one for one in entries if one.mode is not Mode.FOLDER)
        lacking = missing(ws.store, (one for one in wanted if one.hash not in ws.store.erased))
        if not lacking:
            return None
        files, size_bytes = len(lacking), sum(entry.size_bytes for entry in lacking)
    present = scanner.look(path)
    is_here = present is not None and present.content == content_of(pointer)
    return LackingContent(path, files, size_bytes, is_here)


def read_numbers(ws: Workspace) -> Numbers:
    """Return the metrics of the working tree and of each revision that a gate compares with."""
    tree = logged_tree(ws, ws.config.metrics.files)
    read = read_metrics(tree, metric_files(ws.config, tree))
    judged = {split_name(gate.metric)[0] for gate in ws.config.gates if gate.metric in read.values}
    revisions = dict.fromkeys(gate.against for gate in ws.config.gates if gate.against is not None)
    return Numbers(
        values=read.values,
        sources=_read_sources(ws, sorted(judged)),
        baselines={revision: _read_baseline(ws, revision) for revision in revisions},
        problems=read.problems,
        better=ws.config.metrics.better,
    )


def _read_baseline(ws: Workspace, revision: str) -> Baseline:
    try:
        source = open_revision(ws, revision)
    except (NotFoundError, ConflictError):
        return Baseline(None)
    assert source.commit is not None and source.tree is not None
    read = read_metrics(source.tree, metric_files(ws.config, source.tree))
    return Baseline(shorten(ws.git, source.commit), read.values)


def _read_sources(ws: Workspace, paths: Sequence[str]) -> Mapping[str, str]:
    """Return, in words, which commit the working tree's content of each path is of."""
    commit = head(ws.git).commit
    if not paths or commit is None:
        return dict.fromkeys(paths, "working tree, no commit yet")
    tree, entries = WorkTree(ws.root), open_tree(ws.git, commit).entries
    changed_in = last_changes(ws.git, [path for path in paths if path in entries])
    sources = {}
    for path in paths:
        if path not in entries:
            sources[path] = "working tree, not in HEAD"
        elif entries[path].oid == blob_oid(ws.git, tree.read(path)):
            sources[path] = f"working tree, as of {changed_in.get(path, 'HEAD')}"
        else:
            sources[path] = f"working tree, changed since {changed_in.get(path, 'HEAD')}"
    return sources
