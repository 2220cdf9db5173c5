"""What Git merges: the versions of a file that is in a conflict, or that a merge was made of."""

from __future__ import annotations

from typing import NamedTuple

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.git.process import literal, run_git, split_nul
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.trees import BlobReader

_STAGES = ("1", "2", "3")


class Versions(NamedTuple):
    """Names of the three versions of one file, for a :class:`BlobReader`; None: there is none."""

    base: str | None
    ours: str | None
    theirs: str | None


def list_unmerged(repo: Repository, pattern: str) -> dict[str, Versions]:
    """Return the files in a conflict that match ``pattern``, sorted, as Git's index has them.

    ``*`` matches any characters, ``/`` among them.
    """
    printed = run_git(repo, "ls-files", "-z", "--unmerged", "--", f":(top){pattern}")
    stages: dict[str, dict[str, str]] = {}
    for row in split_nul(printed):
        described, path = row.split("\t", 1)
        _, oid, stage = described.split(" ")
        stages.setdefault(path, {})[stage] = oid
    return {
        path: Versions(*(found.get(stage) for stage in _STAGES))
        for path, found in sorted(stages.items())
    }


def find_merge(repo: Repository, path: str) -> Versions | None:
    """Return what the file ``path`` of HEAD was merged of, where a merge of two was what made it.

    Its name must hold no newline.
    """
    printed = run_git(repo, "log", "-1", "--format=%P", "HEAD", "--", literal(path), allow=(0, 128))
    parents = printed.decode("ascii", "replace").split()
    if len(parents) != 2:
        return None
    bases = run_git(repo, "merge-base", *parents, allow=(0, 1)).decode("ascii").split()
    return Versions(*(f"{one}:{path}" for one in (*bases[:1], *parents))) if bases else None


def read_version(reader: BlobReader, name: str | None) -> bytes:
    """Return the bytes of one of :class:`Versions`; nothing where there is none."""
    if name is None:
        return b""
    try:
        return reader.read(name)
    except NotFoundError:
        if ":" in name:
            return b""
        raise
