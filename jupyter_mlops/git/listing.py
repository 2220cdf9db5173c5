"""The files in Git's index, by pattern."""

from __future__ import annotations

from jupyter_mlops.git.process import run_git, split_nul
from jupyter_mlops.git.repository import Repository


def list_index(repo: Repository, pattern: str) -> list[str]:
    """Return the files in the index that match ``pattern``, anywhere in the project, sorted.

    ``*`` matches any characters, ``/`` among them; unmerged files are listed once.
    """
    printed = run_git(repo, "ls-files", "-z", "--deduplicate", "--", f":(top){pattern}")
    return sorted(split_nul(printed))


def list_index_blobs(repo: Repository, pattern: str) -> dict[str, str]:
    """Return the full blob id of each regular file in the index that matches ``pattern``, by path.

    Unmerged files are left out.
    """
    printed = run_git(repo, "ls-files", "-z", "--stage", "--", f":(top){pattern}")
    blobs = {}
    for row in split_nul(printed):
        described, path = row.split("\t", 1)
        mode, oid, stage = described.split(" ")
        if stage == "0" and mode.startswith("100"):
            blobs[path] = oid
    return dict(sorted(blobs.items()))
