"""The files in Git's index, by pattern."""

from __future__ import annotations

from jupyter_mlops.git.process import run_git, split_nul
from jupyter_mlops.git.repository import Repository


def list_index(repo: Repository, pattern: str) -> dict[str, str | None]:
    """Return the full blob id of each regular file in the index that matches ``pattern``, by path.

    ``*`` matches any characters, ``/`` among them. The id of a file in a merge conflict is None.
    """
    printed = run_git(repo, "ls-files", "-z", "--stage", "--", f":(top){pattern}")
    blobs: dict[str, str | None] = {}
    for row in split_nul(printed):
        described, path = row.split("\t", 1)
        mode, oid, stage = described.split(" ")
        if mode.startswith("100"):
            blobs[path] = oid if stage == "0" else None
    return dict(sorted(blobs.items()))
