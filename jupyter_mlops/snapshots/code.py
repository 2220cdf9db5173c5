"""Bringing the code of a snapshot back into the working tree; what is there is kept first."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.formats.snapshot import RECORD_PATH
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.git.worktree_files import changed_files, write_worktree_files
from jupyter_mlops.snapshots.apply import open_worktree
from jupyter_mlops.snapshots.content import Kept
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.take import Circumstances, commit_state

_NOTEBOOK_SUFFIX = ".ipynb"


@dataclass(frozen=True, slots=True)
class CodePlan:
    """The code files that are written or deleted, and the snapshot that keeps the former state."""

    written: tuple[str, ...]
    deleted: tuple[str, ...]
    saved_as: str | None

    @property
    def paths(self) -> tuple[str, ...]:
        """All files that move, sorted."""
        return tuple(sorted((*self.written, *self.deleted)))


def restore_code(
    handles: Handles, commit: str, *, outputs_only: bool = False, dry_run: bool = False
) -> CodePlan:
    """Make the code files of the working tree what ``commit`` has; Git's index and HEAD stay.

    The whole state is kept as an automatic snapshot first. Files that Git tracks and the commit
    lacks are deleted, files that Git does not track are not. Pointer files are not code.

    Args: handles: the project. commit: the full id of a commit. outputs_only: only notebooks whose
        code is that of the commit, for the sake of their outputs. dry_run: plan only.
    """
    differing, lacking = changed_files(handles.git, commit)
    there = open_tree(handles.git, commit).entries
    if outputs_only:
        same = set(there) - set(differing)
        written = sorted(path for path in same if path.endswith(_NOTEBOOK_SUFFIX))
        deleted: list[str] = []
    else:
        written = [path for path in differing if _is_code(path)]
        deleted = [path for path in lacking if _is_code(path)]
    if dry_run or not (written or deleted):
        return CodePlan(tuple(written), tuple(deleted), None)
    circumstances = Circumstances(message=f"before the code of {commit[:10]}", automatic=True)
    record, _ = commit_state(handles, Kept({}, {}, 0, 0), circumstances, [], head(handles.git))
    write_worktree_files(handles.git, commit, written)
    tree = open_worktree(handles)
    for path in deleted:
        tree.unlink(path)
        if "/" in path:
            tree.remove_empty_folders(path.rpartition("/")[0])
    return CodePlan(tuple(written), tuple(deleted), record.id)


def _is_code(path: str) -> bool:
    return not path.endswith(POINTER_SUFFIX) and path != RECORD_PATH
