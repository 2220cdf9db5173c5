"""``jupyter_mlops.open`` and ``jupyter_mlops.read_table``."""

from __future__ import annotations

import atexit
import builtins
import io
import os
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from jupyter_mlops.commands.remote import source_of
from jupyter_mlops.commands.workspace import Workspace, open_workspace
from jupyter_mlops.errors import UnsupportedError, UsageError
from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.git.revisions import Stamp, find_commit, stamp_revision
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.ids import is_snapshot_id
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.tracked import read_pointers, read_tree_pointers, resolve_path
from jupyter_mlops.sync.source import Source
from jupyter_mlops.sync.view import View

_VIEWS = 16
_MODES = ("r", "rb", "rt")
_FOR_GOOD: Stamp = ()
"""The stamp of the ids of commits and snapshots, which never name anything else."""
_opened = ExitStack()
"""What content is read from, open until the process ends."""
atexit.register(_opened.close)


def open(
    path: str | os.PathLike[str],
    rev: str | None = None,
    mode: str = "rb",
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> IO[Any]:
    """Return a tracked file as a revision has it, open for reading; nothing is restored.

    It is seekable, and only the chunks that are needed are read, from the store or else from the
    project's remote; each is verified.

    Args:
        path: of the file, relative to the current folder.
        rev: a commit, branch, tag or snapshot. Without one the file on disk, or where it is not
            there, as its pointer file names it.
        mode: ``rb``, or ``r`` for text.
        encoding: of the text, UTF-8 by default.
        errors: as for :func:`open`.
        newline: as for :func:`open`.

    Raises:
        NotFoundError: there is no such file or revision, or its content is nowhere.
        UsageError: another mode.
    """
    if mode not in _MODES:
        raise UsageError(f"Data of a revision is read only: mode {mode!r}.", code="bad-value")
    if rev is None and Path(path).is_file():
        return builtins.open(
            path,
            mode,
            encoding=None if mode == "rb" else encoding or "utf-8",
            errors=errors,
            newline=newline,
        )
    revision = find_revision(os.getcwd(), rev)
    file = revision.view.open(revision.path(os.fspath(path)))
    if mode == "rb":
        return file
    return io.TextIOWrapper(file, encoding or "utf-8", errors, newline)


def read_table(path: str | os.PathLike[str], rev: str | None = None, **options: Any) -> Any:
    """Return a tracked CSV, TSV, JSON lines or Parquet file as a pandas data frame.

    Args:
        path: as for :func:`open`; its ending says what it is.
        rev: as for :func:`open`.
        options: handed on to pandas.

    Raises:
        UnsupportedError: pandas is not installed, or the ending is another one.
        NotFoundError: as for :func:`open`.
    """
    try:
        pandas: Any = import_module("pandas")
    except ImportError as error:
        raise UnsupportedError(
            "read_table needs pandas, which is not installed here.",
            code="library-missing",
            hints=("pip install pandas",),
        ) from error
    name = os.fspath(path).lower()
    with open(path, rev) as file:
        if name.endswith(".parquet"):
            return pandas.read_parquet(file, **options)
        if name.endswith((".jsonl", ".ndjson")):
            return pandas.read_json(file, lines=True, **options)
        if name.endswith(".tsv"):
            return pandas.read_csv(file, sep="\t", **options)
        if name.endswith(".csv"):
            return pandas.read_csv(file, **options)
    raise UnsupportedError(
        f"{path} is no table by its ending: .csv, .tsv, .jsonl, .ndjson or .parquet.",
        code="bad-value",
    )


@dataclass(frozen=True, slots=True)
class OpenRevision:
    """What a revision has, for whoever is in one folder of the project."""

    ws: Workspace
    rev: str | None
    view: View
    stamp: Stamp | None
    folder: str

    def is_current(self) -> bool:
        """Return whether ``rev`` names what it named when this was opened."""
        if self.rev is None or self.stamp is None:
            return False
        return self.stamp == _FOR_GOOD or self.stamp == stamp_revision(self.ws.git, self.rev)

    def path(self, text: str) -> str:
        """Return the project-relative path that ``text`` means."""
        if text[0:1].isalnum() and os.path.normpath(text) == text:
            plain = text.replace(os.sep, "/").removesuffix(POINTER_SUFFIX)
            return f"{self.folder}/{plain}" if self.folder else plain
        return resolve_path(self.ws.root, self.ws.cwd, text)


def find_revision(folder: str, rev: str | None) -> OpenRevision:
    """Open a revision, or give back what was opened before, if that is still what it names.

    Args:
        folder: of the project, absolute.
        rev: as for :func:`open`; None for what the working tree's pointer files name.

    Raises:
        NotFoundError: there is no such revision.
    """
    known = _revisions.get((folder, rev))
    if known is not None and known.is_current():
        return known
    ws = open_workspace(Path(folder))
    stamp = _stamp(ws, rev)
    inner = "" if ws.cwd == ws.root else resolve_path(ws.root, ws.root, str(ws.cwd))
    if rev is None:
        view = View(_source(ws.root), read_pointers(ws))
    else:
        view = _open_view(ws.root, resolve_revision(ws.git, rev))
    found = OpenRevision(ws, rev, view, stamp, inner)
    if len(_revisions) >= _VIEWS:
        _revisions.clear()
    _revisions[folder, rev] = found
    return found


def _stamp(ws: Workspace, rev: str | None) -> Stamp | None:
    if rev is None:
        return None
    if is_snapshot_id(rev) and find_commit(ws.git, rev) is None:
        return _FOR_GOOD
    return stamp_revision(ws.git, rev)


_revisions: dict[tuple[str, str | None], OpenRevision] = {}


@lru_cache(_VIEWS)
def _open_view(root: Path, commit: str) -> View:
    ws = open_workspace(root)
    return View(_source(root), read_tree_pointers(open_tree(ws.git, commit)))


@lru_cache(_VIEWS)
def _source(root: Path) -> Source:
    return _opened.enter_context(source_of(open_workspace(root)))
