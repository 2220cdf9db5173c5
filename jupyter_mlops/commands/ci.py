"""What the commands for CI share: where they run, and the forge they speak with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.forge.context import Context, read_context, with_remote
from jupyter_mlops.forge.open import git_settings
from jupyter_mlops.git.bases import Base, Target, find_base
from jupyter_mlops.git.config import read_setting
from jupyter_mlops.git.remotes import choose_git_remote
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.revisions import Head, find_commit, head

_EVENT_LIMIT_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a command runs: what variables say, the clone if there is one, its remote."""

    context: Context
    repo: Repository | None
    remote: str | None


def read_surroundings(cwd: Path, environ: Mapping[str, str]) -> Surroundings:
    """Where a command runs: what variables say, the clone if there is one, its Git remote."""
    context = _read_context(environ)
    try:
        repo = open_repository(cwd)
        remote = choose_git_remote(repo)
    except MlopsError:
        return Surroundings(context, None, None)
    url = read_setting(repo, f"remote.{remote}.url") if remote else None
    context = with_remote(context, url) if url else context
    if context.system == "no CI":  # what is checked out is what is meant
        at = head(repo)
        context = replace(context, commit=at.commit, branch=at.branch)
    return Surroundings(context, repo, remote)


FORKS = "jupyter mlops ci init --github --forks"
"""What mends a token that may only read because the pull request is a fork's."""


def is_fork_of_github(context: Context) -> bool:
    """Return whether GitHub gives this job a token that may only read, whatever its workflow says.

    So it is with pull requests from forks, but not in a workflow that another one started.
    """
    return (
        context.from_fork and context.system == "GitHub Actions" and context.event == "pull_request"
    )


def find_state_base(
    repo: Repository, commit: str, named: str | None, environ: Mapping[str, str]
) -> Base:
    """Return what the state at HEAD, the full id ``commit``, is compared with.

    It is where the history of HEAD left that of ``named``, a revision or a branch, else that of the
    branch which the CI system names for the pull request, else that of the default branch. What a
    shallow clone lacks for it is brought from the Git remote.

    Raises:
        UnavailableError: the Git remote cannot be read.
    """
    context = _read_context(environ)
    variables = _git_variables(repo, context, environ)
    if named is not None:
        return find_base(repo, commit, Target(named, f"the base {named}"), env=variables)
    targets: list[Target | None] = [*_list_targets(context)]
    first, *others = targets or [None]
    found = find_base(repo, commit, first, env=variables)
    if found.fix is not None:
        for target in others:
            instead = find_base(repo, commit, target, env=variables)
            if instead.fix is None:
                return instead
    return found


def name_state(
    repo: Repository, now: Head, environ: Mapping[str, str]
) -> tuple[str | None, str | None]:
    """Return the commit and the branch by which others know the state at HEAD.

    Of the merge that a forge makes to check a pull request, and of a pull request's commit on no
    branch, they are the pull request's own.
    """
    context = _read_context(environ)
    if now.branch is not None or context.commit is None:
        return now.commit, now.branch
    if context.commit in (now.commit, find_commit(repo, f"{now.commit}^2")):
        return context.commit, context.branch
    return now.commit, None


def _list_targets(context: Context) -> list[Target]:
    """Return what the CI system names: the branch, and a commit for where that is gone."""
    branch, commit = context.base_branch, context.base_commit
    targets = []
    if branch is not None:
        said = f"the base branch {branch}"
        targets.append(Target(branch, said, is_branch=True, by=context.system))
    if commit is not None:
        targets.append(Target(commit, f"the base {commit[:10]}", by=context.system))
    return targets


def _git_variables(
    repo: Repository, context: Context, environ: Mapping[str, str]
) -> Mapping[str, str]:
    """Return variables by which Git may read its remote in a job; a person's own Git may."""
    if context.system == "no CI":
        return {}
    remote = choose_git_remote(repo)
    url = read_setting(repo, f"remote.{remote}.url") if remote else None
    known = with_remote(context, url) if url else context
    return git_settings(known.repository, environ) if known.repository is not None else {}


def _read_context(environ: Mapping[str, str]) -> Context:
    return read_context(environ, _read_event(environ.get("GITHUB_EVENT_PATH", "")))


def _read_event(path: str) -> Mapping[str, Any]:
    """Return the event that a job was started by; nothing where its file cannot be read."""
    try:
        with open(path, "rb") as file:
            told = json.loads(file.read(_EVENT_LIMIT_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
