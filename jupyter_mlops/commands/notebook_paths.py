"""Notebooks as users name them."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.verdicts import SUFFIX
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import UsageError


def resolve_notebooks(ws: Workspace, names: Sequence[str]) -> list[str]:
    """Return the paths of notebooks named in the current folder, relative to the project.

    Raises:
        UsageError: one is no notebook's name (``not-a-notebook``), or outside of the project.
    """
    for name in names:
        if not name.endswith(SUFFIX):
            raise UsageError(
                f"{name} is not a notebook.",
                code="not-a-notebook",
                hints=("jupyter mlops notebook verdict",),
            )
    return resolve_paths(ws, names)
