"""What differs in code between two states: cells of notebooks, files, seeds, tables in Git."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from jupyter_mlops.commands.compared_tables import Findings
from jupyter_mlops.commands.notebook_diff import NotebookDiff, compare_changed
from jupyter_mlops.commands.number_files import metric_files, param_files
from jupyter_mlops.commands.why_sides import Sides
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.explain.packages import compare_packages
from jupyter_mlops.explain.ranking import Difference, share_of_lines
from jupyter_mlops.explain.seeds import find_seeds
from jupyter_mlops.explain.table_files import TABLE_LIMIT_BYTES, is_table
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.lock_file import LOCK_LIMIT_BYTES, is_lock_file, read_lock_file
from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.formats.snapshot import RECORD_PATH
from jupyter_mlops.git.changed_files import (
    ChangedFile,
    count_changed_lines,
    list_changed,
    read_blob_sizes,
)
from jupyter_mlops.git.listing import list_untracked
from jupyter_mlops.git.trees import BlobReader, open_blob_reader
from jupyter_mlops.metrics.patterns import compile_patterns
from jupyter_mlops.notebooks.compare import CellChange
from jupyter_mlops.units import plural

OUR_FOLDER = f"{RECORD_PATH.rpartition('/')[0]}/"
"""What a snapshot's tree has beside the project's files."""

_NOTEBOOK = ".ipynb"
_OF_GIT = frozenset({".gitignore", ".gitattributes", ".gitmodules"})
_PROSE = frozenset({".md", ".rst", ".txt", ".adoc", ""})
_CODE_LIMIT_BYTES = 1024**2
_UNTRACKED_LIMIT = 1_000
_EXCERPT_LETTERS = 60
_MOVED_SHARE = 0.01


@dataclass(slots=True)
class LockedPackages:
    """The packages that lock files name in each state, in the files that changed."""

    old: dict[str, str] = field(default_factory=dict)
    new: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Contents:
    """Reads both versions of changed files, up to a size."""

    blobs: BlobReader
    tree: WorkTree
    sizes: dict[str, int]

    def old_size(self, file: ChangedFile) -> int:
        return self.sizes.get(file.old_oid or "", 0)

    def new_size(self, file: ChangedFile) -> int:
        if file.new_oid is not None:
            return self.sizes.get(file.new_oid, 0)
        found = self.tree.stat(file.new_path) if file.new_path is not None else None
        return found.size_bytes if found is not None else 0

    def old(self, file: ChangedFile) -> bytes:
        return b"" if file.old_oid is None else self.blobs.read(file.old_oid)

    def new(self, file: ChangedFile) -> bytes:
        if file.new_oid is not None:
            return self.blobs.read(file.new_oid)
        return b"" if file.new_path is None else self.tree.read(file.new_path)

    def is_untouched(self, file: ChangedFile) -> bool:
        """Return whether Git names a file of the working tree for its times alone."""
        return (
            file.new_oid is None
            and file.old_path == file.new_path
            and self.old_size(file) == self.new_size(file)
            and self.fits(file, TABLE_LIMIT_BYTES)
            and self.old(file) == self.new(file)
        )

    def fits(self, file: ChangedFile, limit_bytes: int) -> bool:
        return max(self.old_size(file), self.new_size(file)) <= limit_bytes


def compare_code(
    ws: Workspace, sides: Sides, findings: Findings
) -> tuple[list[Difference], LockedPackages]:
    """Return what differs in the files that Git has, and what lock files name.

    Metrics, parameters, pointer files and Git's own files are left out; a notebook is compared by
    its cells, a table by its rows.
    """
    files = _list_files(ws, sides, findings)
    locked = LockedPackages()
    differences: list[Difference] = []
    notebooks = [file for file in files if _name(file).endswith(_NOTEBOOK)]
    for notebook in compare_changed(ws.git, notebooks):
        differences += _describe_notebook(sides, notebook)
    others = [file for file in files if not _name(file).endswith(_NOTEBOOK)]
    pathspecs = (":(top)", f":(top,exclude)*{_NOTEBOOK}", f":(top,exclude)*{POINTER_SUFFIX}")
    old, new = sides.old.commit, sides.new.commit
    counts = count_changed_lines(ws.git, old, new, pathspecs) if others else {}
    oids = [oid for file in others for oid in (file.old_oid, file.new_oid) if oid is not None]
    words = sides.git_words(ws)
    with open_blob_reader(ws.git) as blobs:
        contents = _Contents(blobs, WorkTree(ws.root), read_blob_sizes(ws.git, oids))
        for file in others:
            command = f"{words} -- {shlex.quote(_name(file))}" if words is not None else None
            try:
                differences += _describe_file(file, contents, counts, command, locked, findings)
            except MlopsError as error:
                findings.unknown.append(f"How {_name(file)} differs is not known. {error.message}")
    return differences, locked


def _name(file: ChangedFile) -> str:
    return file.new_path or file.old_path or ""


def _list_files(ws: Workspace, sides: Sides, findings: Findings) -> list[ChangedFile]:
    trees = (sides.old.tree, sides.new.tree)
    patterns = [
        pattern
        for tree in trees
        for pattern in (*metric_files(ws.config, tree), *param_files(ws.config, tree))
    ]
    is_number_file = compile_patterns(tuple(dict.fromkeys(patterns)))
    files = list_changed(ws.git, sides.old.commit, sides.new.commit, [":(top)"])
    if sides.new.revision is None:
        files = _with_untracked(ws, files, findings)
    return [file for file in files if not _is_left_out(_name(file), is_number_file)]


def _is_left_out(path: str, is_number_file: Callable[[str], bool]) -> bool:
    name = PurePosixPath(path).name
    return (
        path.endswith(POINTER_SUFFIX)
        or path.startswith(OUR_FOLDER)
        or name in _OF_GIT
        or is_number_file(path)
    )


def _with_untracked(
    ws: Workspace, files: Sequence[ChangedFile], findings: Findings
) -> list[ChangedFile]:
    """Return ``files`` and those that Git does not track yet: a snapshot has them as well."""
    untracked = list_untracked(ws.git, [":(top)"])
    if len(untracked) > _UNTRACKED_LIMIT:
        more = plural(len(untracked) - _UNTRACKED_LIMIT, "file")
        findings.unknown.append(f"{more} that Git does not track were not looked at.")
    remaining = dict.fromkeys(untracked[:_UNTRACKED_LIMIT])
    found = []
    for file in files:
        if file.new_path is None and file.old_path in remaining:
            del remaining[file.old_path]
            found.append(file._replace(new_path=file.old_path))
        else:
            found.append(file)
    return found + [ChangedFile(None, None, path, None) for path in remaining]


def _describe_file(
    file: ChangedFile,
    contents: _Contents,
    counts: dict[str, tuple[int, int] | None],
    command: str | None,
    locked: LockedPackages,
    findings: Findings,
) -> Iterator[Difference]:
    path = _name(file)
    both = file.old_path is not None and file.new_path is not None
    if contents.is_untouched(file):
        return
    if is_table(path) and both:
        size_bytes = contents.old_size(file) + contents.new_size(file)
        rows = findings.compare_rows(
            path, size_bytes, lambda: contents.old(file), lambda: contents.new(file)
        )
        if rows is not None:
            yield Difference("data", path, rows.describe(), rows.share, command=command, rows=rows)
            return
    if is_lock_file(path) and contents.fits(file, LOCK_LIMIT_BYTES):
        change = f"{_word(file)}{_read_locked(file, contents, locked, findings)}"
        yield Difference("environment", path, change, 0.95, command=command)
        return
    readable = contents.fits(file, _CODE_LIMIT_BYTES)
    old = _lines(contents.old(file)) if readable else None
    new = _lines(contents.new(file)) if readable else None
    if old is not None and new is not None and not _is_prose(path):
        yield from _compare_seeds(path, old, new, command)
    count = counts.get(path) or _count(file, old, new)
    if count == (0, 0) and both and file.old_path == file.new_path:
        return
    counted = _count_words(count)
    if file.old_path is None or file.new_path is None:
        counted = plural(sum(count), "line") if count else ""
    change = ", ".join(part for part in (_word(file), counted) if part)
    if is_table(path) or _is_of_dvc(path):
        yield Difference("data", path, change, 1.0, command=command)
        return
    share = 0.0 if _is_prose(path) else share_of_lines(sum(count) if count else 20)
    yield Difference("code", path, change, share, command=command)


def _is_of_dvc(path: str) -> bool:
    """Return whether a file names data that DVC keeps."""
    return path.endswith(".dvc") or path.rpartition("/")[2] == "dvc.lock"


def _is_prose(path: str) -> bool:
    name = PurePosixPath(path)
    return name.suffix.lower() in _PROSE and name.name not in ("Makefile", "Dockerfile")


def _word(file: ChangedFile) -> str:
    if file.old_path is None:
        return "added"
    if file.new_path is None:
        return "removed"
    return "edited" if file.old_path == file.new_path else f"renamed from {file.old_path}"


def _count(
    file: ChangedFile, old: Sequence[str] | None, new: Sequence[str] | None
) -> tuple[int, int] | None:
    """Return the lines of a file that only one state has, where Git was not asked of it."""
    if file.old_path is None and new is not None:
        return len(new), 0
    return None


def _count_words(count: tuple[int, int] | None) -> str:
    if count is None:
        return ""
    found = [(amount, word) for amount, word in zip(count, ("added", "removed"), strict=True)]
    parts = [f"{amount:,} {word}" for amount, word in found if amount]
    if not parts:
        return ""
    first, *others = parts
    amount, word = first.split(" ")
    return ", ".join([f"{amount} {'line' if amount == '1' else 'lines'} {word}", *others])


def _lines(content: bytes) -> list[str] | None:
    """Return the lines of a text, None where it is none."""
    if b"\0" in content[:8000]:
        return None
    return content.decode("utf-8", "replace").splitlines()


def _compare_seeds(
    path: str, old: Sequence[str], new: Sequence[str], command: str | None
) -> Iterator[Difference]:
    before, after = find_seeds(old), find_seeds(new)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was != now:
            first, second = _join(was), _join(now)
            yield Difference(
                "seed",
                f"{name} in {path}",
                f"{first or 'not set'} → {second or 'not set'}",
                1.0 if was and now else 0.5,
                first,
                second,
                command,
            )


def _join(values: Sequence[str] | None) -> str | None:
    return None if values is None else ", ".join(dict.fromkeys(values))


def _describe_notebook(sides: Sides, notebook: NotebookDiff) -> Iterator[Difference]:
    command = sides.notebook_command(notebook.path)
    path = notebook.path
    if notebook.problem is not None:
        yield Difference(
            "code", path, f"{notebook.change}; it {notebook.problem}", 0.5, command=command
        )
        return
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if notebook.change != "edited":
        lines = sum(len(_signed(cell, "+")) + len(_signed(cell, "-")) for cell in cells)
        change = f"{notebook.change}, {plural(len(cells), 'code cell')}"
        yield Difference("code", path, change, share_of_lines(lines), command=command)
        return
    old = [line for cell in cells for line in _signed(cell, "-")]
    new = [line for cell in cells for line in _signed(cell, "+")]
    yield from _compare_seeds(path, old, new, command)
    for cell in cells:
        index = cell.new_index if cell.new_index is not None else cell.old_index
        place = "" if index is None else f" {index + 1}"
        count = len(_signed(cell, "+")) + len(_signed(cell, "-"))
        share = share_of_lines(count) if cell.change != "moved" else _MOVED_SHARE
        name = f"{path} · code cell{place}"
        yield Difference("code", name, _describe_cell(cell), share, command=command)
    if not cells:
        renamed = notebook.old_path is not None
        change = f"renamed from {notebook.old_path}" if renamed else "text and metadata alone"
        yield Difference("code", path, change, 0.0, command=command)


def _describe_cell(cell: CellChange) -> str:
    removed, added = _signed(cell, "-"), _signed(cell, "+")
    count = _count_words((len(added), len(removed)))
    if cell.change in ("added", "removed"):
        return f"{cell.change}, {plural(len(added) + len(removed), 'line')}"
    word = "moved and edited" if cell.moved and cell.change == "edited" else cell.change
    head = ", ".join(part for part in (word, count) if part)
    if cell.change == "edited" and removed and added:
        return f"{head}: {_excerpt(removed)} → {_excerpt(added)}"
    return head


def _signed(cell: CellChange, sign: str) -> list[str]:
    return [line.text for hunk in cell.hunks for line in hunk.lines if line.sign == sign]


def _excerpt(lines: Sequence[str]) -> str:
    """Return the first line that is not blank, cut where it gets long."""
    line = next((line.strip() for line in lines if line.strip()), "")
    return line if len(line) <= _EXCERPT_LETTERS else f"{line[: _EXCERPT_LETTERS - 1]}…"


def _read_locked(
    file: ChangedFile, contents: _Contents, locked: LockedPackages, findings: Findings
) -> str:
    """Take in which packages a lock file names, and return in words how many differ."""
    path = _name(file)
    try:
        old, new = (
            {
                name: " or ".join(versions)
                for name, versions in read_lock_file(path, one).versions.items()
            }
            for one in (contents.old(file), contents.new(file))
        )
    except ValueError as error:
        findings.unknown.append(f"Which packages {path} names is not known: one version {error}.")
        return ""
    locked.files.append(path)
    locked.old.update(old)
    locked.new.update(new)
    return f", {plural(len(compare_packages(old, new)), 'package')} of another version"
