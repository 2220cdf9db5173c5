"""The fsspec file system ``mlops://REV/PATH``, by which pandas and its like read revisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import unquote

from fsspec.spec import AbstractFileSystem

from jupyter_mlops.commands.workspace import current_folder
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.git.revisions import read_committed_at
from jupyter_mlops.reading.open import OpenRevision, find_revision
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.sync.external import NO_HASH
from jupyter_mlops.sync.view import View

_WORKTREE = "."


class MlopsFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Tracked data of any revision of the project in the current folder, read only.

    A path is ``REV/PATH``; ``.`` stands for what the working tree's pointer files name. A slash in
    the name of a branch is written ``%2F``, and a percent sign ``%25``.

    Args:
        project: a folder of the project, the current one by default.
    """

    protocol = "mlops"
    root_marker = ""

    def __init__(self, project: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._project = project

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List a folder, or tell of one file."""
        view, inner, prefix = self._split(path)
        found = view.list(inner)
        if found is None:
            return [self.info(path)] if detail else [self._strip_protocol(path)]
        rows = [
            _describe(f"{prefix}/{inner}/{name}" if inner else f"{prefix}/{name}", entry)
            for name, entry in sorted(found.items())
        ]
        return rows if detail else [row["name"] for row in rows]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Tell name, size in bytes and type of a file or folder."""
        view, inner, prefix = self._split(path)
        entry = view.find(inner)
        if entry is None:
            raise FileNotFoundError(path)
        return _describe(f"{prefix}/{inner}" if inner else prefix, entry)

    def modified(self, path: str) -> datetime:
        """Tell when the revision was committed; of the working tree, that it may be just now."""
        self.info(path)
        found = self._find(path)[0]
        if found.rev is None:
            return found.ws.clock.now()
        return read_committed_at(found.ws.git, resolve_revision(found.ws.git, found.rev))

    created = modified

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if mode != "rb":
            raise OSError(f"revisions are read only: mode {mode!r}")
        view, inner, _prefix = self._split(path)
        try:
            return view.open(inner)
        except NotFoundError as error:
            if error.code == "path-not-found":
                raise FileNotFoundError(path) from error
            raise

    def _split(self, path: str) -> tuple[View, str, str]:
        """Return what a path leads into, the path within, and the revision as it is written."""
        found, inner, written = self._find(path)
        return found.view, inner, written

    def _find(self, path: str) -> tuple[OpenRevision, str, str]:
        """Return the revision of a path, the path within, and the revision as it is written."""
        written, _, inner = str(self._strip_protocol(path)).strip("/").partition("/")
        if not written:
            raise FileNotFoundError(path)
        revision = None if written == _WORKTREE else unquote(written)
        folder = current_folder() / (self._project or ".")
        return find_revision(str(folder), revision), inner, written


def _describe(name: str, entry: Entry) -> dict[str, Any]:
    is_folder = entry.mode is Mode.FOLDER
    return {
        "name": name,
        "size": 0 if is_folder else entry.size_bytes,
        "type": "directory" if is_folder else "file",
        "blake3": None if is_folder or entry.hash == NO_HASH else entry.hash.hex(),
    }
