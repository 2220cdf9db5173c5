"""The working trees of a repository."""

from __future__ import annotations

from pathlib import Path

from jupyter_mlops.git.process import run_git, split_nul
from jupyter_mlops.git.repository import Repository

_FIELD = "worktree "


def list_worktrees(repo: Repository) -> list[Path]:
    """Return the folders of all working trees of the repository that exist, the main one first."""
    fields = split_nul(run_git(repo, "worktree", "list", "--porcelain", "-z", allow=(0, 129)))
    if not fields:  # Git before 2.36 knows no -z
        fields = (
            run_git(repo, "worktree", "list", "--porcelain")
            .decode(errors="surrogateescape")
            .split("\n")
        )
    folders = [Path(field.removeprefix(_FIELD)) for field in fields if field.startswith(_FIELD)]
    return [folder for folder in folders if folder.is_dir()]
