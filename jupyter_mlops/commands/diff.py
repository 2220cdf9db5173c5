"""The command ``diff``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.data_files import only_files, read_pointer_files
from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Note, Table
from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.snapshots.compare import FileChanges, compare_entries
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.status import read_status
from jupyter_mlops.snapshots.tracked import read_tree_pointers, select_tracked
from jupyter_mlops.units import plural

_SHOWN_FILES = 10


@dataclass(frozen=True, slots=True)
class PathDiff:
    """What changed at one tracked path; names are relative to it, ``""`` is a single file.

    ``renamed`` are pairs of the old and the new name of a file with the same content.
    """

    path: str
    added: tuple[str, ...]
    deleted: tuple[str, ...]
    modified: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DiffResult:
    """What changed in tracked data; paths without a change are left out."""

    paths: tuple[PathDiff, ...]

    def describe(self) -> Document:
        """Return a table a path, its first files named."""
        if not self.paths:
            return Document((Note("Nothing changed in tracked data.", "good"),))
        blocks: list[Block] = []
        for one in self.paths:
            rows = [("added", name) for name in one.added]
            rows += [("deleted", name) for name in one.deleted]
            rows += [("modified", name) for name in one.modified]
            rows += [("renamed", f"{old} → {new}") for old, new in one.renamed]
            shown = tuple((what, name or one.path) for what, name in rows[:_SHOWN_FILES])
            blocks.append(Table(("change", "file"), shown, title=one.path))
            if len(rows) > _SHOWN_FILES:
                more = plural(len(rows) - _SHOWN_FILES, "more file")
                blocks.append(Note(f"… and {more}", "quiet"))
        return Document(tuple(blocks))


def diff(
    ws: Workspace,
    old: Annotated[str, Arg("The older revision.", metavar="A", complete="revision")] = "HEAD",
    new: Annotated[
        str | None,
        Arg("The newer revision; the working tree by default.", metavar="B", complete="revision"),
    ] = None,
    paths: Annotated[
        tuple[str, ...], Arg("Only these tracked paths.", metavar="PATH", complete="tracked")
    ] = (),
) -> DiffResult:
    """Show what changed in tracked data between two revisions.

    Before the first commit, HEAD has nothing.
    """
    before = _read_revision(ws, old)
    after = _read_worktree(ws) if new is None else _read_revision(ws, new)
    wanted = select_tracked(before.keys() | after.keys(), resolve_paths(ws, paths))
    compared = {path: compare_entries(before.get(path, {}), after.get(path, {})) for path in wanted}
    return DiffResult(
        tuple(_result(path, changes) for path, changes in compared.items() if changes.any)
    )


def _read_revision(ws: Workspace, revision: str) -> dict[str, Mapping[str, Entry]]:
    if revision == "HEAD" and head(ws.git).commit is None:
        return {}
    pointers = read_tree_pointers(open_tree(ws.git, resolve_revision(ws.git, revision)))
    return {path: read_pointer_files(ws, pointer) for path, pointer in pointers.items()}


def _read_worktree(ws: Workspace) -> dict[str, Mapping[str, Entry]]:
    found: dict[str, Mapping[str, Entry]] = {}
    for status in read_status(ws):
        if status.tracked.external is not None:
            found[status.path] = read_pointer_files(ws, status.tracked.external)
        elif status.present is not None:
            found[status.path] = only_files(status.present.entries)
    return found


def _result(path: str, changes: FileChanges) -> PathDiff:
    return PathDiff(path, changes.added, changes.deleted, changes.modified, changes.renamed)
