"""Texts merged line by line, as Git merges files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from jupyter_mlops.files.durable import Staging, clear_staging, open_staging
from jupyter_mlops.git.process import git_failed, try_git
from jupyter_mlops.git.repository import Repository

_FAILED = 128
"""``git merge-file`` exits with the number of conflicts, at most 127, or more than that."""


class TextMerger:
    """Merges texts in a temporary folder; see :func:`open_text_merger`."""

    def __init__(self, repo: Repository, staging: Staging) -> None:
        self._repo = repo
        self._staging = staging

    def merge(
        self, base: bytes, ours: bytes, theirs: bytes, *, mark_bytes: int
    ) -> tuple[bytes, bool]:
        """Return what three versions of a text come to, and whether marks of a conflict are in it.

        The style of marks is what ``merge.conflictStyle`` says.

        Raises:
            UnavailableError: Git cannot merge them: they are not text to it, or the disk is full.
        """
        with ExitStack() as stack:
            names = []
            for version in (ours, base, theirs):
                staged = stack.enter_context(self._staging.create())
                staged.write(version)
                names.append(str(staged.path))
            labels = [word for label in ("ours", "base", "theirs") for word in ("-L", label)]
            command = ("merge-file", "-p", "-q", f"--marker-size={mark_bytes}", *labels, *names)
            status, printed, said = try_git(self._repo, *command)
        if status >= _FAILED or status < 0:
            raise git_failed(command, said)
        return printed, status > 0


@contextmanager
def open_text_merger(repo: Repository, folder: Path) -> Iterator[TextMerger]:
    """Yield what merges texts; its files are in ``folder``, and what killed ones left there goes.

    Raises:
        UnavailableError: the folder cannot be written.
    """
    clear_staging(folder)
    with open_staging(folder) as staging:
        yield TextMerger(repo, staging)
