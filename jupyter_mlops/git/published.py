"""What Git's remotes have, compared with what is here."""

from __future__ import annotations

import re

from jupyter_mlops.errors import ConflictError, UnavailableError
from jupyter_mlops.git.process import explanation, run_git, try_git
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import peel_to_commits

_ROW = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\t(.+)")
_FETCH = "git fetch --all --tags --prune"
_ASKED = ("refs/heads/*", "refs/tags/*", "refs/mlops/snapshots/*")


def list_published_commits(repo: Repository) -> list[str]:
    """Return the commits that the branches, tags and snapshots of all Git remotes name.

    Asks each remote. References of other sorts, such as a forge's own of pull requests, do not
    count.

    Raises:
        ConflictError: a commit is not here, or the history here is cut off (code ``not-fetched``).
        UnavailableError: a remote does not answer (code ``git-failed``).
    """
    if run_git(repo, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise _not_fetched("the history of this clone is cut off", "git fetch --unshallow")
    found: dict[str, None] = {}
    for remote in run_git(repo, "remote").decode("utf-8", "surrogateescape").splitlines():
        told = _ask(repo, remote)
        here = peel_to_commits(repo, told)
        absent = [name for oid, name in told.items() if oid not in here and not _is(repo, oid)]
        if absent:
            snapshots = f"git fetch {remote} 'refs/mlops/snapshots/*:refs/mlops/remotes/{remote}/*'"
            raise _not_fetched(
                f"{absent[0]} of the Git remote {remote} is not here as it is there",
                snapshots if absent[0].startswith("refs/mlops/") else _FETCH,
            )
        found.update(dict.fromkeys(here.values()))
    return list(found)


def list_first_commits(repo: Repository) -> list[str]:
    """Return the commits without a parent that HEAD descends from, sorted.

    None where there is no commit yet, or the history is cut off.
    """
    if run_git(repo, "rev-parse", "--is-shallow-repository").strip() == b"true":
        return []
    status, printed, _ = try_git(repo, "rev-list", "--max-parents=0", "HEAD", "--")
    return sorted(printed.decode("ascii").split()) if status == 0 else []


def _ask(repo: Repository, remote: str) -> dict[str, str]:
    """Return the objects that a remote advertises, each with one name of it."""
    status, printed, said = try_git(
        repo,
        *("ls-remote", "--quiet", "--end-of-options", remote, *_ASKED),
        env={"GIT_TERMINAL_PROMPT": "0"},
    )
    if status != 0:
        raise UnavailableError(
            f"The Git remote {remote} could not be asked what it has: {explanation(said)}.",
            code="git-failed",
            hints=(_FETCH,),
        )
    rows = map(_ROW.fullmatch, printed.decode("utf-8", "surrogateescape").splitlines())
    return {row[1]: row[2] for row in rows if row is not None and not row[2].endswith("^{}")}


def _is(repo: Repository, oid: str) -> bool:
    """Return whether Git has an object here; a tag may name one that is no commit."""
    return try_git(repo, "cat-file", "-e", oid)[0] == 0


def _not_fetched(why: str, hint: str) -> ConflictError:
    return ConflictError(
        f"Nothing was collected: {why}, so that it is not known what others need.",
        code="not-fetched",
        hints=(hint,),
    )
