"""The command ``diff``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.compared_tables import Findings, compare_tables
from jupyter_mlops.commands.data_files import TrackedData, read_commit_data, read_worktree_data
from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Note, Table
from jupyter_mlops.errors import UsageError
from jupyter_mlops.explain.rows import RowChanges, RowExample
from jupyter_mlops.explain.table_files import may_be_table
from jupyter_mlops.git.revisions import head
from jupyter_mlops.snapshots.compare import compare_entries
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.tracked import in_tracked, select_tracked
from jupyter_mlops.text import visible
from jupyter_mlops.units import plural

_SHOWN_FILES = 10
_TABLES_A_PATH = 100
_EXAMPLES = 5
_MOST_EXAMPLES = 1_000
_CELL_LETTERS = 40
_ROW_LETTERS = 160


@dataclass(frozen=True, slots=True)
class TableDiff:
    """What became of the rows of one file, whose name is relative to the tracked path."""

    file: str
    changes: RowChanges


@dataclass(frozen=True, slots=True)
class PathDiff:
    """What changed at one tracked path; names are relative to it, ``""`` is a single file.

    ``renamed`` are pairs of the old and the new name of a file with the same content, ``rows`` the
    modified files that are tables, null unless they were asked for.
    """

    path: str
    added: tuple[str, ...]
    deleted: tuple[str, ...]
    modified: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    rows: tuple[TableDiff, ...] | None = None


@dataclass(frozen=True, slots=True)
class DiffResult:
    """What changed in tracked data; paths without a change are left out.

    ``unknown`` are sentences about tables whose rows could not be compared.
    """

    paths: tuple[PathDiff, ...]
    unknown: tuple[str, ...] = ()

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
            for table in one.rows or ():
                blocks += _describe_table(one.path, table)
        blocks += [Note(visible(sentence), "quiet") for sentence in self.unknown]
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
    *,
    rows: Annotated[
        bool, Arg("Also compare the rows of tables: CSV, TSV, JSON, JSON lines, Parquet.")
    ] = False,
    limit: Annotated[
        int, Arg("With --rows: show only so many rows of each kind of change.", "N", "-n")
    ] = _EXAMPLES,
) -> DiffResult:
    """Show what changed in tracked data between two revisions.

    Before the first commit, HEAD has nothing. Rows are told apart by a column called id, key, uuid
    or …_id whose values are unique in both; without one, by their values.
    """
    if not 0 <= limit <= _MOST_EXAMPLES:
        raise UsageError(
            f"--limit is {limit}, but must be between 0 and {_MOST_EXAMPLES:,}.", code="bad-value"
        )
    before = _read_revision(ws, old)
    after = read_worktree_data(ws) if new is None else _read_revision(ws, new)
    wanted = select_tracked(before.keys() | after.keys(), resolve_paths(ws, paths))
    findings = Findings()
    examples = limit if rows else None
    compared = [
        _compare(path, before.get(path), after.get(path), findings, examples) for path in wanted
    ]
    return DiffResult(tuple(one for one in compared if one is not None), tuple(findings.unknown))


def _read_revision(ws: Workspace, revision: str) -> dict[str, TrackedData]:
    if revision == "HEAD" and head(ws.git).commit is None:
        return {}
    return read_commit_data(ws, resolve_revision(ws.git, revision))


def _compare(
    path: str,
    before: TrackedData | None,
    after: TrackedData | None,
    findings: Findings,
    examples: int | None,
) -> PathDiff | None:
    """Return what changed at ``path``, None where nothing did; rows only with ``examples``."""
    old = before.entries() if before is not None else {}
    new = after.entries() if after is not None else {}
    changes = compare_entries(old, new)
    if not changes.any:
        return None
    tables: tuple[TableDiff, ...] | None = None
    if examples is not None:
        tables = ()
        names = [name for name in changes.modified if may_be_table(in_tracked(path, name))]
        if before is not None and after is not None:
            compared = compare_tables(
                path, before, after, names[:_TABLES_A_PATH], findings, examples
            )
            tables = tuple(TableDiff(name, rows) for name, rows in compared.items())
        if len(names) > _TABLES_A_PATH:
            more = plural(len(names) - _TABLES_A_PATH, "more table")
            findings.unknown.append(f"The rows of {more} in {path} were not compared.")
    return PathDiff(path, changes.added, changes.deleted, changes.modified, changes.renamed, tables)


def _describe_table(path: str, table: TableDiff) -> list[Block]:
    name = visible(in_tracked(path, table.file))
    changes = table.changes
    if not changes.examples:
        return [Note(f"{name}: {visible(changes.describe())}")]
    rows = tuple((one.change, _row(changes, one), _cells(one)) for one in changes.examples)
    title = f"{name}: {visible(changes.describe())}"
    blocks: list[Block] = [Table(("rows", "which", "cells"), rows, title=title)]
    more = changes.added + changes.removed + changes.changed - len(changes.examples)
    if more:
        blocks.append(Note(f"… and {plural(more, 'more row')}", "quiet"))
    return blocks


def _row(changes: RowChanges, example: RowExample) -> str:
    if changes.key is not None:
        return f"{visible(changes.key)} {_cut(example.key)}"
    return f"row {example.new_row or example.old_row:,}"


def _cells(example: RowExample) -> str:
    parts = []
    for cell in example.cells:
        shown = [_cut(one) for one in (cell.old, cell.new) if one is not None]
        parts.append(f"{_cut(visible(cell.column))} {' → '.join(shown)}")
    return _cut(", ".join(parts), _ROW_LETTERS)


def _cut(text: str | None, letters: int = _CELL_LETTERS) -> str:
    if not text:
        return "(empty)"
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
