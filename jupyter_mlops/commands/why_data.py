"""What differs in tracked data between two states."""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_mlops.commands.compared_tables import Findings, compare_tables
from jupyter_mlops.commands.data_files import TrackedData, read_commit_data, read_worktree_data
from jupyter_mlops.commands.number_trees import Source
from jupyter_mlops.commands.why_sides import Sides
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.explain.ranking import Difference
from jupyter_mlops.explain.table_files import is_table
from jupyter_mlops.snapshots.compare import FileChanges, compare_entries
from jupyter_mlops.snapshots.tracked import in_tracked
from jupyter_mlops.units import plural

_TABLES_A_PATH = 10


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


def _read_side(ws: Workspace, side: Source) -> dict[str, TrackedData]:
    if side.revision is None:
        return read_worktree_data(ws, with_missing=True)
    return read_commit_data(ws, side.commit)


def _compare_path(
    sides: Sides,
    path: str,
    before: TrackedData | None,
    after: TrackedData | None,
    findings: Findings,
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
    compared = compare_tables(path, before, after, tables[:_TABLES_A_PATH], findings)
    if len(tables) > _TABLES_A_PATH:
        more = plural(len(tables) - _TABLES_A_PATH, "more table")
        findings.unknown.append(f"The rows of {more} in {path} were not compared.")
    single = not old.keys() - {""} and not new.keys() - {""}
    if not single and len(compared) < _count(changes):
        share = _share(changes, len(old.keys() | new.keys()))
        yield Difference("data", path, _describe(changes, len(new)), share, command=command)
    for name, rows in compared.items():
        where = in_tracked(path, name)
        yield Difference("data", where, rows.describe(), rows.share, command=command, rows=rows)
    if single and not compared:
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
