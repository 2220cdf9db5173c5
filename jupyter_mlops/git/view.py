"""What a clone sees of commits, and what it does not: shallow and partial clones, replaced objects.

A commit's id says what it holds and what it grew from, unless Git is told otherwise: a shallow
clone cuts parents off, ``git replace`` and grafts put others in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jupyter_mlops.git.process import run_git, try_git
from jupyter_mlops.git.refs import Ref
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.ids import hash_bytes

REPLACE_REFS = "refs/replace/"
"""Where Git keeps which object stands in the place of which."""

_LIMIT_BYTES = 64 << 20


def read_view(repo: Repository, replaced: Sequence[Ref]) -> bytes:
    """Return a digest of all that makes commits other than their ids say.

    As long as it is the same, what Git tells of a commit is so, too. ``replaced`` are the
    references at :data:`REPLACE_REFS`.
    """
    obeyed = b""
    if replaced:
        words = ("config", "--type=bool", "--get", "core.useReplaceRefs")
        obeyed = run_git(repo, *words, allow=(0, 1))
    parts = [
        repr(replaced).encode("utf-8", "surrogateescape"),
        obeyed,
        _read(repo.common_dir / "shallow"),
        _read(repo.common_dir / "info" / "grafts"),
    ]
    return hash_bytes(b"".join(b"%d %b" % (len(part), part) for part in parts))


def is_partial(repo: Repository) -> bool:
    """Return whether Git leaves some objects with a remote until somebody asks for them."""
    words = ("config", "--get-regexp", r"^remote\..*\.promisor$", "^(true|yes|on|1)$")
    return try_git(repo, *words)[0] == 0


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_LIMIT_BYTES)
    except OSError:
        return b""
