"""Paths, revisions, snapshots and metrics that may stand in a command typed in a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from jupyter_mlops.commands.number_files import dvc_paths, metric_files
from jupyter_mlops.commands.spec import Completion
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.commands.workspace import read_config
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.git.refs import list_refs
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.metrics.read import read_metrics, split_name
from jupyter_mlops.metrics.working_tree import WorkingTree
from jupyter_mlops.snapshots.listing import list_all_snapshots
from jupyter_mlops.snapshots.tracked import is_tracked_pointer

_BRANCHES = "refs/heads/"
_REMOTE_BRANCHES = "refs/remotes/"
_TAGS = "refs/tags/"


def list_candidates(kind: Completion, partial: str, start: Path) -> list[str]:
    """Return the values of ``kind`` that begin with ``partial``, for a command called in ``start``.

    What cannot be looked up, outside of a project say, has no values; nothing is raised for it.
    """
    reader = _READERS.get(kind)
    if reader is None:
        return []
    try:
        found = reader(partial, start)
    except (MlopsError, OSError):
        return []
    return [value for value in dict.fromkeys(found) if value.startswith(partial)]


def _list_paths(partial: str, start: Path) -> list[str]:
    """Return files, and folders with ``/`` at their end; hidden ones when they are asked for."""
    lead, _, name = partial.rpartition("/")
    prefix = lead + "/" if "/" in partial else ""
    folder = start / os.path.expanduser(prefix) if prefix else start
    with os.scandir(folder) as entries:
        return sorted(
            prefix + entry.name + ("/" if entry.is_dir() else "")
            for entry in entries
            if name.startswith(".") or not entry.name.startswith(".")
        )


def _list_tracked(partial: str, start: Path) -> list[str]:
    repository = open_repository(start)
    names = list_index(repository, "*" + POINTER_SUFFIX)
    paths = (
        repository.root / name.removesuffix(POINTER_SUFFIX)
        for name in names
        if is_tracked_pointer(name)
    )
    return [os.path.relpath(path, start).replace(os.sep, "/") for path in paths]


def _list_branches(partial: str, start: Path) -> list[str]:
    return [
        ref.name.removeprefix(_BRANCHES) for ref in list_refs(open_repository(start), _BRANCHES)
    ]


def _list_snapshots(partial: str, start: Path) -> list[str]:
    snapshots = list_all_snapshots(open_repository(start))
    return [s.name for s in snapshots if s.name] + [s.id for s in snapshots]


def _list_revisions(partial: str, start: Path) -> list[str]:
    refs = list_refs(open_repository(start), _BRANCHES, _TAGS, _REMOTE_BRANCHES)
    names = [ref.name.split("/", 2)[2] for ref in refs]
    return ["HEAD", *names, *_list_snapshots(partial, start)]


def _list_metrics(partial: str, start: Path) -> list[str]:
    root = open_repository(start).root
    config = read_config(root)
    tree = WorkingTree(root, config.metrics.files, dvc_paths(root, config))
    names = read_metrics(tree, metric_files(config, tree)).values
    return [*(split_name(name)[1] for name in names), *names]


def _list_commands(partial: str, start: Path) -> list[str]:
    return [command.words[0] for command in COMMANDS if not command.hidden]


_READERS: Mapping[Completion, Callable[[str, Path], list[str]]] = {
    "path": _list_paths,
    "tracked": _list_tracked,
    "revision": _list_revisions,
    "snapshot": _list_snapshots,
    "metric": _list_metrics,
    "branch": _list_branches,
    "command": _list_commands,
}
