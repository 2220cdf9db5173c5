"""Where a branch began: the target of a pull request, and the commit both have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from jupyter_mlops.git.process import run_git, split_nul, try_git
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import find_commit
from jupyter_mlops.git.shallow import find_merge_base, is_shallow

_OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_COMMIT_VARIABLES = ("CI_MERGE_REQUEST_DIFF_BASE_SHA",)
_TARGET_VARIABLES = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "CHANGE_TARGET",
)
_DEFAULTS = ("main", "master", "trunk")
_LOCAL = "refs/heads/"


class Base(NamedTuple):
    """The commit that a branch is compared with, None where it is not known; ``why`` says which.

    ``why`` completes "compares with". ``is_none``: it is known that there is no such commit.
    """

    commit: str | None
    why: str
    is_none: bool = False


def find_base(repo: Repository, head: str, named: str | None, environ: Mapping[str, str]) -> Base:
    """Return the commit at which the branch of ``head`` left the one that it goes into.

    That branch is ``named``, else what the CI system says of the pull request in ``environ``, else
    the default branch. On that branch itself it is the commit before ``head``.

    Args:
        repo: the repository.
        head: the full id of the commit that is checked.
        named: a revision, in any form that Git understands.
        environ: variables of the process.
    """
    if named is not None:
        target = find_commit(repo, named)
        return _common(repo, head, target, f"the base {named}")
    for variable in _COMMIT_VARIABLES:
        if _OBJECT_ID.fullmatch(environ.get(variable, "")):
            commit = find_commit(repo, environ[variable])
            return Base(commit, f"the base {environ[variable][:10]}, as {variable} says")
    for variable in _TARGET_VARIABLES:
        if branch := environ.get(variable, "").removeprefix(_LOCAL):
            target = find_branch(repo, branch)
            return _common(repo, head, target, f"the base branch {branch}, as {variable} says")
    branch = find_default_branch(repo) or ""
    if not branch:
        return Base(None, "the base, but there is no main branch")
    return _common(repo, head, find_branch(repo, branch), f"the base branch {branch}")


def find_branch(repo: Repository, branch: str) -> str | None:
    """Return the tip of a branch as ``origin`` has it, else as it is here."""
    for prefix in ("refs/remotes/origin/", _LOCAL):
        commit = find_commit(repo, f"{prefix}{branch}")
        if commit is not None:
            return commit
    return None


def find_default_branch(repo: Repository) -> str | None:
    """Return the name of the main branch: what ``origin/HEAD`` is, else ``main`` and its like."""
    words = ("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
    status, printed, _ = try_git(repo, *words)
    if status == 0:
        name = printed.decode("utf-8", "surrogateescape").strip()
        return name.removeprefix("refs/remotes/origin/")
    return next((name for name in _DEFAULTS if find_branch(repo, name) is not None), None)


def _common(repo: Repository, head: str, target: str | None, why: str) -> Base:
    if target is None:
        return Base(None, f"{why}, which this clone does not know")
    common = find_merge_base(repo, head, target)
    if common is None:
        if is_shallow(repo):
            return Base(None, f"{why}, and the history of this clone is cut off")
        return Base(None, f"{why}, with which this branch has no commit in common")
    if common != head:
        return Base(common, why)
    before = find_commit(repo, f"{head}^1")
    if before is None:
        if is_shallow(repo):
            return Base(None, "the commit before, and the history of this clone is cut off")
        return Base(None, f"the commit before {head[:10]}, but there is none", is_none=True)
    return Base(before, f"the commit before, as this one is in {why.removeprefix('the base ')}")


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
