"""Where a branch began: what it goes into, and the commit both have in common."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.git.config import read_setting
from jupyter_mlops.git.process import run_git, split_nul, try_git
from jupyter_mlops.git.refs import is_ref_name
from jupyter_mlops.git.remotes import (
    choose_git_remote,
    fetch_objects,
    list_remote_refs,
    read_remote_default,
)
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import find_commit
from jupyter_mlops.git.shallow import find_merge_base, is_shallow, list_ends

_DEFAULTS = ("main", "master", "trunk")
_BRANCHES = "refs/heads/"
_ORIGIN = "origin"
_COMMIT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LEAST_DEPTH = 64
_DEEPER = 4
_INFINITE_DEPTH = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Target:
    """What a state is compared with, as somebody named it.

    ``said`` completes "compared with", and ``by`` is who named it, where that is a program.
    ``is_branch``: ``name`` is a branch of the Git remote, and not whatever else is called so here.
    """

    name: str
    said: str
    is_branch: bool = False
    by: str | None = None


class Base(NamedTuple):
    """The commit that a state is compared with; None: there is none, as ``why`` says.

    ``why`` completes "compared with". ``is_none``: it is known that there is no such commit.
    ``fix``: what mends that there is none, although there should be.
    """

    commit: str | None
    why: str
    is_none: bool = False
    fix: str | None = None

    def require(self) -> Base:
        """Return it where nothing is to be mended.

        Raises:
            NotFoundError: else (code ``base-not-found``).
        """
        if self.fix is None:
            return self
        raise NotFoundError(
            f"There is nothing to compare with: {self.why}.",
            code="base-not-found",
            hints=(self.fix,),
        )


def find_base(
    repo: Repository, head: str, target: Target | None, *, env: Mapping[str, str] | None = None
) -> Base:
    """Return the commit at which the history of ``head`` left that of ``target``.

    Where ``head`` is in the history of ``target`` itself, it is the commit before. Into a shallow
    clone as much of both histories is brought from its Git remote as this takes, and into any clone
    a branch of the remote that it does not have.

    Args:
        repo: the repository.
        head: the full id of the commit that is compared.
        target: what it is compared with; None: the default branch, if there is one.
        env: variables for Git, such as a token for a host.

    Raises:
        UnavailableError: the Git remote cannot be read (code ``git-remote-unreachable``).
    """
    history = _History(repo, head, env or {})
    wanted = target or history.find_default()
    if wanted is None:
        return Base(None, "the base, but there is no main branch")
    found = history.look(wanted)
    if found.commit is None and not found.is_none and history.may_lack(wanted):
        found = history.bring(wanted)
    if target is None and not is_shallow(repo):
        return found._replace(fix=None)
    return found


@dataclass(frozen=True)
class _History:
    """What is here of the history of ``head``, and where more of it is."""

    repo: Repository
    head: str
    env: Mapping[str, str]

    @cached_property
    def remote(self) -> str | None:
        """The Git remote that has the branches which others go into."""
        if read_setting(self.repo, f"remote.{_ORIGIN}.url") is not None:
            return _ORIGIN
        return choose_git_remote(self.repo)

    def find_default(self) -> Target | None:
        """Return the default branch; of a shallow clone the remote says which it is."""
        branch = find_default_branch(self.repo, self.remote or _ORIGIN)
        if branch is None and self.remote is not None and is_shallow(self.repo):
            branch = read_remote_default(self.repo, self.remote, env=self.env)
        return Target(branch, f"the base branch {branch}", is_branch=True) if branch else None

    def look(self, target: Target) -> Base:
        """Return the base as far as it can be told by what is here."""
        tip = self.find_tip(target)
        if tip is None:
            return self._miss(f"{_spell(target)}, which this clone does not know")
        cut_off = "and the history of this clone is cut off"
        common = find_merge_base(self.repo, self.head, tip)
        if common is None:
            if is_shallow(self.repo):
                return self._miss(f"{_spell(target)}, {cut_off}")
            return self._miss(f"{_spell(target)}, with which this branch has no commit in common")
        if common != self.head:
            return Base(common, target.said)
        before = find_commit(self.repo, f"{self.head}^1")
        if before is not None:
            branch = target.said.removeprefix("the base ")
            return Base(before, f"the commit before, as this one is in {branch}")
        if list_ends(self.repo, [self.head]):
            return self._miss(f"the commit before, {cut_off}")
        return Base(None, f"the commit before {self.head[:10]}, but there is none", is_none=True)

    def _miss(self, why: str) -> Base:
        """Return that there is no base, with the command that mends it or shows what there is."""
        if self.remote is None:
            return Base(None, why, fix="git log --oneline --all")
        name = shlex.quote(self.remote)
        shallow = is_shallow(self.repo)
        return Base(
            None, why, fix=f"git fetch --unshallow {name}" if shallow else f"git fetch {name}"
        )

    def find_tip(self, target: Target) -> str | None:
        """Return the commit that ``target`` names here; of a branch the remote's goes first."""
        remote = self.remote or _ORIGIN
        if target.is_branch:
            return find_branch(self.repo, target.name, remote)
        commit = find_commit(self.repo, target.name)
        return commit or find_commit(self.repo, f"refs/remotes/{remote}/{target.name}")

    def may_lack(self, target: Target) -> bool:
        """Return whether the remote may have what is missing here."""
        if self.remote is None:
            return False
        return is_shallow(self.repo) or (target.is_branch and self.find_tip(target) is None)

    def bring(self, target: Target) -> Base:
        """Return the base, after as much of both histories has been brought as it takes."""
        assert self.remote is not None
        wanted = []
        tip = self.find_tip(target)
        if tip is None:
            source = self._find_source(target, self.remote)
            if source is None:
                return Base(
                    None,
                    f"{_spell(target)}, which {self.remote} does not have",
                    fix=f"git ls-remote {shlex.quote(self.remote)}",
                )
            wanted.append(source)
        depth = _LEAST_DEPTH if is_shallow(self.repo) else None
        while depth is None or depth < _INFINITE_DEPTH:
            ends = list_ends(self.repo, [self.head, *([tip] if tip is not None else [])])
            if not ends and not wanted:
                break
            fetch_objects(self.repo, self.remote, [*ends, *wanted], depth=depth, env=self.env)
            found = self.look(target)
            if found.commit is not None or found.is_none:
                return found
            tip = self.find_tip(target)
            wanted = []
            depth = depth * _DEEPER if depth is not None else None
        return self.look(target)

    def _find_source(self, target: Target, remote: str) -> str | None:
        """Return what is to be fetched for ``target``, None where the remote does not have it."""
        if _COMMIT_ID.fullmatch(target.name) and not target.is_branch:
            return target.name
        name = target.name.removeprefix(f"{remote}/")
        branch, tag = f"{_BRANCHES}{name}", f"refs/tags/{name}"
        if self._has(remote, branch):
            return f"+{branch}:refs/remotes/{remote}/{name}"
        return f"{tag}:{tag}" if not target.is_branch and self._has(remote, tag) else None

    def _has(self, remote: str, ref: str) -> bool:
        if not is_ref_name(self.repo, ref):
            return False
        return ref in list_remote_refs(self.repo, remote, ref, env=self.env)


def _spell(target: Target) -> str:
    """Return what was named, and by whom."""
    return target.said if target.by is None else f"{target.said}, as {target.by} says"


def find_branch(repo: Repository, branch: str, remote: str = _ORIGIN) -> str | None:
    """Return the tip of a branch as ``remote`` has it, else as it is here."""
    for prefix in (f"refs/remotes/{remote}/", _BRANCHES):
        commit = find_commit(repo, f"{prefix}{branch}")
        if commit is not None:
            return commit
    return None


def find_default_branch(repo: Repository, remote: str = _ORIGIN) -> str | None:
    """Return the name of the main branch: what ``remote``'s HEAD is, else ``main`` and its like."""
    prefix = f"refs/remotes/{remote}/"
    status, printed, _ = try_git(repo, "symbolic-ref", "--quiet", f"{prefix}HEAD")
    if status == 0:
        return printed.decode("utf-8", "surrogateescape").strip().removeprefix(prefix)
    return next((name for name in _DEFAULTS if find_branch(repo, name, remote)), None)


def list_sizes(repo: Repository) -> dict[str, int]:
    """Return the size in bytes of each regular file in Git's index, by path."""
    printed = run_git(repo, "ls-files", "-z", "--stage", "--")
    rows = [row.split("\t", 1) for row in split_nul(printed)]
    blobs = {path: oid for d, path in rows for m, oid, s in [d.split(" ")] if m[:3] == "100"}
    if not blobs:
        return {}
    asked = "".join(f"{oid}\n" for oid in dict.fromkeys(blobs.values())).encode("ascii")
    answered = run_git(repo, "cat-file", "--batch-check=%(objectname) %(objectsize)", input=asked)
    sizes = dict(line.split(" ", 1) for line in answered.decode("ascii", "replace").splitlines())
    return {path: int(size) for path, oid in blobs.items() if (size := sizes[oid]).isdigit()}


def list_first_parent(repo: Repository, commit: str, count: int) -> list[str]:
    """Return the full ids of at most ``count`` commits from ``commit`` back, first parents only."""
    words = ("rev-list", "--first-parent", f"--max-count={count}", commit, "--")
    return run_git(repo, *words).decode("ascii").split()
