"""Concluding a merge of pointer files: merging again what Git left, and taking one side."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.pointer import POINTER_SUFFIX, decode_pointer, encode_pointer
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.git.merging import Versions, find_merge, list_unmerged, read_version
from jupyter_mlops.git.staging import stage_paths
from jupyter_mlops.git.trees import open_blob_reader
from jupyter_mlops.objects.merge import Merged
from jupyter_mlops.snapshots.apply import clear_leftovers, one_mover, open_worktree
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.merge import keep_manifests, merge_versions
from jupyter_mlops.snapshots.tracked import (
    in_conflict,
    pointer_path,
    read_pointer_file,
    select_tracked,
)

Side = Literal["ours", "theirs"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """The tracked paths that were resolved, each with the paths in it that one side was taken of.

    ``hints`` are commands that are left to be typed.
    """

    paths: tuple[tuple[str, tuple[str, ...]], ...]
    hints: tuple[str, ...]


def resolve_conflicts(handles: Handles, paths: Sequence[str], take: Side | None) -> Resolved:
    """Merge pointer files that are in a conflict, write and stage them; durable on return.

    Git's index says what is merged. A pointer that Git merged as text to something that is not
    valid is merged again from the commits that it was merged of. Data is not touched.

    Args:
        handles: the project.
        paths: project-relative; all that is in a conflict where none is named.
        take: the side to take where both sides changed the same file in different ways.

    Raises:
        NotFoundError: nothing is in a conflict there.
        ConflictError: a side is to be taken and ``take`` is None, or a path is tracked on one side
            only; nothing was written.
        IntegrityError: a version is no pointer.
    """
    clear_leftovers(handles)
    found = _find_conflicts(handles, paths)
    with open_blob_reader(handles.git) as reader:
        versions = {
            path: [read_version(reader, name) for name in names] for path, names in found.items()
        }
    merged = {
        path: merge_versions(handles.store, *three, name=pointer_path(path))
        for path, three in versions.items()
    }
    open_ones = {path: one.conflicts for path, one in merged.items() if one.conflicts}
    if open_ones and take is None:
        raise in_conflict("Nothing was resolved", open_ones)
    keep_manifests(
        handles.store, {id: data for one in merged.values() for id, data in one.manifests.items()}
    )
    with one_mover(handles):
        tree = open_worktree(handles)
        for path, one in merged.items():
            tree.write_file(pointer_path(path), _choose(one, take), Mode.FILE)
    staged = stage_paths(handles.git, [pointer_path(path) for path in merged])
    return Resolved(
        tuple((path, one.conflicts) for path, one in merged.items()),
        (staged.hint,) if staged.hint else (),
    )


def _choose(merged: Merged, take: Side | None) -> bytes:
    return encode_pointer(merged.theirs if take == "theirs" else merged.ours)


def _find_conflicts(handles: Handles, paths: Sequence[str]) -> dict[str, Versions]:
    """Return what is to be merged, by tracked path."""
    pattern = "*" + POINTER_SUFFIX
    found = {
        name.removesuffix(POINTER_SUFFIX): versions
        for name, versions in list_unmerged(handles.git, pattern).items()
    }
    for name in list_index(handles.git, pattern):
        path = name.removesuffix(POINTER_SUFFIX)
        if path not in found and select_tracked([path], paths) and _is_invalid(handles, path):
            versions = find_merge(handles.git, name)
            if versions is not None:
                found[path] = versions
    selected = select_tracked(found, paths)
    notebooks = list_unmerged(handles.git, "*.ipynb")
    for path in paths or [""]:
        name = path or next(iter(notebooks), "")
        if not selected and name in notebooks:
            raise _is_notebook(name)
        if not selected or (path and not select_tracked(found, [path])):
            raise NotFoundError(
                f"{path or 'Nothing'} is {'not ' if path else ''}in a merge conflict.",
                code="not-in-conflict",
                hints=("jupyter mlops status",),
            )
    for path in selected:
        if found[path].ours is None or found[path].theirs is None:
            name = shlex.quote(pointer_path(path))
            raise ConflictError(
                f"{path} is tracked on one side of the merge only, and was changed there.",
                code="tracked-on-one-side",
                hints=(f"git add -- {name}", f"git rm -- {name}"),
            )
    return {path: found[path] for path in selected}


def _is_invalid(handles: Handles, path: str) -> bool:
    try:
        encoded = read_pointer_file(open_worktree(handles), path)
        if encoded is not None:
            decode_pointer(encoded, origin=pointer_path(path))
    except MlopsError:
        return True
    return False


def _is_notebook(path: str) -> NotFoundError:
    quoted = shlex.quote(path)
    return NotFoundError(
        f"{path} is a notebook: what both sides changed stands between marks in its cells, where"
        " you choose.",
        code="not-in-conflict",
        hints=(
            f"git add -- {quoted}   (when no marks are left)",
            f"git checkout --ours -- {quoted}",
            f"git checkout --theirs -- {quoted}",
        ),
    )
