"""What the commands for CI share: where they run, and the forge they speak with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.forge.context import Context, read_context, with_remote
from jupyter_mlops.forge.open import git_settings, require_repository
from jupyter_mlops.forge.protocol import Forge
from jupyter_mlops.git.config import read_setting
from jupyter_mlops.git.remotes import choose_git_remote
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.revisions import find_commit, head
from jupyter_mlops.git.shallow import fetch_commit, find_merge_base, is_shallow

_EVENT_LIMIT_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a command runs: what variables say, the clone if there is one, its remote."""

    context: Context
    repo: Repository | None
    remote: str | None


def read_surroundings(cwd: Path, environ: Mapping[str, str]) -> Surroundings:
    """Where a command runs: what variables say, the clone if there is one, its Git remote."""
    context = read_context(environ, _read_event(environ.get("GITHUB_EVENT_PATH", "")))
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


def resolve_base(
    around: Surroundings, forge: Forge | None, environ: Mapping[str, str]
) -> str | None:
    """Return the commit that this state is compared with, and bring it here where it is not.

    It is where the branch parted from the one it is to be merged into: as the clone knows it, and
    where that is shallow, as the forge does; where neither knows, the commit that the CI system
    names for the target branch. None where there is no such branch.

    Raises:
        MlopsError: the forge or the Git remote fails.
    """
    context, repo, remote = around.context, around.repo, around.remote
    if repo is None:
        return None
    head = context.commit if context.commit and find_commit(repo, context.commit) else "HEAD"
    base = context.base_commit or context.base_branch
    if base is None:
        return None
    known = find_commit(repo, f"{remote}/{base}") or find_commit(repo, base)
    here = find_merge_base(repo, known, head) if known else None
    if here is not None or not is_shallow(repo):
        return here
    asked = None
    if forge is not None and context.commit is not None:
        asked = forge.find_merge_base(base, context.commit)
        if asked is None and context.branch is not None and context.base_branch is not None:
            asked = forge.find_merge_base(context.base_branch, context.branch)
    asked = asked or context.base_commit
    if asked is not None and remote is not None:
        settings = git_settings(require_repository(context), environ) if context.repository else {}
        fetch_commit(repo, remote, asked, env=settings)
    return asked


def _read_event(path: str) -> Mapping[str, Any]:
    """Return the event that a job was started by; nothing where its file cannot be read."""
    try:
        with open(path, "rb") as file:
            told = json.loads(file.read(_EVENT_LIMIT_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
