"""The whole state of the working tree as one Git tree, with nothing of the user's moved.

Git works on a private copy of the index: it brings along what Git knows of every file's times, so
that files which have not changed cost one ``stat`` each.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jupyter_mlops.git.dirty_cache import (
    DirtyCache,
    FileState,
    clear_dirty_cache,
    file_state,
    read_dirty_cache,
)
from jupyter_mlops.git.index_file import open_private_index
from jupyter_mlops.git.process import (
    NO_HOOKS,
    encode_names,
    explanation,
    git_failed,
    run_git,
    split_nul,
    try_git,
)
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.trees import object_oid
from jupyter_mlops.units import format_bytes

_SUBMODULE = "160000"
_ABSENT = "000000"
_REGULAR = "100644"
# The private index is thrown away: it is neither split nor told to anyone.
_PRIVATE = (*NO_HOOKS, "-c", "core.splitIndex=false")


class LeftOut(NamedTuple):
    """A file that the tree does not have as it is on disk."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class StateTree:
    """A tree that holds the state of the working tree."""

    tree: str
    """The tree's full id."""
    left_out: tuple[LeftOut, ...]
    """Sorted by path. A file that Git tracks is in the tree as the index has it."""


_Describe = Callable[[Sequence[LeftOut]], Mapping[str, bytes]]


class _Changed(NamedTuple):
    """One row of ``git status``: a path that differs from the index."""

    path: str
    kept_as: str | None
    """The ``mode oid`` at which a submodule stays; None for all else."""
    deleted: bool
    untracked: bool
    unmerged: bool = False


class _ToAdd(NamedTuple):
    path: str
    state: FileState


def write_state_tree(
    repo: Repository,
    *,
    extra: Mapping[str, bytes],
    file_limit_bytes: int,
    untracked_limit_bytes: int,
    leave_out: Callable[[str], str | None] = lambda path: None,
    describe: _Describe = lambda left_out: {},
    now_ns: Callable[[], int] = time.time_ns,
) -> StateTree:
    """Write the tree of the index with every changed and every new file that Git does not ignore.

    Files go through their clean filters. Conflicts are taken as they stand in the files, submodules
    at the commit in the index, files outside a sparse checkout from the index. HEAD, index and
    files stay as they are. What is written becomes durable with the reference that is made to it by
    :func:`jupyter_mlops.git.refs.update_refs`.

    Args:
        repo: the repository.
        extra: files to have in the tree with these bytes, whatever is on disk.
        file_limit_bytes: a larger file is left out.
        untracked_limit_bytes: how much all new files together may be; those that would pass it, in
            order of their paths, are left out.
        leave_out: called with the path of each changed or new file; returns why it is to be left
            out, or None.
        describe: called with what is left out, sorted; returns more files as ``extra`` does.
        now_ns: tells the time in nanoseconds since 1970, as files' times are told.

    Raises:
        UnavailableError: Git fails (say, a filter that is required cannot run), or the disk is
        full.
    """
    limits = _Limits(file_limit_bytes, untracked_limit_bytes, leave_out)
    try:
        return _write(repo, extra, limits, describe, now_ns())
    except _MissingBlobError:
        clear_dirty_cache(repo)
    return _write(repo, extra, limits, describe, now_ns())


class _MissingBlobError(Exception):
    """A blob that the cache names has been pruned."""


@dataclass(frozen=True, slots=True)
class _Limits:
    file_bytes: int
    untracked_bytes: int
    leave_out: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What makes the tree of the index the tree of the working tree."""

    rows: list[str]
    """Rows for ``update-index --index-info``."""
    add: list[_ToAdd]
    left_out: list[LeftOut]


def _write(
    repo: Repository,
    extra: Mapping[str, bytes],
    limits: _Limits,
    describe: _Describe,
    now_ns: int,
) -> StateTree:
    with open_private_index(repo) as private:
        env = {"GIT_INDEX_FILE": str(private)}
        changed = [row for row in _read_changed(repo, env) if row.path not in extra]
        plan = _plan(repo, changed, limits)
        left_out = tuple(sorted(plan.left_out))
        given = {**extra, **describe(left_out)}
        adds = [add for add in plan.add if add.path not in given]
        cache = read_dirty_cache(repo, (add.path for add in adds))
        known, unknown = _split_known(adds, cache, now_ns)
        # What is gone goes before files are added: a folder may stand where a file was.
        _apply_rows(repo, env, [*plan.rows, *known, *_write_given(repo, given)])
        if unknown:
            _add_files(repo, env, unknown)
            _record(repo, env, unknown, cache, now_ns)
        _settle(private, now_ns)
        tree = _write_tree(repo, env, may_miss=bool(known))
        cache.write(repo)
    return StateTree(tree, left_out)


def _read_changed(repo: Repository, env: Mapping[str, str]) -> Iterator[_Changed]:
    """Yield what differs between the index and the working tree; submodules are not looked into."""
    printed = run_git(
        repo,
        *("status", "--porcelain=v2", "-z", "--untracked-files=all"),
        *("--no-renames", "--ignore-submodules=all"),
        env=env,
    )
    for row in split_nul(printed):
        kind, rest = row.split(" ", 1)
        if kind == "?":
            yield _Changed(rest, kept_as=None, deleted=False, untracked=True)
        elif kind == "1":
            states, _, _, index_mode, disk_mode, _, oid, path = rest.split(" ", 7)
            kept_as = f"{index_mode} {oid}" if index_mode == _SUBMODULE else None
            if states[1] != ".":
                yield _Changed(path, kept_as, deleted=disk_mode == _ABSENT, untracked=False)
        elif kind == "u":
            _, _, _, our_mode, _, disk_mode, _, our_oid, _, path = rest.split(" ", 9)
            kept_as = f"{our_mode} {our_oid}" if our_mode == _SUBMODULE else None
            deleted = disk_mode == _ABSENT
            yield _Changed(path, kept_as, deleted=deleted, untracked=False, unmerged=True)


def _plan(repo: Repository, changed: Iterable[_Changed], limits: _Limits) -> _Plan:
    """Decide what becomes of each changed path; looks at each file once, reads none."""
    plan = _Plan([], [], [])
    untracked_bytes = 0
    for row in sorted(changed, key=lambda row: row.path):
        if row.kept_as is not None:
            plan.rows.append(f"{row.kept_as} 0\t{row.path}")
            continue
        why = limits.leave_out(row.path)
        found = None if row.deleted else _stat(repo.root / row.path)
        if why is None and row.untracked and row.path.endswith("/"):
            why = "it is another Git repository"
        if why is None and (found is None or stat.S_ISDIR(found.st_mode)):
            if not row.untracked:
                plan.rows.append(f"0 {repo.null_oid}\t{row.path}")
            continue
        if why is None and found is not None:
            why = _refuse(repo.root / row.path, found, row.untracked, untracked_bytes, limits)
        if why is not None or found is None:
            plan.left_out.append(LeftOut(row.path, why or "it is gone"))
            if row.unmerged:  # the index has three versions of it, of which a tree can have none
                plan.rows.append(f"0 {repo.null_oid}\t{row.path}")
            continue
        if row.untracked:
            untracked_bytes += found.st_size
        plan.add.append(_ToAdd(row.path, file_state(found)))
    return plan


def _refuse(
    path: Path, found: os.stat_result, untracked: bool, untracked_bytes: int, limits: _Limits
) -> str | None:
    """Return why the file is too much, or None."""
    if found.st_size > limits.file_bytes:
        return f"it is larger than {format_bytes(limits.file_bytes)}"
    if untracked and untracked_bytes + found.st_size > limits.untracked_bytes:
        return f"new files are more than {format_bytes(limits.untracked_bytes)} together"
    if stat.S_ISREG(found.st_mode) and not os.access(path, os.R_OK):
        return "it cannot be read"
    return None


def _split_known(
    adds: Sequence[_ToAdd], cache: DirtyCache, now_ns: int
) -> tuple[list[str], list[_ToAdd]]:
    """Return index rows for the files whose blobs are known, and the files whose are not."""
    known, unknown = [], []
    for add in adds:
        found = cache.find(add.path, add.state, now_ns)
        if found is None:
            unknown.append(add)
        else:
            known.append(f"{found[0]} {found[1]} 0\t{add.path}")
    return known, unknown


def _apply_rows(repo: Repository, env: Mapping[str, str], rows: Sequence[str]) -> None:
    if rows:
        args = (*_PRIVATE, "update-index", "-z", "--index-info")
        run_git(repo, *args, input=encode_names(rows), env=env, durable="objects")


def _add_files(repo: Repository, env: Mapping[str, str], files: Iterable[_ToAdd]) -> None:
    args = (*_PRIVATE, "update-index", "-z", "--add", "--remove", "--replace", "--stdin")
    names = encode_names(file.path for file in files)
    # whether all are there, Git looks when it writes the tree
    run_git(repo, *args, input=names, env=env, durable="many objects")


def _record(
    repo: Repository,
    env: Mapping[str, str],
    added: Iterable[_ToAdd],
    cache: DirtyCache,
    now_ns: int,
) -> None:
    """Put what Git has made of files into the cache."""
    states = {add.path: add.state for add in added}
    for row in split_nul(run_git(repo, "ls-files", "--stage", "-z", env=env)):
        described, path = row.split("\t", 1)
        if path in states:
            mode, oid, _ = described.split(" ")
            cache.record(path, states[path], now_ns, mode, oid)


def _write_given(repo: Repository, given: Mapping[str, bytes]) -> Iterator[str]:
    """Write the blobs of ``given`` that Git lacks, and yield an index row for each."""
    oids = {path: blob_oid(repo, content) for path, content in given.items()}
    missing = _missing(repo, oids.values())
    for path, content in given.items():
        if oids[path] in missing:
            missing.discard(oids[path])
            run_git(
                repo,
                *("hash-object", "-w", "--no-filters", "--stdin"),
                input=content,
                durable="objects",
            )
        yield f"{_REGULAR} {oids[path]} 0\t{path}"


def _missing(repo: Repository, oids: Iterable[str]) -> set[str]:
    """Return those of ``oids`` that the repository lacks; one that stands alone is taken as new."""
    wanted = set(oids)
    if len(wanted) < 2:
        return wanted
    asked = "".join(f"{oid}\n" for oid in sorted(wanted)).encode("ascii")
    printed = run_git(repo, "cat-file", "--batch-check=%(objectname)", input=asked)
    return {line.split(" ")[0] for line in printed.decode("ascii").splitlines() if " " in line}


def blob_oid(repo: Repository, content: bytes) -> str:
    """Return the full id that Git gives to a blob of these bytes."""
    return object_oid(repo, b"blob", content)


def _settle(private: Path, now_ns: int) -> None:
    """Give an index that is looked at no more a time after that of all files.

    Else Git, which writes it once more with the tree, would run the filters of all files again that
    are not older than it, to see whether they have changed since. Where no time can be given, that
    is all that it costs.
    """
    with suppress(OSError):
        os.utime(private, ns=(now_ns, now_ns + 3_600_000_000_000))


def _write_tree(repo: Repository, env: Mapping[str, str], *, may_miss: bool) -> str:
    args = (*_PRIVATE, "write-tree")
    status, printed, said = try_git(repo, *args, env=env, durable="objects")
    if status != 0:
        if may_miss:
            raise _MissingBlobError(explanation(said))
        raise git_failed(args, said)
    return printed.decode("ascii").strip()


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
