"""Git's objects, read as its documents describe them, without a process where they lie alone."""

from __future__ import annotations

import hashlib
import subprocess
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_FOLDER, _SUBMODULE = b"40000", b"160000"


class ObjectsTree:
    """The files of a commit: a :class:`jupyter_mlops.trees.Tree` that asks the package nothing.

    Every object must have the name of its bytes.
    """

    def __init__(self, git_folder: Path, commit: str) -> None:
        self._objects = git_folder / "objects"
        tree = self._read(commit).split(b"\n", 1)[0].removeprefix(b"tree ").decode("ascii")
        self._oids = dict(sorted(self._list(tree, "")))

    def iter_paths(self) -> Iterator[str]:
        """Yield the path of every file and link, sorted by code point."""
        return iter(self._oids)

    def read(self, path: str) -> bytes:
        """Return the bytes of ``path``."""
        return self._read(self._oids[path])

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and bytes of each of ``paths``."""
        return ((path, self.read(path)) for path in paths)

    def _list(self, oid: str, prefix: str) -> Iterator[tuple[str, str]]:
        left = self._read(oid)
        while left:
            described, _, left = left.partition(b"\0")
            mode, _, name = described.partition(b" ")
            path, oid, left = prefix + name.decode(), left[:20].hex(), left[20:]
            if mode == _FOLDER:
                yield from self._list(oid, f"{path}/")
            elif mode != _SUBMODULE:
                yield path, oid

    def _read(self, oid: str) -> bytes:
        loose = self._objects / oid[:2] / oid[2:]
        if not loose.exists():
            return self._read_packed(oid)
        try:
            whole = zlib.decompress(loose.read_bytes())
        except zlib.error as error:
            raise AssertionError(f"Git's object {oid} is damaged") from error
        assert hashlib.sha1(whole).hexdigest() == oid, f"Git's object {oid} is another one"
        return whole.partition(b"\0")[2]

    def _read_packed(self, oid: str) -> bytes:
        words = ["git", "--git-dir", str(self._objects.parent), "cat-file", "--batch"]
        answer = subprocess.run(words, input=f"{oid}\n".encode(), capture_output=True).stdout
        header, _, content = answer.partition(b"\n")
        assert not header.endswith(b" missing") and content, f"Git's object {oid} is missing"
        return content[:-1]
