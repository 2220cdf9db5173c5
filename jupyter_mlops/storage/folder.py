"""Objects as files below a folder, on a disk of this machine or of a server (NFS, SMB)."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError
from jupyter_mlops.files.beneath import Folder, Way, open_parent
from jupyter_mlops.files.durable import (
    clear_staging,
    open_staging,
    publish_all,
    remove,
)
from jupyter_mlops.storage import failures, names
from jupyter_mlops.storage.backend import READ_LIMIT_BYTES, ByteRange, StoredObject
from jupyter_mlops.storage.content import Advance, Content, iter_parts
from jupyter_mlops.storage.etags import make_etag
from jupyter_mlops.storage.ranges import read_spans

_COPY_BYTES = 4 << 20
_READ_BYTES = 1 << 30


class FolderBackend:
    """A :class:`~jupyter_mlops.storage.backend.Backend` of files; symbolic links are not followed.

    What is written has the rights of the folder that it is in, so that a group may share it. It
    needs no locks, which a network's file system may lack.
    """

    def __init__(self, root: Path, place: str) -> None:
        self._root = root
        self._place = place
        self._lock = threading.Lock()
        self._cleared = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """The folder, as its URL says it."""
        return self._place

    def read(self, name: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
        """Return the whole file."""
        with self._open(name) as fd:
            size_bytes = os.fstat(fd).st_size
            if size_bytes > limit_bytes:
                raise failures.object_too_big(self.place, name, limit_bytes)
            return self._read_at(fd, name, ByteRange(0, size_bytes))

    def read_ranges(
        self, name: str, ranges: Sequence[ByteRange], *, expected: StoredObject | None = None
    ) -> list[bytes]:
        """Return the bytes of each range; it is looked at before and after."""
        with self._open(name) as fd:
            self._check_now(fd, name, expected)
            read = read_spans(ranges, lambda span: self._read_at(fd, name, span))
            self._check_now(fd, name, expected)
            return read

    def put(self, name: str, content: Content, *, advance: Advance | None = None) -> None:
        """Write the file beside its place and rename it."""
        self._write(name, content, advance, overwrite=True)

    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        """Write the file and link it to its name, which fails where that is taken."""
        names.check(name)
        with suppress(NotFoundError), self._parent(name) as (folder, last):
            if folder.exists(last):
                return False
        try:
            self._write(name, content, advance, overwrite=False)
        except ConflictError as error:
            if error.code != "name-taken":
                raise
            return False
        return True

    def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every regular file below ``prefix``; what dead writers left is cleared first."""
        names.check_prefix(prefix)
        self._check_root()
        with suppress(MlopsError):  # who may only read leaves it to others
            self._clear()
        try:
            with Way(self._root) as way:
                way.to(prefix)
        except NotFoundError:
            return
        waiting = [prefix]
        while waiting:
            folder = waiting.pop()
            for entry in self._scan(folder):
                name = f"{folder}/{entry.name}" if folder else entry.name
                if names.is_staged(name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(name)
                elif entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):  # it was deleted just now
                        found = entry.stat(follow_symlinks=False)
                        names.check_listed(name, self.place)
                        yield _told(name, found)

    def stat(self, name: str) -> StoredObject:
        """Return what the file system tells of the file."""
        with self._open(name) as fd:
            return _told(name, os.fstat(fd))

    def delete(self, name: str) -> None:
        """Unlink the file, durably."""
        names.check(name)
        self._check_root()
        with suppress(NotFoundError), self._parent(name):
            try:
                remove(self._root / name, durable=True)
            except MlopsError as error:
                raise self._said(error) from error

    def close(self) -> None:
        """Nothing is held open."""

    def _write(
        self, name: str, content: Content, advance: Advance | None, *, overwrite: bool
    ) -> None:
        names.check(name)
        self._check_root()
        target = self._root / name
        try:
            with suppress(NotFoundError), self._parent(name):
                pass  # no link stands on the way
            self._clear()
            with open_staging(self._root / names.STAGING_FOLDER, shared=True) as staging:
                staged = staging.create()
                with staged:
                    for part in iter_parts(content, _COPY_BYTES, advance):
                        staged.write(part)
                    staged.sync()
                    publish_all([(staged, target)], overwrite=overwrite, shared=True)
        except MlopsError as error:
            raise self._said(error) from error

    def _clear(self) -> None:
        """Remove what dead writers left behind, once."""
        with self._lock:
            if self._cleared:
                return
            self._cleared = True
        clear_staging(self._root / names.STAGING_FOLDER)

    @contextmanager
    def _parent(self, name: str) -> Iterator[tuple[Folder, str]]:
        with open_parent(self._root, name) as (folder, last):
            yield folder, last

    @contextmanager
    def _open(self, name: str) -> Iterator[int]:
        """Yield the descriptor of the regular file ``name``, reached through no link."""
        names.check(name)
        self._check_root()
        fd = -1
        try:
            with open_parent(self._root, name) as (folder, last):
                fd = folder.open(last, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise failures.object_missing(self.place, name)
            yield fd
        except (FileNotFoundError, NotADirectoryError) as error:
            raise failures.object_missing(self.place, name) from error
        except OSError as error:
            raise self._failed(error, name) from error
        except NotFoundError as error:
            raise failures.object_missing(self.place, name) from error
        except ConflictError as error:
            if error.code == "object-changed":
                raise
            raise failures.remote_failed(self.place, error.message.rstrip(".")) from error
        finally:
            if fd >= 0:
                os.close(fd)

    def _check_root(self) -> None:
        if not self._root.is_dir():
            raise failures.place_missing(self.place, "folder")

    def _scan(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._root / folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:  # it was deleted just now
            return []
        except OSError as error:
            raise self._failed(error, folder or ".") from error

    def _read_at(self, fd: int, name: str, span: ByteRange) -> bytes:
        """Return the bytes of ``span``; the descriptor is this call's alone."""
        parts = []
        os.lseek(fd, span.offset, os.SEEK_SET)
        missing = span.size_bytes
        while missing:
            part = os.read(fd, min(missing, _READ_BYTES))
            if not part:
                raise failures.object_too_short(self.place, name, span.end)
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _check_now(self, fd: int, name: str, expected: StoredObject | None) -> None:
        if expected is not None and not expected.is_now(_told(name, os.fstat(fd))):
            raise failures.object_changed(self.place, name)

    def _failed(self, error: OSError, name: str) -> MlopsError:
        if error.errno == errno.ENAMETOOLONG:
            return failures.name_too_long(self.place, name)
        if error.errno in {errno.EACCES, errno.EPERM}:
            return failures.access_refused(self.place, "read it")
        if error.errno == errno.ELOOP:
            return failures.remote_failed(self.place, f"{name} is a link, which is not followed")
        return failures.remote_failed(self.place, f"{error.strerror or error}")

    def _said(self, error: MlopsError) -> MlopsError:
        """Return an error of the disk as one of a remote."""
        match error.code:
            case "disk-full" | "quota-used-up":
                return failures.place_full(self.place)
            case "read-only":
                return failures.read_only(self.place)
        return error


def _told(name: str, found: os.stat_result) -> StoredObject:
    return StoredObject(
        name,
        found.st_size,
        datetime.fromtimestamp(found.st_mtime, UTC),
        make_etag(found.st_mtime_ns, found.st_size),
    )
