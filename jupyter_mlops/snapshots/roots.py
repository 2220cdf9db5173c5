"""What is to be kept: all that Git, the worktrees and the commands under way name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.git.history import iter_history
from jupyter_mlops.git.listing import list_index, list_staged
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.revisions import list_kept_commits, peel_to_commits
from jupyter_mlops.git.worktrees import list_git_dirs, list_worktrees
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.listing import DROPPED_REFS
from jupyter_mlops.snapshots.operations import Move, read_last_operation
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.tracked import read_pointer_file
from jupyter_mlops.snapshots.unfinished import read_unfinished

_NOTEBOOKS = ".ipynb"


@dataclass(frozen=True, slots=True)
class Roots:
    """What names content, that of the present first.

    ``files`` are pointer files of the worktrees, and those of data that a command has just moved;
    ``pointers`` and ``notebooks`` are ids of blobs of Git's.
    """

    files: tuple[bytes, ...]
    pointers: tuple[str, ...]
    notebooks: tuple[str, ...]

    @property
    def are_none(self) -> bool:
        """Whether there is nothing at all."""
        return not (self.files or self.pointers or self.notebooks)


def find_roots(handles: Handles, undo_since: datetime, also: Iterable[str] = ()) -> Roots:
    """Return what names content in any worktree, index, commit, tag, stash, reflog or snapshot.

    Snapshots that were dropped do not count, but for those that ``undo`` would bring back because
    that was since ``undo_since``. ``also`` are commits that count as if something named them.

    Raises:
        UnavailableError: Git cannot list all of them.
    """
    git = handles.git
    files: dict[bytes, None] = {}
    named: set[str] = set()
    for folder in list_worktrees(git):
        worktree = open_repository(folder)
        files.update(dict.fromkeys(_iter_pointer_files(worktree)))
    blobs: dict[str, dict[str, None]] = {POINTER_SUFFIX: {}, _NOTEBOOKS: {}}
    for git_dir in list_git_dirs(git):
        state_dir = git_dir / "mlops-worktree"
        moves = list(read_unfinished(state_dir).values())
        last = read_last_operation(state_dir)
        if last is not None and last[1].at >= undo_since:
            moves += last[1].data.values()
            moves += (m for path, m in last[1].files.items() if path.endswith(POINTER_SUFFIX))
            named.update(oid.decode("ascii") for oid in _values(last[1].refs.values()))
        files.update(dict.fromkeys(_values(moves)))
        for path, oid in list_staged(git, git_dir, *(f"*{suffix}" for suffix in blobs)):
            blobs[_suffix_of(path)][oid] = None
    commits = list_kept_commits(git, without=DROPPED_REFS)
    commits = list(dict.fromkeys([*commits, *also, *peel_to_commits(git, named).values()]))
    history = iter_history(git, commits, [f"**/*{suffix}" for suffix in blobs])
    for commit in reversed(history):
        for change in commit.changes:
            if change.oid is not None:
                blobs[_suffix_of(change.path)][change.oid] = None
    return Roots(tuple(files), tuple(blobs[POINTER_SUFFIX]), tuple(blobs[_NOTEBOOKS]))


def _suffix_of(path: str) -> str:
    return POINTER_SUFFIX if path.endswith(POINTER_SUFFIX) else _NOTEBOOKS


def _iter_pointer_files(worktree: Repository) -> Iterator[bytes]:
    """Yield the pointer files of a worktree, which Git may not know yet."""
    tree = WorkTree(worktree.root)
    listed = list_index(worktree, "*" + POINTER_SUFFIX)
    paths = {name.removesuffix(POINTER_SUFFIX) for name in listed}
    for path in sorted(paths | read_origins(worktree.state_dir).keys()):
        encoded = read_pointer_file(tree, path)
        if encoded is not None:
            yield encoded


def _values(moves: Iterable[Move]) -> Iterator[bytes]:
    for move in moves:
        yield from (value for value in (move.before, move.after) if value is not None)
