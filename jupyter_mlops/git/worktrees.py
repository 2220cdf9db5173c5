"""The working trees of a repository."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import remove_folder
from jupyter_mlops.git.process import NO_HOOKS, run_git, split_nul, try_git
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


@contextmanager
def open_temporary_worktree(repo: Repository, commit: str, folder: Path) -> Iterator[None]:
    """Have a working tree of ``commit`` in ``folder``, which is not there, while the block runs.

    No hook hears of it. It is removed however the block ends, with all that was written there.

    Raises:
        UnavailableError: Git cannot make it.
    """
    try:
        add = ("worktree", "add", "--quiet", "--detach", str(folder), commit)
        run_git(repo, *NO_HOOKS, *add)
        yield
    finally:
        remove_worktree(repo, folder)


def remove_worktree(repo: Repository, folder: Path) -> None:
    """Remove the working tree in ``folder``, whatever it holds and however much of it is there.

    Its name must be that of no other working tree: what Git has of one that was cut short while it
    was made is found by it.
    """
    try_git(repo, "worktree", "remove", "--force", "--force", str(folder))
    remove_folder(folder)
    remove_folder(repo.common_dir / "worktrees" / folder.name)
