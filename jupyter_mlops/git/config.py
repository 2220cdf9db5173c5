"""Settings in the repository's own configuration; nothing here reaches a user's global one."""

from __future__ import annotations

from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.git.left_locks import noted_locks
from jupyter_mlops.git.process import run_git, split_nul
from jupyter_mlops.git.repository import Repository

_NOT_SET = 1


def read_setting(repo: Repository, key: str) -> str | None:
    """Return the value of ``key`` that is in effect, from any level of configuration, or None."""
    values = split_nul(
        run_git(repo, "config", "-z", "--get", "--end-of-options", key, allow=(0, _NOT_SET))
    )
    return values[-1] if values else None


def write_setting(repo: Repository, key: str, value: str) -> None:
    """Set ``key`` to ``value`` alone in the repository's own configuration."""
    ours_alone = hold_lock(repo.store_dir / "settings.lock")
    with ours_alone, noted_locks(repo, [repo.common_dir / "config.lock"]):
        run_git(repo, "config", "--local", "--replace-all", key, value)


def submodule_paths(repo: Repository) -> list[str]:
    """Return the paths at which the index holds another repository's commit, sorted."""
    rows = split_nul(run_git(repo, "ls-files", "--stage", "-z"))
    return [row.split("\t", 1)[1] for row in rows if row.startswith("160000 ")]
