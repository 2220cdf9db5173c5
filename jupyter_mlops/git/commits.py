"""Commits: the hidden ones that hold a snapshot, and ordinary ones on the user's branch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from jupyter_mlops.errors import ConflictError, UsageError
from jupyter_mlops.git.index_file import (
    clear_own_lock,
    open_private_index,
    put_index_back,
    read_index_stat,
)
from jupyter_mlops.git.left_locks import noted_locks
from jupyter_mlops.git.process import (
    explanation,
    git_failed,
    literal,
    run_git,
    split_nul,
    try_git,
)
from jupyter_mlops.git.refs import sync_objects
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import Head, head
from jupyter_mlops.git.staging import stage_paths

HOOKS_OFF_VARIABLE = "MLOPS_HOOKS_OFF"
"""Set to ``1`` for Git commands of ours, so that the hooks which ``init`` made do nothing."""

_FALLBACK_NAME = "jupyter-mlops"
_FALLBACK_EMAIL = "mlops@localhost"
# Git guesses a name from the machine's list of users: that is no identity that anyone has chosen.
_NO_GUESSING = ("-c", "user.useConfigOnly=true", "-c", "i18n.commitEncoding=UTF-8")


def commit_tree(
    repo: Repository, tree: str, parents: Sequence[str], message: str, when: datetime
) -> str:
    """Make a commit object and return its id; no reference, index or file is touched.

    The user's identity is taken, or ``jupyter-mlops <mlops@localhost>`` where there is none.
    Reaching it by :func:`jupyter_mlops.git.refs.update_refs` makes it durable.

    Args:
        repo: the repository.
        tree: the full id of the tree.
        parents: full ids of commits.
        message: what it is for; may be empty.
        when: its time, aware.

    Raises:
        UsageError: the message holds a NUL character.
    """
    if "\0" in message:
        raise UsageError("A message cannot hold a NUL character.", code="message-invalid")
    date = f"{int(when.timestamp())} {when:%z}"
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    named = [arg for parent in parents for arg in ("-p", parent)]
    args = (*_NO_GUESSING, "commit-tree", tree, *named, "-F", "-")
    text = _encode_message(message)
    status, printed, said = try_git(repo, *args, input=text, env=dates, durable="objects")
    if status != 0:
        if has_identity(repo):
            raise git_failed(args, said)
        env = dates | _fallback_identity()
        printed = run_git(repo, *args, input=text, env=env, durable="objects")
    return printed.decode("ascii").strip()


def has_identity(repo: Repository) -> bool:
    """Return whether the user has told Git a name and an address, in settings or environment."""
    return all(
        try_git(repo, *_NO_GUESSING, "var", who)[0] == 0
        for who in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT")
    )


def commit_paths(repo: Repository, paths: Sequence[str], message: str) -> str | None:
    """Commit ``paths`` as they are on disk to the current branch, and nothing else that is staged.

    The user's hooks run, ours do not. Once this returns, the commit survives a power cut, and the
    index has the paths as the commit has them; a commit that is refused leaves the index as it was.

    Returns:
        The commit's full id; None when ``paths`` are as HEAD has them, and no commit was made.

    Raises:
        ConflictError: the user has no identity (``identity-missing``), a merge or the like is under
            way (``operation-in-progress``), or a hook refuses (``commit-refused``). Nothing was
            committed.
        UsageError: the message is empty or holds a NUL character.
        UnavailableError: Git fails otherwise.
    """
    if not message.strip() or "\0" in message:
        raise UsageError("A commit needs a message without NUL characters.", code="message-invalid")
    clear_own_lock(repo)
    before = head(repo)
    _check_no_operation(before)
    pathspecs = [literal(path) for path in paths]
    if not _differ(repo, pathspecs, before):
        return None
    _check_identity(repo)
    with open_private_index(repo) as former:
        _stage(repo, paths)
        staged = read_index_stat(repo)
        status, said = _commit_staged(repo, before, pathspecs, message)
        after = head(repo)
        if status != 0 or after.commit is None or after.commit == before.commit:
            put_index_back(repo, former, staged)
            raise ConflictError(
                f"Git refused the commit: {explanation(said)}.",
                code="commit-refused",
                hints=("git status",),
            )
    sync_objects(repo)
    return after.commit


def _stage(repo: Repository, paths: Sequence[str]) -> None:
    """Stage the paths that are to be committed, so that Git's index has them before HEAD moves."""
    there = [path for path in paths if os.path.lexists(repo.root / path)]
    staged = stage_paths(repo, there, remove=[path for path in paths if path not in there])
    if not staged.done:
        raise ConflictError(
            "Another program keeps Git's index (index.lock), so no commit was made.",
            code="commit-refused",
            hints=("git status",),
        )


def _commit_staged(
    repo: Repository, at: Head, pathspecs: Sequence[str], message: str
) -> tuple[int, bytes]:
    """Run ``git commit`` of the paths on a copy of the index; return its status and messages.

    Of what Git locks by that, only names that it holds for an instant are shared with others.
    """
    locks = [repo.git_dir / "HEAD.lock", repo.git_dir / "next-index-*.lock"]
    if at.branch is not None:
        locks.append(repo.common_dir / f"refs/heads/{at.branch}.lock")
    with open_private_index(repo) as private, noted_locks(repo, locks):
        status, _, said = try_git(
            repo,
            *(*_NO_GUESSING, "commit", "--quiet", "--only", "--no-edit", "--cleanup=whitespace"),
            *("-F", "-", "--", *pathspecs),
            input=_encode_message(message),
            env={HOOKS_OFF_VARIABLE: "1", "GIT_INDEX_FILE": str(private)},
            durable="all",
        )
    return status, said


def check_may_commit(repo: Repository) -> None:
    """Refuse what :func:`commit_paths` would refuse before it looks at any path.

    Raises:
        ConflictError: as it does.
    """
    _check_no_operation(head(repo))
    _check_identity(repo)


def _check_no_operation(at: Head) -> None:
    if at.in_progress in ("merge", "cherry-pick", "revert", "rebase"):
        raise ConflictError(
            f"Single paths cannot be committed while a {at.in_progress} is under way.",
            code="operation-in-progress",
            hints=("git status",),
        )


def _check_identity(repo: Repository) -> None:
    if not has_identity(repo):
        raise ConflictError(
            "Nothing was committed, as Git does not know who you are.",
            code="identity-missing",
            hints=('git config user.name "Your Name"', 'git config user.email "you@example.org"'),
        )


def _differ(repo: Repository, pathspecs: Sequence[str], at: Head) -> bool:
    """Return whether any of the paths is not on disk what HEAD has, whatever the index has."""
    if not pathspecs:
        return False
    rows = split_nul(
        run_git(
            repo,
            *("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"),
            *("--ignore-submodules=all", "--", *pathspecs),
        )
    )
    if not rows or at.commit is None or any(row.startswith("??") for row in rows):
        return bool(rows)
    differs = ("diff", "--quiet", "--ignore-submodules=all", at.commit, "--", *pathspecs)
    with open_private_index(repo) as private:  # Git notes in the index what it has looked at
        status, _, said = try_git(repo, *differs, env={"GIT_INDEX_FILE": str(private)})
    if status not in (0, 1):
        raise git_failed(differs, said)
    return status == 1


def _encode_message(message: str) -> bytes:
    text = message.encode("utf-8", "replace")
    return text if text.endswith(b"\n") or not text else text + b"\n"


def _fallback_identity() -> dict[str, str]:
    return {
        "GIT_AUTHOR_NAME": _FALLBACK_NAME,
        "GIT_AUTHOR_EMAIL": _FALLBACK_EMAIL,
        "GIT_COMMITTER_NAME": _FALLBACK_NAME,
        "GIT_COMMITTER_EMAIL": _FALLBACK_EMAIL,
    }
