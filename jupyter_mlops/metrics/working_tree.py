"""The working tree as far as metrics or parameters may lie in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from jupyter_mlops.files.folder_tree import FolderTree
from jupyter_mlops.metrics.patterns import literal_folders
from jupyter_mlops.metrics.read import FILE_LIMIT_BYTES


class WorkingTree:
    """The files below the folders in which matches of ``patterns`` can lie, as a ``trees.Tree``.

    Folders of data beside them are not walked, and no more is read of a file than shows that it is
    too large.

    Args:
        root: the root of the working tree.
        patterns: whose matches are files here.
        paths: further files, or folders of files.
    """

    def __init__(self, root: Path, patterns: Sequence[str], paths: Iterable[str] = ()) -> None:
        self._whole = FolderTree(root, FILE_LIMIT_BYTES + 1)
        folders = [folder for folder in literal_folders(patterns) if not _is_linked(root, folder)]
        there = [path for path in dict.fromkeys(paths) if not _is_linked(root, path)]
        self._files = [path for path in there if (root / path).is_file()]
        folders += [path for path in there if (root / path).is_dir()]
        self._folders = list(dict.fromkeys(folders))

    def iter_paths(self) -> Iterator[str]:
        """Yield the path of every file once, sorted by code point within each folder."""
        seen: set[str] = set()
        for folder in self._folders:
            prefix = f"{folder}/" if folder else ""
            for path in FolderTree(self._whole.root / folder).iter_paths():
                if prefix + path not in seen:
                    seen.add(prefix + path)
                    yield prefix + path
        yield from (path for path in self._files if path not in seen)

    def read(self, path: str) -> bytes:
        """Return the bytes of ``path``.

        Raises:
            NotFoundError: there is no such file.
        """
        return self._whole.read(path)

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and bytes of each of ``paths`` that exists, in the order given."""
        return self._whole.read_many(paths)


def _is_linked(root: Path, folder: str) -> bool:
    """Return whether a link stands on the way: Git has no files behind it."""
    here = root
    for part in folder.split("/") if folder else ():
        here = here / part
        if here.is_symlink():
            return True
    return False
