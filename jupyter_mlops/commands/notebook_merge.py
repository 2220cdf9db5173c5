"""The command ``notebook merge``, which Git starts through the launcher to merge a notebook."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from jupyter_mlops.commands.notebook_outputs import OutputKeeper
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Here, read_config_for_git
from jupyter_mlops.document import Document, Hint, Note
from jupyter_mlops.errors import MlopsError, UnavailableError, UnsupportedError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.conflict import limit_mark_bytes
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.git.launcher import CONFLICT_STATUS, read_nbstripout_settings
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.text_merge import TextMerger, open_text_merger
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.notebooks.conflict import join_sources
from jupyter_mlops.notebooks.merge import MergedNotebook, merge_notebooks
from jupyter_mlops.notebooks.merge_cells import MergedText
from jupyter_mlops.notebooks.merge_values import Versions
from jupyter_mlops.notebooks.strip import Stripped, StripSettings, resolve_settings, strip
from jupyter_mlops.objects.recent import RecentOutputs
from jupyter_mlops.objects.running import running
from jupyter_mlops.objects.store import clear_store
from jupyter_mlops.reports.findings import name_cell, quote_path
from jupyter_mlops.snapshots.handles import open_project_store
from jupyter_mlops.snapshots.outputs import read_keep_rules
from jupyter_mlops.text import visible

_LISTED = 20
_LIMIT_BYTES = 256 * 1024**2


@dataclass(frozen=True, slots=True)
class NotebookMergeResult:
    """The notebook that is in conflict, and the cells in which marks stand."""

    path: str
    cells: tuple[CellPlace, ...]

    @property
    def exit_status(self) -> int:
        """What tells Git that there is a conflict."""
        return CONFLICT_STATUS

    def describe(self) -> Document:
        """Return a line for each cell, and what to do."""
        named = [
            Note(f"{self.path}: both sides changed {name_cell(cell)}.", "bad")
            for cell in self.cells[:_LISTED]
        ]
        if self.cells[_LISTED:]:
            named.append(Note(f"… and {len(self.cells) - _LISTED} more.", "bad"))
        return Document(
            (
                *named,
                Note("The notebook opens in Jupyter: choose between the marks in these cells."),
                Hint("Then", f"git add -- {quote_path(self.path)}"),
            )
        )


def notebook_merge(
    here: Here,
    base: Annotated[str, Arg("The file with the common ancestor's version.", metavar="BASE")],
    ours: Annotated[str, Arg("The file with ours, which becomes the result.", metavar="OURS")],
    theirs: Annotated[str, Arg("The file with the other side's version.", metavar="THEIRS")],
    mark_bytes: Annotated[int, Arg("How long the marks of a conflict shall be.", metavar="LENGTH")],
    path: Annotated[str, Arg("The notebook's path, for messages.", metavar="PATH")],
) -> NotebookMergeResult | None:
    """Merge a notebook for Git.

    Git calls this itself, as its merge driver for notebooks. The file OURS becomes a notebook in
    which the versions are merged cell by cell, without outputs; the filter gives it those that the
    store has for cells of either side. The exit status is 0 without a conflict and 4 with one;
    where it cannot merge it leaves the file alone, fails otherwise, and the notebook is merged as
    text.
    """
    try:
        repo = open_repository(here.cwd)
        tree = WorkTree(here.cwd, repo.state_dir / "staging")
        versions = Versions(
            *(tree.read(name, limit_bytes=_LIMIT_BYTES) for name in (base, ours, theirs))
        )
        settings = resolve_settings(*read_nbstripout_settings(repo))
        stripped = Versions(*(strip(version, settings) for version in versions))
        merged = _merge(repo, stripped, limit_mark_bytes(mark_bytes))
        _remember_outputs(here, repo, stripped, settings, path)
        # A side may have taken away what kept outputs in Git.
        notebook = strip(merged.notebook, settings).notebook
        tree.write_file(ours, notebook, Mode.FILE)
    except MlopsError as error:
        raise _merged_as_text(f"{path} is merged as text: {error.message}") from error
    except ValueError as error:
        raise _merged_as_text(f"{path} is merged as text, as it {error}.") from error
    return NotebookMergeResult(path, merged.conflicts) if merged.conflicts else None


def _merged_as_text(message: str) -> UnsupportedError:
    return UnsupportedError(message, code="merge-as-text", hints=("git status",))


def _merge(repo: Repository, stripped: Versions[Stripped], mark_bytes: int) -> MergedNotebook:
    sides = zip(("its common ancestor", "ours", "theirs"), stripped, strict=True)
    for side, version in sides:
        if version.problem is not None:
            raise ValueError(f"{version.problem} ({side})")
    with open_text_merger(repo, repo.state_dir / "staging") as merger:
        return merge_notebooks(
            Versions(*(version.notebook for version in stripped)),
            partial(merge_sources, merger, mark_bytes),
            mark_bytes=mark_bytes,
        )


def merge_sources(
    merger: TextMerger, mark_bytes: int, texts: Sequence[Versions[str]]
) -> list[MergedText]:
    """Merge sources of cells line by line, each by itself, with marks so long.

    Raises:
        UnavailableError: Git cannot be started, or the disk is full.
    """
    return [_merge_text(merger, mark_bytes, versions) for versions in texts]


def _merge_text(merger: TextMerger, mark_bytes: int, versions: Versions[str]) -> MergedText:
    """Merge sources line by line; the last line ends like the others, so that it may change."""
    lines = [f"{text}\n".encode("utf-8", "surrogatepass") if text else b"" for text in versions]
    try:
        merged, conflict = merger.merge(*lines, mark_bytes=mark_bytes)
    except UnavailableError:
        if not any("\0" in text for text in versions):
            raise
        # To Git that is no text.
        joined = join_sources(versions.ours, versions.theirs, mark_bytes=mark_bytes)
        return MergedText(joined, conflict=True)
    return MergedText(merged.decode("utf-8", "surrogatepass").removesuffix("\n"), conflict)


def _remember_outputs(
    here: Here,
    repo: Repository,
    stripped: Versions[Stripped],
    settings: StripSettings,
    path: str,
) -> None:
    """Let Git's filter, which makes the file, find the outputs of both sides.

    Those of a side that was committed with outputs are kept, durably on return. Where that fails
    the merge goes on without them.
    """
    config = read_config_for_git(repo).config.notebooks
    if not config.keep_outputs:
        return
    recent = RecentOutputs(repo.state_dir, repo.root, settings)
    try:
        store = open_project_store(repo)
        clear_store(store)
        rules = read_keep_rules(repo, config)
        with running(store), OutputKeeper(store, here.clock, rules, recent) as keeper:
            for side in (stripped.theirs, stripped.ours):
                recent.note(path, hash_bytes(side.notebook))
                if side.removed is not None:
                    keeper.keep(side.notebook, side.removed, path)
    except MlopsError as error:
        sentence = f"{path} is merged without outputs that Git had of it. {error.message}"
        print(f"jupyter-mlops: {visible(sentence)}", file=sys.stderr, flush=True)
