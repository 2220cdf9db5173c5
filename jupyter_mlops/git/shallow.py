"""Clones that have only the newest commits: what they lack, and how it comes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jupyter_mlops.git.process import run_git, try_git
from jupyter_mlops.git.remotes import fetch_objects
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import find_commit


def is_shallow(repo: Repository) -> bool:
    """Return whether history ends somewhere because it was not fetched; starts no process."""
    try:
        return (repo.common_dir / "shallow").stat().st_size > 0
    except OSError:
        return False


def find_merge_base(repo: Repository, a: str, b: str) -> str | None:
    """Return the best common ancestor of two commits, None where none is known here."""
    status, printed, _ = try_git(repo, "merge-base", "--end-of-options", a, b)
    return printed.decode("ascii").strip() or None if status == 0 else None


def list_ends(repo: Repository, commits: Sequence[str]) -> list[str]:
    """Return the full ids of the commits at which the histories of ``commits`` are cut off."""
    if not is_shallow(repo):
        return []
    cut = set((repo.common_dir / "shallow").read_text("ascii").split())
    printed = run_git(repo, "rev-list", "--max-parents=0", "--end-of-options", *commits, "--")
    return [commit for commit in printed.decode("ascii").split() if commit in cut]


def fetch_commit(
    repo: Repository, remote: str, commit: str, *, env: Mapping[str, str] | None = None
) -> None:
    """Bring one commit with its files, and none of its history, into a shallow clone.

    Nothing happens where it is here. No reference is made.

    Raises:
        UnavailableError: Git fails, or the remote does not give single commits (code
            ``git-remote-unreachable``).
    """
    if find_commit(repo, commit) is None:
        fetch_objects(repo, remote, [commit], depth=1, env=env)
