"""A folder on disk as a tree that can be listed and read like a commit."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.files.worktree import WorkTree


class FolderTree:
    """The regular files under ``root``, as a ``trees.Tree``, without ``.git`` and links.

    Where ``most_bytes`` is given, a file is read no further than that.
    """

    def __init__(self, root: Path, most_bytes: int | None = None) -> None:
        self.root = root
        self._most_bytes = most_bytes
        self._files = WorkTree(root)

    def iter_paths(self) -> Iterator[str]:
        """Yield the path of every file, sorted by code point."""
        found: list[str] = []
        top = os.fspath(self.root)
        for here, folders, _ in os.walk(top):
            folders[:] = [name for name in folders if name != ".git"]
            prefix = os.path.relpath(here, top).replace(os.sep, "/") + "/" if here != top else ""
            with os.scandir(here) as entries:
                found += [
                    prefix + entry.name for entry in entries if entry.is_file(follow_symlinks=False)
                ]
        yield from sorted(found)

    def read(self, path: str) -> bytes:
        """Return the bytes of ``path``.

        Raises:
            NotFoundError: there is no such file.
            ConflictError: a link stands on the way.
        """
        return self._files.read_head(path, self._most_bytes)

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and bytes of each of ``paths`` that exists, in the order given."""
        for path in paths:
            try:
                yield path, self.read(path)
            except NotFoundError:
                continue
