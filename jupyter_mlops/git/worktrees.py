"""The working trees of a repository."""

from __future__ import annotations

from pathlib import Path

from jupyter_mlops.errors import UnavailableError
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


def list_git_dirs(repo: Repository) -> list[Path]:
    """Return each working tree's own Git folder, also of trees that are gone; the main one first.

    Raises:
        UnavailableError: they cannot be listed.
    """
    folder = repo.common_dir / "worktrees"
    try:
        return [repo.common_dir, *sorted(one for one in folder.iterdir() if one.is_dir())]
    except FileNotFoundError:
        return [repo.common_dir]
    except OSError as error:
        raise UnavailableError(
            f"{folder} cannot be read: {error.strerror}.", code="git-failed", hints=("git status",)
        ) from error
