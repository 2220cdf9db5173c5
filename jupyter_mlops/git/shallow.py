"""Clones that have only the newest commits: what they lack, and single commits for them."""

from __future__ import annotations

from collections.abc import Mapping

from jupyter_mlops.git.left_locks import noted_locks
from jupyter_mlops.git.process import NO_HOOKS, try_git
from jupyter_mlops.git.remotes import NO_QUESTIONS, unreachable
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


def fetch_commit(
    repo: Repository, remote: str, commit: str, *, env: Mapping[str, str] | None = None
) -> None:
    """Bring one commit with its files, and none of its history, into a shallow clone.

    Nothing happens where it is here. No reference is made.

    Raises:
        UnavailableError: Git fails, or the remote does not give single commits (code
            ``git-remote-unreachable``).
    """
    if find_commit(repo, commit) is not None:
        return
    with noted_locks(repo, [repo.common_dir / "shallow.lock"]):
        status, _, said = try_git(
            repo,
            *(*NO_HOOKS, "-c", "fetch.fsckObjects=true", "fetch", "--quiet", "--no-tags"),
            *("--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"),
            *("--depth=1", "--end-of-options", remote, commit),
            env={**NO_QUESTIONS, **(env or {})},
            durable="objects",
        )
    if status != 0:
        raise unreachable(f"Git cannot fetch {commit[:12]} from its remote {remote}", remote, said)
