"""Paths as users type them, made relative to the project."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.snapshots.tracked import resolve_path


def resolve_paths(ws: Workspace, paths: Sequence[str]) -> list[str]:
    """Return ``paths``, typed in the current folder, relative to the project, each once.

    Raises:
        UsageError: one is outside the project, its root, or inside ``.git``.
    """
    return list(dict.fromkeys(resolve_path(ws.root, ws.cwd, path) for path in paths))


def notebook_path(ws: Workspace) -> str | None:
    """Return the path of the notebook that the command was called from.

    None when it is elsewhere. A link on the way to its folder is followed, as for the root; one
    that is the notebook itself is not.
    """
    notebook = ws.execution.notebook
    if notebook is None:
        return None
    named = Path(os.path.abspath(ws.cwd / notebook))
    for full in (named, Path(os.path.realpath(named.parent), named.name)):
        if full.is_relative_to(ws.root):
            return full.relative_to(ws.root).as_posix()
    return None
