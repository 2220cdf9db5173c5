"""Packs in a folder: a store or a remote on a disk of this machine."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from jupyter_mlops.errors import MlopsError, NotFoundError, UnavailableError
from jupyter_mlops.storage.backend import check_object_name

WriteNew = Callable[[Path, Iterable[bytes], Path], bool]
"""Creates a file durably by way of a staging folder, as ``files.durable.write_new`` does."""

Remove = Callable[[Path], bool]
"""Removes a file durably, as ``files.durable.remove_durably`` does."""

_COPY_BYTES = 4 << 20
_STAGING = "tmp"


class LocalBackend:
    """The objects under ``root``, a folder that is made at the first write; see ``Backend``.

    Only one module changes a store's folder, so what writes and removes files is handed in.
    """

    def __init__(self, root: Path, write_new: WriteNew, remove: Remove) -> None:
        self.root = root
        self._write_new = write_new
        self._remove = remove

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return ``length`` bytes from ``offset``; as the protocol says."""
        try:
            with open(self._path(name), "rb", buffering=0) as file:
                left = os.fstat(file.fileno()).st_size - offset if length is None else length
                file.seek(offset)
                parts = []
                while left > 0 and (part := file.read(left)):
                    parts.append(part)
                    left -= len(part)
        except OSError as error:
            raise self._read_error(name, error) from error
        return b"".join(parts)

    def open_map(self, name: str) -> memoryview:
        """Return the whole object mapped into memory, read-only, for as long as the view lives.

        Raises:
            NotFoundError: there is no such object.
            UnavailableError: it cannot be read.
        """
        try:
            with open(self._path(name), "rb") as file:
                if os.fstat(file.fileno()).st_size == 0:
                    return memoryview(b"")
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError as error:
            raise self._read_error(name, error) from error

    def put(self, name: str, data: bytes) -> bool:
        """Create the object ``name``; as the protocol says."""
        return self._put(name, (data,))

    def put_file(self, name: str, path: Path) -> bool:
        """Create the object ``name`` from a file; as the protocol says."""
        try:
            with open(path, "rb", buffering=0) as file:
                return self._put(name, iter(lambda: file.read(_COPY_BYTES), b""))
        except OSError as error:
            raise UnavailableError(
                f"{path} cannot be read: {error.strerror}.", code="not-readable"
            ) from error

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield name and size of every object under ``prefix``; as the protocol says."""
        yield from sorted(self._walk(prefix))

    def delete(self, name: str) -> bool:
        """Delete the object ``name``; as the protocol says."""
        return self._remove(self._path(name))

    def size(self, name: str) -> int | None:
        """Return the size of the object ``name``; None when there is none."""
        try:
            return os.stat(self._path(name)).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._read_error(name, error) from error

    def _path(self, name: str) -> Path:
        check_object_name(name)
        return self.root / name

    def _put(self, name: str, parts: Iterable[bytes]) -> bool:
        return self._write_new(self._path(name), parts, self.root / _STAGING)

    def _walk(self, prefix: str) -> Iterator[tuple[str, int]]:
        def fail(error: OSError) -> None:
            raise error

        top = os.path.normpath(self.root)
        folder = os.path.normpath(os.path.join(top, prefix.rpartition("/")[0]))
        if not os.path.isdir(folder):
            return
        try:
            for here, folders, files in os.walk(folder, onerror=fail):
                if here == top and _STAGING in folders:
                    folders.remove(_STAGING)
                base = os.path.relpath(here, top).replace(os.sep, "/")
                for file in files:
                    name = file if base == "." else f"{base}/{file}"
                    if name.startswith(prefix):
                        yield name, os.stat(os.path.join(here, file)).st_size
        except OSError as error:
            raise UnavailableError(
                f"The folder {folder} cannot be listed: {error.strerror}.", code="not-readable"
            ) from error

    def _read_error(self, name: str, error: OSError) -> MlopsError:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return NotFoundError(f"There is no {name} in {self.root}.", code="object-missing")
        return UnavailableError(
            f"{name} in {self.root} cannot be read: {error.strerror}.", code="not-readable"
        )
