"""The command ``notebook diff``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from jupyter_mlops.commands.notebook_changes import count_changes, describe_changes
from jupyter_mlops.commands.spec import PROGRAM, Arg
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Block, Document, Note, Patch, PatchLine
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.git.changed_files import ChangedFile, list_changed
from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.git.listing import list_untracked
from jupyter_mlops.git.process import literal
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import BlobReader, holds_path, open_blob_reader
from jupyter_mlops.notebooks.compare import CellChange, FieldChange, compare_notebooks
from jupyter_mlops.notebooks.readable import EMPTY, ReadableNotebook, read_notebook
from jupyter_mlops.notebooks.strip import StripSettings, resolve_settings, strip
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.tracked import resolve_path
from jupyter_mlops.units import plural

_SUFFIX = ".ipynb"
_SHOWN_LINES = 2_000
_SHOWN_LETTERS = 2_000


@dataclass(frozen=True, slots=True)
class NotebookDiff:
    """What changed in one notebook.

    ``old_path`` is its former path where it was renamed. ``problem`` goes on after its path where
    one of its versions cannot be read; then nothing is known of its cells.
    """

    path: str
    old_path: str | None
    change: Literal["added", "removed", "edited"]
    problem: str | None
    fields: tuple[FieldChange, ...]
    cells: tuple[CellChange, ...]

    def describe(self) -> Iterator[Block]:
        """Yield a line that sums up, and a block a cell."""
        path = self.path if self.old_path is None else f"{self.old_path} → {self.path}"
        if self.problem is not None:
            yield Note(f"{path} {self.problem}; git diff shows it as text.", "warning")
            return
        if self.change == "edited":
            counted = count_changes(self.fields, self.cells) or "renamed"
        else:
            counted = f"{self.change}, with {plural(len(self.cells), 'cell')}"
        yield Note(f"{path}: {counted}")
        yield from describe_changes(self.fields, self.cells)


@dataclass(frozen=True, slots=True)
class NotebookDiffResult:
    """What changed in notebooks; those without a change that a person reads are left out.

    ``old`` and ``new`` are the full ids of the commits that were compared: ``old`` null before the
    first one, ``new`` null for the working tree.
    """

    old: str | None
    new: str | None
    notebooks: tuple[NotebookDiff, ...]

    def describe(self) -> Document:
        """Return what changed, notebook by notebook, up to a length that can be read."""
        if not self.notebooks:
            return Document((Note("No notebook changed.", "good"),))
        blocks = (block for notebook in self.notebooks for block in notebook.describe())
        return Document(tuple(_shorten(blocks)))


def notebook_diff(
    here: Here,
    old: Annotated[str, Arg("The older revision.", metavar="A", complete="revision")] = "HEAD",
    new: Annotated[
        str | None,
        Arg("The newer revision; the working tree by default.", metavar="B", complete="revision"),
    ] = None,
    notebooks: Annotated[
        tuple[str, ...],
        Arg(
            "Only these notebooks, or those in these folders.", metavar="NOTEBOOK", complete="path"
        ),
    ] = (),
) -> NotebookDiffResult:
    """Show what changed in notebooks, cell by cell.

    Cells are added, removed, edited or moved; of an edited one the lines that differ are shown, and
    metadata that somebody set. Outputs, execution counts and what else running a notebook writes
    are left out. A and B are revisions; a word that ends in ".ipynb" or "/" in their place is
    already a notebook or a folder. In the working tree those notebooks count that Git tracks, and
    those that are named.
    """
    repo = open_repository(here.cwd)
    if _is_path(old):
        notebooks = (old, *notebooks) if new is None else (old, new, *notebooks)
        old, new = "HEAD", None
    elif new is not None and _is_path(new):
        notebooks, new = (new, *notebooks), None
    before = None if old == "HEAD" and head(repo).commit is None else resolve_revision(repo, old)
    after = None if new is None else resolve_revision(repo, new)
    changed = _list_changed(repo, before, after, _resolve_notebooks(repo, here, notebooks))
    return NotebookDiffResult(before, after, compare_changed(repo, changed))


def compare_changed(repo: Repository, files: Sequence[ChangedFile]) -> tuple[NotebookDiff, ...]:
    """Return what changed in each of ``files``, but for those where nobody would see a change."""
    if not files:
        return ()
    settings = resolve_settings(*read_nbstripout_settings(repo))
    with open_blob_reader(repo) as blobs:
        compared = [_compare(repo, blobs, file, settings) for file in files]
    return tuple(one for one in compared if one is not None)


def _is_path(word: str) -> bool:
    return word.endswith((_SUFFIX, "/"))


def _resolve_notebooks(repo: Repository, here: Here, words: Sequence[str]) -> list[str]:
    """Return the paths that ``words`` mean, from the repository's root; none where all is meant."""
    if any(os.path.normpath(here.cwd / word) == str(repo.root) for word in words):
        return []
    return list(dict.fromkeys(resolve_path(repo.root, here.cwd, word) for word in words))


def _list_changed(
    repo: Repository, old: str | None, new: str | None, paths: Sequence[str]
) -> list[ChangedFile]:
    """Return the notebooks that differ; of what is named, also those that Git does not track.

    Raises:
        NotFoundError: there is nothing at a path, on either side.
    """
    for path in paths:
        present = new is None and os.path.lexists(repo.root / path)
        if not present and not any(holds_path(repo, one, path) for one in (old, new) if one):
            raise NotFoundError(
                f"There is no file or folder {path}, on either side.",
                code="path-not-found",
                hints=(f"{PROGRAM} notebook diff",),
            )
    pathspecs = [literal(path) for path in paths]
    changed = list_changed(repo, old, new, pathspecs or [f":(top,glob)**/*{_SUFFIX}"])
    if paths and new is None:
        untracked = list_untracked(repo, pathspecs)
        changed += [ChangedFile(None, None, path, None) for path in untracked]
    return [file for file in changed if (file.new_path or file.old_path or "").endswith(_SUFFIX)]


def _compare(
    repo: Repository, blobs: BlobReader, file: ChangedFile, settings: StripSettings
) -> NotebookDiff | None:
    """Return what changed in a file, None where nothing did that a person reads."""
    path = file.new_path or file.old_path or ""
    content = None if file.old_oid is None else blobs.read(file.old_oid)
    old, old_problem = _read(content, settings.extra_keys)
    if file.new_oid is not None:
        content = blobs.read(file.new_oid)
    elif file.new_path is not None:
        try:
            content = strip(WorkTree(repo.root).read(file.new_path), settings).notebook
        except NotFoundError:
            content, path = None, file.old_path or path
    else:
        content = None
    added, removed = file.old_path is None, content is None
    new, new_problem = _read(content, settings.extra_keys)
    problem = old_problem or new_problem
    changes = compare_notebooks(old, new)
    renamed = not added and not removed and file.old_path != file.new_path
    if not (changes.any or problem or added or removed or renamed):
        return None
    return NotebookDiff(
        path=path,
        old_path=file.old_path if renamed else None,
        change="added" if added else "removed" if removed else "edited",
        problem=problem,
        fields=() if problem else changes.fields,
        cells=() if problem else changes.cells,
    )


def _read(content: bytes | None, extra_keys: Sequence[str]) -> tuple[ReadableNotebook, str | None]:
    try:
        return read_notebook(content or b"", extra_keys), None
    except ValueError as error:
        return EMPTY, str(error)


def _shorten(blocks: Iterator[Block]) -> Iterator[Block]:
    """Yield ``blocks`` up to so many lines of sources, each up to so many letters."""
    left = _SHOWN_LINES
    left_out = 0
    for block in blocks:
        if not isinstance(block, Patch):
            yield block
            continue
        lines = tuple(map(_shorten_line, block.lines[: max(left, 0)]))
        left_out += len(block.lines) - len(lines)
        left -= len(lines)
        yield replace(block, lines=lines)
    if left_out:
        yield Note(f"… and {plural(left_out, 'more line')}; git diff shows them all.", "quiet")


def _shorten_line(line: PatchLine) -> PatchLine:
    if len(line.text) <= _SHOWN_LETTERS:
        return line
    rest = plural(len(line.text) - _SHOWN_LETTERS, "more letter")
    return PatchLine(line.sign, f"{line.text[:_SHOWN_LETTERS]}… and {rest}")
