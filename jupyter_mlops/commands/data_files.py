"""The files of tracked paths, in a commit or in the working tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.explain.table_files import TABLE_LIMIT_BYTES
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import Pointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.reader import read_file
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import read_status
from jupyter_mlops.snapshots.tracked import in_tracked, read_tree_pointers


@dataclass(frozen=True, slots=True)
class TrackedData:
    """A tracked path in one state.

    ``same_as`` is the pointer whose content it is, None where it is that of no pointer. ``entries``
    returns its files by their names within the path, ``""`` for a single one; ``read`` the content
    of one of them, None where that is kept elsewhere.
    """

    same_as: Pointer | None
    entries: Callable[[], Mapping[str, Entry]]
    read: Callable[[str, Entry], bytes] | None


def read_commit_data(ws: Workspace, commit: str | None) -> dict[str, TrackedData]:
    """Return the tracked paths of a commit, none of None; nothing is read of the store yet."""
    if commit is None:
        return {}
    pointers = read_tree_pointers(open_tree(ws.git, commit))
    return {path: _from_pointer(ws, pointer) for path, pointer in pointers.items()}


def read_worktree_data(ws: Workspace, *, with_missing: bool = False) -> dict[str, TrackedData]:
    """Return the tracked paths that are in the working tree.

    ``with_missing`` those too that it lacks, as their pointers name them: a clone of a CI job has
    restored only what it needs.
    """
    return dict(_iter_worktree(ws, with_missing=with_missing))


def read_pointer_files(ws: Workspace, pointer: Pointer) -> dict[str, Entry]:
    """Return the files that ``pointer`` names; external ones by what their place told of them.

    Raises:
        NotFoundError: the store lacks a folder's manifest.
    """
    if not isinstance(pointer, ExternalPointer):
        return _only_files(read_entries(ws.store, pointer))
    return {
        name: Entry(Mode.FILE, hash_bytes(repr(one[1:]).encode()), one.size_bytes)
        for name, one in pointer.objects.items()
    }


def _iter_worktree(ws: Workspace, *, with_missing: bool) -> Iterator[tuple[str, TrackedData]]:
    tree = WorkTree(ws.root)
    for status in read_status(ws):
        pointer, present = status.tracked.pointer, status.present
        if pointer is not None and (
            (with_missing and status.state is State.MISSING) or isinstance(pointer, ExternalPointer)
        ):
            yield status.path, _from_pointer(ws, pointer)
        elif present is not None:
            same_as = pointer if status.state is State.CLEAN else None
            yield status.path, _on_disk(tree, status.path, _only_files(present.entries), same_as)


def _from_pointer(ws: Workspace, pointer: Pointer) -> TrackedData:
    return TrackedData(
        pointer,
        lambda: read_pointer_files(ws, pointer),
        None
        if isinstance(pointer, ExternalPointer)
        else lambda _, entry: read_file(ws.store, entry),
    )


def _on_disk(
    tree: WorkTree, path: str, entries: Mapping[str, Entry], same_as: Pointer | None
) -> TrackedData:
    def read(name: str, entry: Entry) -> bytes:
        return tree.read(in_tracked(path, name), limit_bytes=TABLE_LIMIT_BYTES)

    return TrackedData(same_as, lambda: entries, read)


def _only_files(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return ``entries`` without empty folders."""
    return {name: entry for name, entry in entries.items() if entry.mode is not Mode.FOLDER}
