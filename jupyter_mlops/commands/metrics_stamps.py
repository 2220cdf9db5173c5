"""Which metrics files a run has written, seen by what the file system says of them."""

from __future__ import annotations

from collections.abc import Mapping

from jupyter_mlops.commands.number_files import list_metric_paths
from jupyter_mlops.commands.number_trees import logged_tree
from jupyter_mlops.commands.workspace import Workspace

Stamps = Mapping[str, tuple[int, int]]
"""By path, what changes when a file is written: its inode and its time."""


def stamp_files(ws: Workspace) -> Stamps:
    """Return the metrics files of a working tree by what changes when one is written."""
    tree = logged_tree(ws, ws.config.metrics.files)
    found = {path: (ws.root / path).lstat() for path in list_metric_paths(ws.config, tree)}
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in found.items()}
