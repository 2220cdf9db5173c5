"""The files in Git's index, by pattern."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from jupyter_mlops.git.process import git_failed, run_git, split_nul, try_git
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import head


def list_index(repo: Repository, pattern: str) -> dict[str, str | None]:
    """Return the full blob id of each regular file in the index that matches ``pattern``, by path.

    ``*`` matches any characters, ``/`` among them. The id of a file in a merge conflict is None.
    """
    staged = _iter_rows(run_git(repo, *_LIST, f":(top){pattern}"))
    return dict(sorted((path, oid if stage == "0" else None) for path, oid, stage in staged))


def list_staged(repo: Repository, git_dir: Path, *patterns: str) -> list[tuple[str, str]]:
    """Return path and blob of all regular files in the index of a worktree that match a pattern.

    A file in a merge conflict is listed with each of its versions. ``git_dir`` is the worktree's
    own Git folder; the worktree itself may be gone.
    """
    words = (*_LIST, *(f":(top){pattern}" for pattern in patterns))
    printed = run_git(repo, *words, env={"GIT_DIR": os.fspath(git_dir)})
    return [(path, oid) for path, oid, _ in _iter_rows(printed)]


def list_uncommitted(repo: Repository, pattern: str) -> frozenset[str]:
    """Return the files that match ``pattern`` and that the index has otherwise than HEAD."""
    words = ("diff-index", "--cached", "--name-only", "--no-renames", "-z", "HEAD", "--")
    status, printed, said = try_git(repo, *words, f":(top){pattern}")
    if status == 0:
        return frozenset(split_nul(printed))
    if head(repo).commit is None:
        return frozenset(list_index(repo, pattern))
    raise git_failed(words, said)


def list_untracked(repo: Repository, pathspecs: Sequence[str]) -> list[str]:
    """Return the files that Git neither tracks nor ignores and that match one of ``pathspecs``."""
    words = ("ls-files", "-z", "--others", "--exclude-standard", "--deduplicate", "--")
    return split_nul(run_git(repo, *words, *pathspecs))


def list_holding(
    repo: Repository, text: str, pattern: str, *, commit: str | None = None
) -> list[str]:
    """Return the files in the index, or in ``commit``, that match ``pattern`` and hold ``text``."""
    place = ("--cached",) if commit is None else (commit,)
    words = ("grep", "-z", "--files-with-matches", "--no-color", "--text", "--fixed-strings")
    printed = run_git(repo, *words, "-e", text, *place, "--", f":(top){pattern}", allow=(0, 1))
    prefix = "" if commit is None else f"{commit}:"
    return sorted({name.removeprefix(prefix) for name in split_nul(printed)})


_LIST = ("ls-files", "-z", "--stage", "--")


def _iter_rows(printed: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield path, blob and stage of each regular file."""
    for row in split_nul(printed):
        described, path = row.split("\t", 1)
        mode, oid, stage = described.split(" ")
        if mode.startswith("100"):
            yield path, oid, stage
