"""Files that only look changed: what Git takes of them is what its index has.

Git compares sizes before it asks a filter, so a notebook with new outputs counts as modified, and
stands in the way of a switch, until it is staged again. That changes nothing in the index but what
it knows of the file's size and times.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jupyter_mlops.git.attributes import read_attributes
from jupyter_mlops.git.dirty_cache import file_state, read_dirty_cache
from jupyter_mlops.git.index_file import open_private_index, put_index_back, read_index_stat
from jupyter_mlops.git.process import (
    NO_HOOKS,
    encode_names,
    run_git,
    split_nul,
    try_git,
)
from jupyter_mlops.git.repository import Repository

_CACHE = "dirty-notebooks"
_FAILING = 3


@dataclass(frozen=True, slots=True)
class Settled:
    """The files that count as unchanged now, sorted, and what filters said, a line each."""

    paths: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


def settle_unchanged(
    repo: Repository,
    pattern: str,
    *,
    driver: str,
    choose: Callable[[list[str]], list[str]] = list,
    kept_in: str | None = None,
    now_ns: Callable[[], int] = time.time_ns,
) -> Settled:
    """Let the files that match ``pattern`` and only look changed count as unchanged.

    Filters run for those that look changed, on a private copy of the index. That takes the index's
    place only if no other program has moved or locked it meanwhile; nobody is waited for. What is
    really changed, in a conflict or not in the index stays as it is.

    Args:
        repo: the repository.
        pattern: which files; ``*`` matches any characters, ``/`` among them.
        driver: the filter that they go through; files with another one stay as they are.
        choose: returns those of the files that Git may write over, now that the filter has run; it
            does so without asking once they count as unchanged.
        kept_in: a commit that has the files as they are on disk, which spares the filters of those
            that it has otherwise than the index.
        now_ns: tells the time in nanoseconds since 1970, as files' times are told.

    Raises:
        UnavailableError: Git fails; nothing was changed.
        OSError: a file vanished meanwhile; likewise.
    """
    expected, looked_at_ns = read_index_stat(repo), now_ns()
    looking = _list_modified(repo, pattern)
    filters = read_attributes(repo, looking, ("filter",)) if looking else {}
    looking = [path for path in looking if filters[path].get("filter") == driver]
    if looking and kept_in is not None:
        words = ("diff-index", "--cached", "--name-only", "--no-renames", "-z", kept_in, "--")
        changed = set(split_nul(run_git(repo, *words, f":(top){pattern}")))
        looking = [path for path in looking if path not in changed]
    if not looking:
        return Settled()
    states = {path: file_state((repo.root / path).lstat()) for path in looking}
    staged = _read_staged(repo, pattern, {})
    cache = read_dirty_cache(repo, looking, _CACHE)
    said: list[str] = []

    def may_be_same(path: str) -> bool:
        known = cache.find(path, states[path], looked_at_ns)
        return known is None or staged.get(path) == _Staged(*known)

    looking = list(filter(may_be_same, looking))
    while looking:
        with open_private_index(repo) as private:
            env = {"GIT_INDEX_FILE": str(private)}
            taken = _stage(repo, env, looking, said)
            made = _read_staged(repo, pattern, env)
            same = [path for path in taken if made.get(path) == staged.get(path)]
            going = choose(same)
            if going == looking:
                if not put_index_back(repo, private, expected, patience_seconds=0):
                    looking = []
                break
        for path in set(taken) - set(same):
            if (blob := made.get(path)) is not None:
                cache.record(path, states[path], looked_at_ns, *blob)
        looking = going
    cache.write(repo)
    return Settled(tuple(looking), tuple(dict.fromkeys(said)))


class _Staged(NamedTuple):
    mode: str
    oid: str


def _list_modified(repo: Repository, pattern: str) -> list[str]:
    words = ("diff-files", "--name-only", "--diff-filter=M", "--ignore-submodules=all", "-z", "--")
    return sorted(set(split_nul(run_git(repo, *words, f":(top){pattern}"))))


def _stage(
    repo: Repository, env: Mapping[str, str], paths: list[str], said: list[str]
) -> list[str]:
    """Stage files that are in the index; return those that Git took, and add what filters said.

    Git takes all files of a call or none, so after a failure each half is tried, until the file
    that fails stands alone. Where several fail, it is not for what they are: the rest is left.
    """
    args = (*NO_HOOKS, "-c", "core.splitIndex=false", "update-index", "-z", "--stdin")
    taken: list[str] = []
    parts = [paths]
    failed = 0
    while parts and failed < _FAILING:
        part = parts.pop()
        status, _, told = try_git(repo, *args, input=encode_names(part), env=env)
        if status == 0:
            taken += part
            said += told.decode("utf-8", "replace").splitlines()
        elif len(part) == 1:
            failed += 1
        else:
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]
    return taken


def _read_staged(repo: Repository, pattern: str, env: Mapping[str, str]) -> dict[str, _Staged]:
    """Return what the index has of each file that matches, but for those in a conflict."""
    printed = run_git(repo, "ls-files", "-z", "--stage", "--", f":(top){pattern}", env=env)
    found = {}
    for row in split_nul(printed):
        described, path = row.split("\t", 1)
        mode, oid, stage = described.split(" ")
        if stage == "0":
            found[path] = _Staged(mode, oid)
    return found
