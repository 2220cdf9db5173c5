"""A Git repository as it is on this machine: where its working tree and its folders are."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.errors import NotFoundError, UnsupportedError, UsageError
from jupyter_mlops.git.process import git_failed, read_git_version, try_git_in

OLDEST_GIT = (2, 34, 0)

# The working tree comes last: without one Git fails there, after it has told everything else. What
# is true or false stands between the paths, which may hold newlines.
_QUESTIONS = (
    "rev-parse",
    "--path-format=absolute",
    "--is-bare-repository",
    "--is-inside-git-dir",
    "--show-object-format",
    "--absolute-git-dir",
    "--is-inside-work-tree",
    "--git-common-dir",
    "--is-inside-work-tree",
    "--show-toplevel",
)
_ANSWER = re.compile(
    rb"(?P<bare>true|false)\n(?P<inside_git>true|false)\n(?P<object_format>\w+)\n"
    rb"(?P<git_dir>.+?)\n(?:true|false)\n(?P<common_dir>.+?)\n(?:true|false)\n"
    rb"(?:(?P<root>.+)\n)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Repository:
    """One working tree of a Git repository; all paths are absolute."""

    root: Path
    git_dir: Path
    common_dir: Path
    version: tuple[int, int, int]
    """The version of the Git that is used."""
    object_format: str = "sha1"
    """The hash that names objects: ``sha1`` or ``sha256``."""

    @property
    def state_dir(self) -> Path:
        """The folder for what belongs to this worktree alone; it may not exist yet."""
        return self.git_dir / "mlops-worktree"

    @property
    def store_dir(self) -> Path:
        """The folder of the store, which all worktrees share; it may not exist yet.

        Where the packs lie on a shared disk, all the rest stands here.
        """
        return self.common_dir / "mlops"

    @property
    def null_oid(self) -> str:
        """The object id that stands for no object."""
        return "0" * (64 if self.object_format == "sha256" else 40)


def open_repository(start: Path) -> Repository:
    """Return the repository whose working tree holds ``start``, a folder.

    The environment does not redirect it: ``GIT_DIR`` and its like are not looked at.

    Raises:
        NotFoundError: there is no folder ``start``, it is in no Git repository, or in a bare one.
        UsageError: ``start`` is inside Git's own folder.
        UnsupportedError: Git is older than 2.34.
        UnavailableError: Git cannot be started, or refuses the repository (say, as another user's).
    """
    if not start.is_dir():
        raise NotFoundError(f"There is no folder {start}.", code="folder-not-found")
    version = read_git_version()
    if version < OLDEST_GIT:
        raise UnsupportedError(
            f"Git {'.'.join(map(str, version))} is too old, as 2.34 or newer is needed.",
            code="git-too-old",
        )
    status, printed, said = try_git_in(start, *_QUESTIONS)
    answer = _ANSWER.fullmatch(printed)
    if answer is None:
        if _has_git_above(start):
            raise git_failed(_QUESTIONS, said)
        raise NotFoundError(
            f"{start} is not in a Git repository.", code="not-a-git-project", hints=("git init",)
        )
    if answer["bare"] == b"true":
        raise NotFoundError(
            f"{start} is a bare Git repository, which has no files to work with.",
            code="not-a-git-project",
            hints=("git worktree add",),
        )
    if answer["inside_git"] == b"true":
        raise UsageError(
            f"{start} is inside Git's own folder.", code="inside-git-folder", hints=("cd ..",)
        )
    if status != 0 or answer["root"] is None:
        raise git_failed(_QUESTIONS, said)
    return Repository(
        root=_path(answer["root"]),
        git_dir=_path(answer["git_dir"]),
        common_dir=_path(answer["common_dir"]),
        version=version,
        object_format=answer["object_format"].decode("ascii"),
    )


def _path(encoded: bytes) -> Path:
    return Path(os.fsdecode(encoded))


def _has_git_above(start: Path) -> bool:
    """Return whether there is a repository here after all, so that Git refused to open it."""
    return any((folder / ".git").exists() for folder in (start.resolve(), *start.resolve().parents))
