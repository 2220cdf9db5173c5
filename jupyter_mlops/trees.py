"""A revision as a value: what can be listed and read, be it a Git commit or the working tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol


class Tree(Protocol):
    """Files by path, relative to the project's root, with ``/`` between parts.

    ``git.trees.open_tree`` and ``files.folder_tree.FolderTree`` are trees.
    """

    def iter_paths(self) -> Iterator[str]:
        """Yield the path of every file, sorted by code point."""
        ...

    def read(self, path: str) -> bytes:
        """Return the bytes of ``path``.

        Raises:
            NotFoundError: the tree has no such file.
        """
        ...

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and bytes of each of ``paths`` that exists, in the order given."""
        ...
