"""Putting files into Git's index, so that the next commit has them, and taking them out."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.git.index_file import (
    Sleep,
    hold_index_lock,
    open_private_index,
    publish_index,
)
from jupyter_mlops.git.process import NO_HOOKS, encode_names, literal, run_git
from jupyter_mlops.git.refs import sync_objects
from jupyter_mlops.git.repository import Repository

_PATHS_FROM_INPUT = ("--pathspec-from-file=-", "--pathspec-file-nul")


@dataclass(frozen=True, slots=True)
class Staged:
    """Whether the index has what was asked for."""

    done: bool
    hint: str | None = None
    """The command that does it later, when another process kept the index."""


def stage_paths(
    repo: Repository,
    paths: Sequence[str],
    remove: Sequence[str] = (),
    *,
    sleep: Sleep = time.sleep,
) -> Staged:
    """Stage the files ``paths`` as they are on disk, and take ``remove`` out of the index.

    All happens or nothing; what else is staged stays so. Filters run, ignored files are staged,
    files on disk are not touched. Once this returns done, it survives a power cut. An
    ``index.lock`` of a process of ours that has ended is removed; another one is waited for, five
    seconds.

    Args:
        repo: the repository.
        paths: files, or folders with all they hold, relative to the root; each must exist.
        remove: files or folders to take out; they may be missing from the index.
        sleep: how waiting is done.

    Raises:
        UnavailableError: Git refuses a path, or the repository cannot be written; nothing is
        staged.
    """
    if not paths and not remove:
        return Staged(done=True)
    with hold_index_lock(repo, sleep=sleep) as held:
        if not held:
            return Staged(done=False, hint=_hint(paths, remove))
        with open_private_index(repo) as private:
            if remove:
                _run(repo, private, remove, "rm", "--cached", "-r", "-f", "-q", "--ignore-unmatch")
            if paths:
                _run(repo, private, paths, "add", "-f")
            sync_objects(repo)
            if private.exists():
                publish_index(repo, private)
    return Staged(done=True)


def _run(repo: Repository, index: Path, paths: Sequence[str], command: str, *options: str) -> None:
    run_git(
        repo,
        *(*NO_HOOKS, command, "--sparse", *options, *_PATHS_FROM_INPUT),
        input=encode_names(literal(path) for path in paths),
        env={"GIT_INDEX_FILE": str(index)},
        durable="all",
    )


def _hint(paths: Sequence[str], remove: Sequence[str]) -> str:
    commands = []
    if remove:
        commands.append(f"git rm --cached -r -- {shlex.join(remove)}")
    if paths:
        commands.append(f"git add -f -- {shlex.join(paths)}")
    return " && ".join(commands)
