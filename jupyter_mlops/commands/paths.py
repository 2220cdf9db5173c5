"""Paths as users type them, made relative to the project."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.formats.pattern import parse_pattern
from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.snapshots.tracked import is_tracked_pointer, resolve_path


def resolve_paths(ws: Workspace, paths: Sequence[str]) -> list[str]:
    """Return ``paths``, typed in the current folder, relative to the project, each once.

    Raises:
        UsageError: one is outside the project, its root, or inside ``.git``.
    """
    return list(dict.fromkeys(resolve_path(ws.root, ws.cwd, path) for path in paths))


def choose_tracked(ws: Workspace, paths: Sequence[str], glob: str | None) -> list[str]:
    """Return ``paths`` as :func:`resolve_paths` does, and the tracked paths that match ``glob``.

    Raises:
        UsageError: a path is refused, or the pattern is not valid.
        NotFoundError: no tracked path matches.
    """
    chosen = resolve_paths(ws, paths)
    if glob is None:
        return chosen
    try:
        pattern = parse_pattern(glob)
    except ValueError as error:
        raise UsageError(
            f"The pattern {glob!r} is not valid: {error}.", code="bad-value"
        ) from error
    tracked = [
        name.removesuffix(POINTER_SUFFIX)
        for name in list_index(ws.git, f"*{POINTER_SUFFIX}")
        if is_tracked_pointer(name)
    ]
    matching = [path for path in tracked if pattern.matches(path)]
    if not matching:
        raise NotFoundError(
            f"No tracked path matches {glob!r}.",
            code="path-not-tracked",
            hints=("jupyter mlops status",),
        )
    return list(dict.fromkeys([*chosen, *matching]))


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
