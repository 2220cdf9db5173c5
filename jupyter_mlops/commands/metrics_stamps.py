"""Which metrics files a run has written, seen by what the file system says of them."""

from __future__ import annotations

from collections.abc import Mapping

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.metrics.patterns import compile_patterns
from jupyter_mlops.metrics.working_tree import WorkingTree

Stamps = Mapping[str, tuple[int, int]]
"""By path, what changes when a file is written: its inode and its time."""


def stamp_files(ws: Workspace) -> Stamps:
    """Return the metrics files of a working tree by what changes when one is written."""
    patterns = ws.config.metrics.files
    matches = compile_patterns(patterns)
    stamps = {}
    for path in WorkingTree(ws.root, patterns).iter_paths():
        if matches(path):
            found = (ws.root / path).lstat()
            stamps[path] = (found.st_ino, found.st_mtime_ns)
    return stamps
