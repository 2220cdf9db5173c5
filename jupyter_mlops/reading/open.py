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
from jupyter_mlops.git.revisions import Stamp, stamp_revision
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.tracked import read_pointers, read_tree_pointers, resolve_path
from jupyter_mlops.sync.source import Source
from jupyter_mlops.sync.view import View

_VIEWS = 16
_MODES = ("r", "rb", "rt")
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
    revision = _open_revision(os.getcwd(), rev)
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


def open_view(ws: Workspace, rev: str | None) -> View:
    """Return the tracked data of a revision, or as the working tree's pointer files name it."""
    if rev is None:
        return View(_source(ws.root), read_pointers(ws))
    return _open_view(ws.root, resolve_revision(ws.git, rev))


@dataclass(frozen=True, slots=True)
class _Revision:
    """What a revision has, for whoever is in one folder of the project."""

    ws: Workspace
    view: View
    stamp: Stamp | None
    folder: str

    def path(self, text: str) -> str:
        """Return the project-relative path that ``text`` means."""
        if text[0:1].isalnum() and os.path.normpath(text) == text:
            plain = text.replace(os.sep, "/").removesuffix(POINTER_SUFFIX)
            return f"{self.folder}/{plain}" if self.folder else plain
        return resolve_path(self.ws.root, self.ws.cwd, text)


def _open_revision(folder: str, rev: str | None) -> _Revision:
    """Open a revision, or give back what was opened before, if that is still what it names."""
    known = _revisions.get((folder, rev))
    if known is not None and known.stamp is not None and known.stamp == _stamp(known.ws, rev):
        return known
    ws = open_workspace(Path(folder))
    stamp = _stamp(ws, rev)
    inner = "" if ws.cwd == ws.root else resolve_path(ws.root, ws.root, str(ws.cwd))
    found = _Revision(ws, open_view(ws, rev), stamp, inner)
    if len(_revisions) >= _VIEWS:
        _revisions.clear()
    _revisions[folder, rev] = found
    return found


def _stamp(ws: Workspace, rev: str | None) -> Stamp | None:
    return stamp_revision(ws.git, rev) if rev is not None else None


_revisions: dict[tuple[str, str | None], _Revision] = {}


@lru_cache(_VIEWS)
def _open_view(root: Path, commit: str) -> View:
    ws = open_workspace(root)
    return View(_source(root), read_tree_pointers(open_tree(ws.git, commit)))


@lru_cache(_VIEWS)
def _source(root: Path) -> Source:
    return _opened.enter_context(source_of(open_workspace(root)))
