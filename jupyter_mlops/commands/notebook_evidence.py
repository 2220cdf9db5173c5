"""What checks look at in one notebook: its file, and Git's version of it."""

from __future__ import annotations

import os
import stat
import weakref
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jupyter_mlops.git.attributes import read_attributes
from jupyter_mlops.git.ignore import ignored
from jupyter_mlops.git.launcher import (
    FILTER,
    read_filter_settings,
    read_nbstripout_settings,
)
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import BlobReader, GitTree, open_blob_reader, open_tree
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.notebooks.strip import StripSettings, find_unstripped, resolve_settings
from jupyter_mlops.reports.notebook_rules import Version


@dataclass(frozen=True, slots=True)
class GitVersion:
    """Git's version of a notebook: which one, the cells that carry outputs, its attribute."""

    version: Version
    unstripped: tuple[CellPlace, ...]
    has_attribute: bool


def read_file(path: Path) -> bytes:
    """Return the bytes of the notebook's file, following links; a device is never opened.

    Raises:
        ValueError: it is not there, not a regular file, or cannot be read; the message goes on
            after its name.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("is not a file")
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from error


class GitNotebooks:
    """The notebooks of one working tree as Git has them; what Git lists is asked for once.

    One process of Git reads all of them; it ends with this object.
    """

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self._stack = ExitStack()
        weakref.finalize(self, self._stack.close)

    def name(self, file: Path) -> str:
        """Return the path of ``file`` within the working tree, links followed."""
        return Path(os.path.realpath(file)).relative_to(self._real_root).as_posix()

    def read(self, file: Path, content: bytes) -> GitVersion | None:
        """Return Git's version of the notebook ``file``, whose bytes on disk are ``content``.

        That is what the index has, or HEAD where the index has nothing or a conflict, or what
        ``git add`` would take in where Git does not know it. None where Git ignores it, or a
        filter of someone else's decides.

        Raises:
            MlopsError: Git cannot say.
        """
        path = self.name(file)
        attribute = self._read_filter(path)
        oid, version = self._find(path)
        if oid is not None:
            stored = self._blobs.read(oid)
        elif ignored(self.repo, [path]):
            return None
        elif attribute == FILTER and self._filter_is_set_up:
            return GitVersion(version, (), True)
        elif attribute not in (FILTER, None, "unset"):
            return None
        else:
            stored = content
        return GitVersion(
            version, tuple(find_unstripped(stored, self._settings)), attribute == FILTER
        )

    def _find(self, path: str) -> tuple[str | None, Version]:
        staged = self._index.get(path)
        if staged is not None:
            return staged, "index"
        entry = self._head.entries.get(path) if self._head is not None else None
        if entry is not None and entry.mode.startswith("100"):
            return entry.oid, "HEAD"
        return None, "untracked"

    def _read_filter(self, path: str) -> str | None:
        if path not in self._filters:
            self._filters.update(_read_filters(self.repo, [path]))
        return self._filters[path]

    @cached_property
    def _filters(self) -> dict[str, str | None]:
        return _read_filters(self.repo, list(self._index))

    @cached_property
    def _blobs(self) -> BlobReader:
        return self._stack.enter_context(open_blob_reader(self.repo))

    @cached_property
    def _real_root(self) -> Path:
        return self.repo.root.resolve()

    @cached_property
    def _index(self) -> dict[str, str | None]:
        return list_index(self.repo, "*.ipynb")

    @cached_property
    def _head(self) -> GitTree | None:
        commit = head(self.repo).commit
        return open_tree(self.repo, commit) if commit is not None else None

    @cached_property
    def _settings(self) -> StripSettings:
        return resolve_settings(*read_nbstripout_settings(self.repo))

    @cached_property
    def _filter_is_set_up(self) -> bool:
        return bool(read_filter_settings(self.repo))


def _read_filters(repo: Repository, paths: list[str]) -> dict[str, str | None]:
    """Return the filter that Git's attributes give each path."""
    found = read_attributes(repo, paths, ("filter",)) if paths else {}
    return {path: values.get("filter") for path, values in found.items()}
