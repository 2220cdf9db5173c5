"""The files of a revision that plots are read from: Git's and the store's alike."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import BinaryIO, Protocol

from jupyter_mlops.commands.number_files import find_dvc_files
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.config import PlotConfig, Template
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.files.folder_tree import FolderTree
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.pointer import POINTER_SUFFIX, decode_pointer
from jupyter_mlops.formats.run import is_series_name
from jupyter_mlops.formats.snapshot import RUNS_POINTER_PATH
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.metrics.dvc import DvcPlot, read_dvc_files
from jupyter_mlops.metrics.patterns import compile_patterns, literal_folders
from jupyter_mlops.metrics.read import FILE_LIMIT_BYTES
from jupyter_mlops.metrics.working_tree import WorkingTree
from jupyter_mlops.plots.pictures import is_image
from jupyter_mlops.plots.read import Files
from jupyter_mlops.plots.tables import is_table
from jupyter_mlops.snapshots.tracked import read_pointers, read_tree_pointers
from jupyter_mlops.sync.source import Source
from jupyter_mlops.sync.view import View

_DVC_TEMPLATES: Mapping[str, Template] = {
    "bar_horizontal": "bar",
    "bar_horizontal_sorted": "bar",
    "confusion": "confusion",
    "confusion_normalized": "confusion",
    "linear": "line",
    "scatter": "scatter",
    "scatter_jitter": "scatter",
    "simple": "line",
    "smooth": "line",
}
"""What DVC's templates are called here; a template of one's own is drawn as if none was named."""


class RevisionFiles(Files, Protocol):
    """The files of a revision, and the series that it has of runs."""

    def open_series(self, run: str) -> Iterator[BinaryIO]:
        """Yield the series of a run that a snapshot took along, those first that began first."""
        ...


class TreeFiles:
    """The files of a commit, and of the tracked paths whose pointer files it has."""

    def __init__(self, ws: Workspace, source: Source, commit: str) -> None:
        self._ws = ws
        self._source = source
        self._tree = open_tree(ws.git, commit)

    @cached_property
    def _view(self) -> View:
        return View(self._source, read_tree_pointers(self._tree))

    def list_plots(self) -> Iterable[PlotConfig]:
        """Return the plots that DVC's files name."""
        return map(_from_dvc, read_dvc_files(self._tree).plots)

    def list(self, pattern: str) -> Iterable[str]:
        """Return the paths that match a pattern, sorted."""
        return _list(pattern, self._tree.iter_paths(), self._view)

    def read(self, path: str, most_bytes: int) -> bytes:
        """Return a file's bytes, no more than the first ``most_bytes``."""
        if path in self._tree.entries:
            return self._tree.read_head(path, most_bytes)
        return _read_tracked(self._ws, self._view, path, most_bytes)

    def open_series(self, run: str) -> Iterator[BinaryIO]:
        """Yield the series of a run that a snapshot took along, those first that began first."""
        if RUNS_POINTER_PATH not in self._tree.entries:
            return
        pointer = decode_pointer(self._tree.read(RUNS_POINTER_PATH), origin=RUNS_POINTER_PATH)
        folder = RUNS_POINTER_PATH.removesuffix(POINTER_SUFFIX)
        view = View(self._source, {folder: pointer})
        for name in sorted(view.list(f"{folder}/{run}") or ()):
            if is_series_name(name):
                yield view.open(f"{folder}/{run}/{name}")


class WorkingFiles:
    """The files of the working tree; a tracked one that is not there, as its pointer names it."""

    def __init__(self, ws: Workspace, source: Source) -> None:
        self._ws = ws
        self._source = source
        self._disk = WorkTree(ws.root)

    @cached_property
    def _view(self) -> View:
        return View(self._source, read_pointers(self._ws))

    def list_plots(self) -> Iterable[PlotConfig]:
        """Return the plots that DVC's files name."""
        tree = FolderTree(self._ws.root, FILE_LIMIT_BYTES + 1)
        return map(_from_dvc, read_dvc_files(tree, find_dvc_files(self._ws.root)).plots)

    def list(self, pattern: str) -> Iterable[str]:
        """Return the paths that match a pattern, sorted."""
        return _list(pattern, WorkingTree(self._ws.root, (pattern,)).iter_paths(), self._view)

    def read(self, path: str, most_bytes: int) -> bytes:
        """Return a file's bytes, no more than the first ``most_bytes``."""
        try:
            return self._disk.read_head(path, most_bytes)
        except NotFoundError:
            return _read_tracked(self._ws, self._view, path, most_bytes)

    def open_series(self, run: str) -> Iterator[BinaryIO]:
        """Yield nothing: no snapshot took anything along."""
        return iter(())


class NoFiles:
    """What HEAD has before the first commit."""

    def list_plots(self) -> Iterable[PlotConfig]:
        """Return nothing."""
        return ()

    def list(self, pattern: str) -> Iterable[str]:
        """Return nothing."""
        return ()

    def read(self, path: str, most_bytes: int) -> bytes:
        """Raise NotFoundError."""
        raise NotFoundError(f"{path} is not in HEAD.", code="path-not-found")

    def open_series(self, run: str) -> Iterator[BinaryIO]:
        """Yield nothing."""
        return iter(())


def _from_dvc(plot: DvcPlot) -> PlotConfig:
    """Return a plot of DVC's as one of ours; a folder means the files in it."""
    template = _DVC_TEMPLATES.get(plot.template or "")
    across, up = plot.x, plot.y
    labels = plot.x_label, plot.y_label
    if template == "bar" and plot.y:  # DVC's bars lie: their categories are along y
        across, up = plot.y[0], (plot.x,) if plot.x is not None else ()
        labels = plot.y_label, plot.x_label
    is_file = is_table(plot.pattern) or is_image(plot.pattern)
    file = plot.pattern if is_file else f"{plot.pattern}/"
    return PlotConfig(
        file=file,
        x=across,
        y=up,
        title=plot.title,
        template=template,
        x_label=labels[0],
        y_label=labels[1],
    )


def _list(pattern: str, paths: Iterable[str], view: View) -> list[str]:
    matches = compile_patterns((pattern,))
    found = {path for path in paths if matches(path)}
    for folder in literal_folders((pattern,)):
        found.update(path for path, _ in view.iter_files(folder) if matches(path))
    return sorted(found)


def _read_tracked(ws: Workspace, view: View, path: str, most_bytes: int) -> bytes:
    try:
        with view.open(path) as file:
            return file.read(most_bytes)
    except NotFoundError as error:
        if error.code != "content-missing" or not ws.config.remotes:
            raise
        hints = (f"jupyter mlops pull {shlex.quote(path)}", *error.hints)
        raise NotFoundError(error.message, code=error.code, hints=hints) from error
