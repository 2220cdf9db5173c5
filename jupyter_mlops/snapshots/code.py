"""Bringing the code of a snapshot back into the working tree; what is there is kept first."""

from __future__ import annotations

import os
import shlex
from collections.abc import Container, Iterable
from dataclasses import dataclass

from jupyter_mlops.errors import ConflictError
from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.formats.snapshot import RECORD_PATH
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.git.worktree_files import changed_files, write_worktree_files
from jupyter_mlops.notebooks.journal import SNAPSHOT_JOURNAL_PATH
from jupyter_mlops.snapshots.apply import open_worktree
from jupyter_mlops.snapshots.content import Kept
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.kept_outputs import find_not_kept
from jupyter_mlops.snapshots.scan import parents_of
from jupyter_mlops.snapshots.take import Circumstances, commit_state

NOTEBOOK_SUFFIX = ".ipynb"


@dataclass(frozen=True, slots=True)
class CodeChanges:
    """The code files that are written or deleted, and the snapshot that keeps the former state."""

    written: tuple[str, ...]
    deleted: tuple[str, ...]
    saved_as: str | None

    @property
    def paths(self) -> tuple[str, ...]:
        """All files that move, sorted."""
        return tuple(sorted((*self.written, *self.deleted)))


def restore_code(handles: Handles, commit: str, *, dry_run: bool = False) -> CodeChanges:
    """Make the code files of the working tree what ``commit`` has; Git's index and HEAD stay.

    The whole state is kept as an automatic snapshot first. Files that Git tracks and the commit
    lacks are deleted, files that Git does not track are not. Pointer files are not code.

    Args:
        handles: the project.
        commit: the full id of a commit.
        dry_run: plan only.

    Raises:
        ConflictError: something that a snapshot leaves out, or a notebook with outputs that are
            not kept, stands where a file is to be written or deleted; nothing was touched.
    """
    differing, lacking = changed_files(handles.git, commit)
    written = [path for path in differing if _is_code(path)]
    deleted = [path for path in lacking if _is_code(path)]
    if dry_run or not (written or deleted):
        return CodeChanges(tuple(written), tuple(deleted), None)
    saved_as = keep_state(handles, f"before the code of {commit[:10]}", [*written, *deleted])
    tree = open_worktree(handles)
    for path in deleted:
        tree.unlink(path)
        if "/" in path:
            tree.remove_empty_folders(path.rpartition("/")[0])
    write_worktree_files(handles.git, commit, written)
    return CodeChanges(tuple(written), tuple(deleted), saved_as)


def keep_state(handles: Handles, why: str, going: Iterable[str]) -> str:
    """Keep the whole state; return the snapshot's id once it surely holds all that is ``going``.

    That is also the outputs of notebooks.

    Raises:
        ConflictError: it does not.
    """
    circumstances = Circumstances(message=why, automatic=True)
    record, hidden = commit_state(handles, Kept({}, {}, 0, 0), circumstances, [], head(handles.git))
    left_out = {left.path for left in record.left_out}
    kept = open_tree(handles.git, hidden).entries.keys() - left_out
    going = list(going)
    for path in going:
        _check_kept(handles, path, kept)
    notebooks = [path for path in going if path.endswith(NOTEBOOK_SUFFIX)]
    for path in find_not_kept(handles.git, handles.store, notebooks):
        raise ConflictError(
            f"Nothing was restored: {path} has outputs that are not kept, and they would be"
            " overwritten.",
            code="would-overwrite",
            hints=[f"mv -- {shlex.quote(path)} ELSEWHERE"],
        )
    return record.id


def _check_kept(handles: Handles, path: str, kept: Container[str]) -> None:
    """Refuse when writing ``path`` would take something away that ``kept`` has not.

    A folder where the file is to be, whatever it holds, and a file where a folder is to be.
    """
    for step in (path, *parents_of(path)):
        full = handles.root / step
        is_folder = full.is_dir() and not full.is_symlink()
        vanishes = step == path if is_folder else os.path.lexists(full) and step not in kept
        if not vanishes:
            continue
        raise ConflictError(
            f"Nothing was restored: {step} would be overwritten, and a snapshot does not keep it.",
            code="would-overwrite",
            hints=[f"mv -- {shlex.quote(step)} ELSEWHERE"],
        )


def _is_code(path: str) -> bool:
    return not path.endswith(POINTER_SUFFIX) and path not in (RECORD_PATH, SNAPSHOT_JOURNAL_PATH)
