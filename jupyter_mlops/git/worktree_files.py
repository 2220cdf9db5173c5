"""The working tree beside a commit: which files differ, and writing them as the commit has them.

Both Git commands would take the lock of the index, to note there what they have seen; killed in
that moment they leave it behind. So each gets a copy of the index.
"""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_mlops.git.index_file import open_private_index
from jupyter_mlops.git.process import NO_HOOKS, encode_names, run_git, split_nul
from jupyter_mlops.git.repository import Repository


def changed_files(repo: Repository, commit: str) -> tuple[list[str], list[str]]:
    """Return what the working tree lacks or has otherwise than ``commit``, and what only it has.

    The second list has files in the index alone: what Git does not track is not looked at. A
    notebook is compared as Git would store it.

    Raises:
        UnavailableError: Git fails, or the repository cannot be written.
    """
    options = ("--name-status", "-z", "--no-renames", "--no-ext-diff")
    with open_private_index(repo) as private:
        env = {"GIT_INDEX_FILE": str(private)}
        printed = run_git(repo, "diff", *options, commit, "--", env=env)
    fields = split_nul(printed)
    rows = list(zip(fields[::2], fields[1::2], strict=True))
    differing = sorted(path for status, path in rows if status != "A")
    return differing, sorted(path for status, path in rows if status == "A")


def write_worktree_files(repo: Repository, commit: str, paths: Sequence[str]) -> None:
    """Write ``paths`` as ``commit`` has them, through Git's filters; the index stays as it is.

    Raises:
        UnavailableError: Git fails, or the repository cannot be written.
    """
    if not paths:
        return
    with open_private_index(repo) as private:
        run_git(
            repo,
            *(*NO_HOOKS, "--literal-pathspecs", "restore", f"--source={commit}", "--worktree"),
            *("--pathspec-from-file=-", "--pathspec-file-nul"),
            input=encode_names(paths),
            env={"GIT_INDEX_FILE": str(private)},
        )
