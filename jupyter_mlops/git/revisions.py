"""What a word names: HEAD and revisions."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from jupyter_mlops.git.process import run_git, try_git
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.worktrees import list_git_dirs

Operation = Literal["merge", "rebase", "cherry-pick", "revert", "bisect"]

_OPERATION_FILES: tuple[tuple[str, Operation], ...] = (
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("BISECT_LOG", "bisect"),
)
_PSEUDO_REFS = ("ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD")
_PLAIN_REVISION = re.compile(r"(@|[A-Za-z0-9_][A-Za-z0-9_./+-]*)(?:[~^][0-9]*)*")
_REF_LISTS = ("packed-refs", "reftable/tables.list")
_SNAPSHOT_LIST = "refs/mlops/snapshots"
_REF_PREFIXES = ("refs/", "refs/tags/", "refs/heads/", "refs/remotes/")
_REF_LIMIT_BYTES = 4096
_KEPT_REFS = 256
_SYMBOLIC = "ref: "
_SYMBOLIC_DEPTH = 5
"""How many symbolic refs in a row Git follows (``SYMREF_MAXDEPTH`` in its refs.h)."""
_OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MOVE = re.compile(r"([0-9a-f]+) [^ ]*@\{([0-9]+)\} (.*)")
_BRANCH_PREFIX = "refs/heads/"

Stamp = tuple[tuple[int, int, int, int] | None, ...]
"""Inode, size, and times of change of files, None for one that is not there."""


class Move(NamedTuple):
    """HEAD came to ``commit``, a full id; ``is_own``: with a commit that was made here."""

    commit: str
    at_seconds: int
    is_own: bool


@dataclass(frozen=True, slots=True)
class Head:
    """Where the worktree stands."""

    commit: str | None
    """The full id of the current commit; None before the first one."""
    branch: str | None
    """The current branch without ``refs/heads/``; None when HEAD is detached."""
    in_progress: Operation | None = None
    """The operation that Git has begun here and not concluded."""


def head(repo: Repository) -> Head:
    """Return where ``repo``'s worktree stands; one Git process, three before the first commit.

    Raises:
        UnavailableError: Git cannot read it.
    """
    words = ("rev-parse", "HEAD", "--symbolic-full-name", "HEAD")
    status, printed, _ = try_git(repo, *words)
    commit: str | None
    if status != 0:
        name = run_git(repo, "symbolic-ref", "HEAD").decode("utf-8", "surrogateescape").strip()
        status, _, _ = try_git(repo, "show-ref", "--verify", "--quiet", "--", name)
        if status == 0:  # there is a commit, which could not be read before
            printed = run_git(repo, *words)
    if status == 0:
        commit, _, name = printed.decode("utf-8", "surrogateescape").rstrip("\n").partition("\n")
        if not name:  # where a branch is called HEAD as well, Git finds the word ambiguous
            status, printed, _ = try_git(repo, "symbolic-ref", "--quiet", "HEAD")
            name = printed.decode("utf-8", "surrogateescape").strip() if status == 0 else "HEAD"
    else:
        commit = None
    branch = name.removeprefix(_BRANCH_PREFIX) if name.startswith(_BRANCH_PREFIX) else None
    return Head(commit, branch, _read_operation(repo))


def find_commit(repo: Repository, text: str) -> str | None:
    """Return the full id of the commit that ``text`` names, in any way that Git understands.

    None when it names no commit, or more than one, or begins with a dash.
    """
    if not text or text.startswith("-") or "\0" in text:
        return None
    # A search (":/words") takes all that follows for its pattern, and finds commits only.
    peeled = text if text.startswith(":/") else f"{text}^{{commit}}"
    status, printed, _ = try_git(
        repo, "rev-parse", "--verify", "--quiet", "--end-of-options", peeled
    )
    if status != 0:
        return None
    # "^main" verifies as well, and is printed with its sign.
    found = printed.decode("ascii", "replace").strip()
    return found if _OBJECT_ID.fullmatch(found) else None


def stamp_revision(repo: Repository, text: str) -> Stamp | None:
    """Return what the file system says of all files that decide what ``text`` names.

    As long as it is the same, so is the commit that ``text`` names, or the snapshot. None for what
    other files decide about as well, such as reflogs.
    """
    if _OBJECT_ID.fullmatch(text):
        return ()
    matched = _PLAIN_REVISION.fullmatch(text)
    if matched is None:
        return None
    base = "HEAD" if matched[1] == "@" else matched[1]
    stamps = []
    for file, is_ref in _ref_files(repo.common_dir, repo.git_dir, base):
        stamp = _stamp(file)
        stamps.append(stamp)
        if stamp is None or not is_ref:
            continue
        held = _read_ref(file, stamp)
        for _ in range(_SYMBOLIC_DEPTH):
            if not held.startswith(_SYMBOLIC):
                break
            target = f"{repo.common_dir}/{held.removeprefix(_SYMBOLIC)}"
            stamp = _stamp(target)
            stamps.append(stamp)
            held = "" if stamp is None else _read_ref(target, stamp)
        if _OBJECT_ID.fullmatch(held):  # Git looks no further
            break
    return tuple(stamps)


@lru_cache
def _ref_files(common_dir: Path, git_dir: Path, base: str) -> tuple[tuple[str, bool], ...]:
    """Return the files that decide what the name ``base`` is that of, and whether each is a ref.

    Refs are in Git's order, and after them is what lists snapshots. Those right in the folder of
    a worktree, such as HEAD, are its own; others may be.
    """
    refs = [*(f"{prefix}{base}" for prefix in _REF_PREFIXES), f"refs/remotes/{base}/HEAD"]
    folders = dict.fromkeys((git_dir, common_dir))
    return (
        *((f"{folder}/{name}", False) for name in _REF_LISTS for folder in folders),
        (f"{git_dir}/{base}", True),
        *((f"{folder}/{name}", True) for name in refs for folder in folders),
        (f"{common_dir}/{_SNAPSHOT_LIST}", False),
    )


@lru_cache(_KEPT_REFS)
def _read_ref(path: str, stamp: tuple[int, int, int, int]) -> str:
    """Return what a ref's file with that ``stamp`` holds; an empty text where it is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", opener=_open_ref) as file:
            return file.read(_REF_LIMIT_BYTES).rstrip()
    except (OSError, ValueError):
        return ""


def _open_ref(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _stamp(path: str) -> tuple[int, int, int, int] | None:
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def peel_to_commits(repo: Repository, oids: Iterable[str]) -> dict[str, str]:
    """Return the full id of the commit that each of ``oids``, or of other names, is or names.

    What names no commit, or one that Git cannot read, is left out. One process, unless Git meets a
    damaged object, at which it ends.
    """
    asked = list(dict.fromkeys(oids))
    if not asked:
        return {}
    text = "".join(f"{oid}^{{commit}}\n" for oid in asked)
    lines = text.encode("utf-8", "surrogateescape")
    status, printed, _ = try_git(repo, "cat-file", "--batch-check=%(objectname)", input=lines)
    if status != 0:
        alone = ((oid, find_commit(repo, oid)) for oid in asked)
        return {oid: commit for oid, commit in alone if commit is not None}
    answers = printed.decode("ascii", "replace").splitlines()
    return {
        oid: answer
        for oid, answer in zip(asked, answers, strict=True)
        if _OBJECT_ID.fullmatch(answer)
    }


def first_parents(repo: Repository, commits: Sequence[str]) -> list[str]:
    """Return the first parents of ``commits``, full ids, as far as Git has them."""
    return list(peel_to_commits(repo, [f"{commit}^1" for commit in commits]).values())


def list_kept_commits(repo: Repository, *, without: str) -> list[str]:
    """Return the full ids of all commits by which Git keeps objects.

    Those are what references, reflogs and stashes name, the HEAD of every worktree, and what a
    merge, rebase, cherry-pick or revert under way stands on. References that begin with ``without``
    do not count.

    Raises:
        UnavailableError: Git cannot list them all.
    """
    printed = run_git(
        repo,
        *("rev-list", "--no-walk=unsorted", f"--exclude={without}*", "--all", "--reflog"),
    )
    commits = dict.fromkeys(printed.decode("ascii").split())
    names = ["main-worktree", *(f"worktrees/{one.name}" for one in list_git_dirs(repo)[1:])]
    pseudo = [f"{name}/{head}" for name in names for head in _PSEUDO_REFS]
    return list(dict.fromkeys([*commits, *peel_to_commits(repo, pseudo).values()]))


def list_stashes(repo: Repository) -> list[str]:
    """Return the full ids of the stashed commits, the newest first."""
    printed = run_git(repo, "stash", "list", "--format=%H", allow=(0, 128))
    return printed.decode("ascii", "replace").split()


def list_moves(repo: Repository) -> list[Move]:
    """Return the last thousand moves of HEAD that its reflog has, the newest first."""
    options = ("--walk-reflogs", "--no-show-signature", "--date=unix", "--max-count=1000")
    _, printed, _ = try_git(repo, "log", *options, "--format=%H %gd %gs", "HEAD", "--")
    lines = printed.decode("utf-8", "surrogateescape").split("\n")
    return [
        Move(matched[1], int(matched[2]), matched[3].startswith("commit"))
        for matched in map(_MOVE.fullmatch, lines)
        if matched is not None
    ]


def shorten(repo: Repository, commit: str) -> str:
    """Return the shortest form of ``commit``, a full id, that names it alone."""
    return (
        run_git(repo, "rev-parse", "--short", "--verify", "--end-of-options", commit)
        .decode("ascii")
        .strip()
    )


def read_committed_at(repo: Repository, commit: str) -> datetime:
    """Return when ``commit``, a full id, was committed, in UTC."""
    printed = run_git(repo, "log", "-1", "--no-show-signature", "--format=%ct", commit, "--")
    return datetime.fromtimestamp(int(printed), UTC)


def _read_operation(repo: Repository) -> Operation | None:
    for name, operation in _OPERATION_FILES:
        if (repo.git_dir / name).exists():
            return operation
    return None
