"""What differs in tracked data between two states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from jupyter_mlops.commands.data_files import only_files, read_pointer_files
from jupyter_mlops.commands.number_trees import Source
from jupyter_mlops.commands.why_sides import Findings, Sides
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.explain.ranking import Difference
from jupyter_mlops.explain.rows import TABLE_LIMIT_BYTES, RowChanges, is_table
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.formats.pointer import Pointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.objects.reader import read_file
from jupyter_mlops.snapshots.compare import FileChanges, compare_entries
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import read_status
from jupyter_mlops.snapshots.tracked import in_tracked, read_tree_pointers
from jupyter_mlops.units import plural

_TABLES_A_PATH = 10


@dataclass(frozen=True, slots=True)
class _Tracked:
    """A tracked path in one state.

    ``same_as`` is the pointer whose content it is, None where it is that of no pointer. ``entries``
    returns its files; ``read`` the content of one of them, None where that is kept elsewhere.
    """

    same_as: Pointer | None
    entries: Callable[[], Mapping[str, Entry]]
    read: Callable[[str, Entry], bytes] | None


def compare_data(ws: Workspace, sides: Sides, findings: Findings) -> list[Difference]:
    """Return a difference for each tracked path, and for each table whose rows could be read.

    What cannot be told of a path goes to ``findings``.
    """
    differences: list[Difference] = []
    try:
        old, new = _read_side(ws, sides.old), _read_side(ws, sides.new)
    except MlopsError as error:
        findings.unknown.append(f"Whether tracked data differs is not known. {error.message}")
        return []
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before and after and before.same_as is not None and before.same_as == after.same_as:
            continue
        try:
            differences += _compare_path(sides, path, before, after, findings)
        except MlopsError as error:
            findings.unknown.append(f"How {path} differs is not known. {error.message}")
            command = sides.command("diff", path)
            differences.append(Difference("data", path, "changed", 1.0, command=command))
    return differences


def _read_side(ws: Workspace, side: Source) -> dict[str, _Tracked]:
    if side.revision is None:
        return dict(_iter_worktree(ws))
    if side.commit is None:
        return {}
    pointers = read_tree_pointers(open_tree(ws.git, side.commit))
    return {path: _from_pointer(ws, pointer) for path, pointer in pointers.items()}


def _from_pointer(ws: Workspace, pointer: Pointer) -> _Tracked:
    return _Tracked(
        pointer,
        lambda: read_pointer_files(ws, pointer),
        None
        if isinstance(pointer, ExternalPointer)
        else lambda _, entry: read_file(ws.store, entry),
    )


def _iter_worktree(ws: Workspace) -> Iterator[tuple[str, _Tracked]]:
    tree = WorkTree(ws.root)
    for status in read_status(ws):
        present, pointer = status.present, status.tracked.pointer
        if pointer is not None and (
            status.state in (State.CLEAN, State.MISSING) or isinstance(pointer, ExternalPointer)
        ):
            yield status.path, _from_pointer(ws, pointer)
        elif present is not None:
            yield status.path, _on_disk(tree, status.path, only_files(present.entries))


def _on_disk(tree: WorkTree, path: str, entries: Mapping[str, Entry]) -> _Tracked:
    def read(name: str, entry: Entry) -> bytes:
        return tree.read(in_tracked(path, name), limit_bytes=TABLE_LIMIT_BYTES)

    return _Tracked(None, lambda: entries, read)


def _compare_path(
    sides: Sides, path: str, before: _Tracked | None, after: _Tracked | None, findings: Findings
) -> Iterator[Difference]:
    old = before.entries() if before is not None else {}
    new = after.entries() if after is not None else {}
    changes = compare_entries(old, new)
    if not changes.any and before is not None and after is not None:
        return
    command = sides.command("diff", path)
    if before is None or after is None:
        word = "tracked now" if before is None else "not tracked any more"
        files = plural(len(old) or len(new), "file")
        yield Difference("data", path, f"{word}, {files}", 1.0, command=command)
        return
    tables = [name for name in changes.modified if is_table(in_tracked(path, name))]
    compared: dict[str, RowChanges | None] = {}
    if before.read is not None and after.read is not None:
        for name in tables[:_TABLES_A_PATH]:
            where = in_tracked(path, name)
            compared[where] = findings.compare_rows(
                where,
                old[name].size_bytes + new[name].size_bytes,
                partial(before.read, name, old[name]),
                partial(after.read, name, new[name]),
            )
    if len(tables) > _TABLES_A_PATH:
        more = plural(len(tables) - _TABLES_A_PATH, "more table")
        findings.unknown.append(f"The rows of {more} in {path} were not compared.")
    single = not old.keys() - {""} and not new.keys() - {""}
    told = sum(rows is not None for rows in compared.values())
    if not single and told < _count(changes):
        share = _share(changes, len(old.keys() | new.keys()))
        yield Difference("data", path, _describe(changes, len(new)), share, command=command)
    for where, rows in compared.items():
        if rows is not None:
            yield Difference("data", where, rows.describe(), rows.share, command=command, rows=rows)
    if single and not compared.get(path):
        sizes = old[""].size_bytes, new[""].size_bytes
        change = (
            "changed" if sizes[0] == sizes[1] else f"changed, {sizes[0]:,} → {sizes[1]:,} bytes"
        )
        yield Difference("data", path, change, 1.0, command=command)


def _share(changes: FileChanges, count: int) -> float:
    """Return how many of the files have other content; a new name alone is next to nothing."""
    moved = _count(changes) - len(changes.renamed)
    return min((moved + 0.01 * len(changes.renamed)) / max(count, 1), 1.0)


def _count(changes: FileChanges) -> int:
    lists = (changes.added, changes.deleted, changes.modified, changes.renamed)
    return sum(map(len, lists))


def _describe(changes: FileChanges, count: int) -> str:
    counts = (
        (len(changes.added), "added"),
        (len(changes.deleted), "deleted"),
        (len(changes.modified), "modified"),
        (len(changes.renamed), "renamed"),
    )
    (first, word), *others = [(amount, word) for amount, word in counts if amount]
    text = ", ".join([f"{plural(first, 'file')} {word}", *(f"{n:,} {w}" for n, w in others)])
    return f"{text}; {plural(count, 'file')} now"
