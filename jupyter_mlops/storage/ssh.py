"""Objects as files on a host that is reached by SSH: SFTP 3 with OpenSSH's extensions.

asyncssh speaks with it from a thread of its own; ``~/.ssh/config``, known_hosts, agent and keys
are the user's own. One connection carries the requests of all threads at once.
"""

from __future__ import annotations

import importlib.util
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, TypeVar

from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.storage import failures, names
from jupyter_mlops.storage.backend import READ_LIMIT_BYTES, ByteRange, StoredObject
from jupyter_mlops.storage.content import Advance, Content, iter_parts, size_of
from jupyter_mlops.storage.etags import make_etag
from jupyter_mlops.storage.ranges import read_spans
from jupyter_mlops.storage.ssh_connection import SshConnection
from jupyter_mlops.storage.url import RemoteUrl

if TYPE_CHECKING:
    from asyncssh import SFTPAttrs, SFTPClient

_SENT_BYTES = 1 << 20
_FORGOTTEN_SECONDS = 24 * 3600
_READ_ONLY_FLAG = 1  # of statvfs@openssh.com
_FOLDER, _FILE = "folder", "file"

_T = TypeVar("_T")


class SshBackend:
    """A :class:`~jupyter_mlops.storage.backend.Backend` of files that SFTP reaches.

    Each object is written below ``tmp/``, synced where the server can (``fsync@openssh.com``), and
    renamed: ``posix-rename@openssh.com`` replaces, the plain rename of SFTP 3 never does. Folders
    cannot be synced by SFTP. Symbolic links are not listed.
    """

    def __init__(self, where: RemoteUrl) -> None:
        if importlib.util.find_spec("asyncssh") is None:
            raise failures.library_missing(where.text, "asyncssh", "ssh")
        self._where = where
        self._base = where.path.removeprefix("~/")
        self._connection = SshConnection(where)
        self._lock = threading.Lock()
        self._has_staging = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """The URL of the folder."""
        return self._where.text

    def read(self, name: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
        """Return the whole file."""
        names.check(name)

        async def read(client: SFTPClient) -> bytes:
            async with client.open(self._path(name), "rb") as file:
                size_bytes = (await file.stat()).size or 0
                if size_bytes > limit_bytes:
                    raise failures.object_too_big(self.place, name, limit_bytes)
                found = await file.read(size_bytes, 0)
            if len(found) != size_bytes:
                raise failures.cut_short(self.place, name)
            return _bytes(found)

        return self._read(read, name)

    def read_ranges(
        self, name: str, ranges: Sequence[ByteRange], *, expected: StoredObject | None = None
    ) -> list[bytes]:
        """Return the bytes of each range."""
        names.check(name)
        return read_spans(ranges, lambda span: self._read_span(name, span, expected))

    def put(self, name: str, content: Content, *, advance: Advance | None = None) -> None:
        """Write the file below ``tmp/`` and rename it over what is there."""
        self._put(name, content, advance, overwrite=True)

    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        """Write the file below ``tmp/`` and rename it, which fails where the name is taken."""
        names.check(name)
        if self._exists(name):
            return False
        return self._put(name, content, advance, overwrite=False)

    def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every regular file below ``prefix``."""
        names.check_prefix(prefix)
        self._check_base()
        waiting = [prefix]
        while waiting:
            folder = waiting.pop()
            for step, attributes in self._scan(folder):
                name = f"{folder}/{step}" if folder else step
                if names.is_staged(name):
                    continue
                kind = _kind(attributes)
                if kind is not None:
                    names.check_listed(name, self.place)
                if kind == _FOLDER:
                    waiting.append(name)
                elif kind == _FILE:
                    yield _told(name, attributes)

    def stat(self, name: str) -> StoredObject:
        """Return what the host tells of the file."""
        names.check(name)
        found = self._read(lambda client: client.lstat(self._path(name)), name)
        if _kind(found) != _FILE:
            raise failures.object_missing(self.place, name)
        return _told(name, found)

    def delete(self, name: str) -> None:
        """Remove the file."""
        names.check(name)
        try:
            self._remove(name)
        except NotFoundError:
            self._check_base()

    def close(self) -> None:
        """End the connection and its thread."""
        self._connection.close()

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}" if name else self._base

    def _run(self, action: Callable[[SFTPClient], Awaitable[_T]], name: str, doing: str) -> _T:
        return self._connection.run(action, name, doing)

    def _read(self, action: Callable[[SFTPClient], Awaitable[_T]], name: str) -> _T:
        """Read something; a missing folder is told from a missing object."""
        try:
            return self._run(action, name, "read it")
        except NotFoundError:
            self._check_base()
            raise

    def _read_span(self, name: str, span: ByteRange, expected: StoredObject | None) -> bytes:
        async def read(client: SFTPClient) -> tuple[bytes, bool]:
            async with client.open(self._path(name), "rb") as file:
                part = _bytes(await file.read(span.size_bytes, span.offset))
                if expected is None:
                    return part, True
                return part, expected.is_now(_told(name, await file.stat()))

        found, is_same = self._read(read, name)
        if not is_same:
            raise failures.object_changed(self.place, name)
        if len(found) != span.size_bytes:
            raise failures.object_too_short(self.place, name, span.end)
        return found

    def _put(
        self, name: str, content: Content, advance: Advance | None, *, overwrite: bool
    ) -> bool:
        names.check(name)
        self._prepare()
        staged = f"{names.STAGING_FOLDER}/{secrets.token_hex(16)}"
        try:
            size_bytes = self._send(staged, content, advance)
            if size_bytes != size_of(content):
                raise failures.cut_short(self.place, name)
            done = self._rename(staged, name, overwrite=overwrite)
        except BaseException:
            with suppress(MlopsError):
                self._remove(staged)
            raise
        if not done:
            self._remove(staged)
        return done

    def _send(self, staged: str, content: Content, advance: Advance | None) -> int:
        """Write a new file; return how large it is there."""

        async def send(client: SFTPClient) -> int:
            from asyncssh import SFTPOpUnsupported

            async with client.open(self._path(staged), "xb") as file:
                for part in iter_parts(content, _SENT_BYTES, advance):
                    await file.write(part)
                with suppress(SFTPOpUnsupported):
                    await file.fsync()
                return (await file.stat()).size or 0

        return self._write(send, staged)

    def _rename(self, staged: str, name: str, *, overwrite: bool) -> bool:
        """Give the file its name; return False where that is taken and must not be."""

        async def rename(client: SFTPClient) -> None:
            from asyncssh import SFTPNoSuchFile

            method = client.posix_rename if overwrite else client.rename
            try:
                await method(self._path(staged), self._path(name))
            except SFTPNoSuchFile:
                await client.makedirs(self._path(name.rpartition("/")[0]), exist_ok=True)
                await method(self._path(staged), self._path(name))

        try:
            self._write(rename, name)
        except MlopsError:
            if overwrite or not self._exists(name):
                raise
            return False
        return True

    def _write(self, action: Callable[[SFTPClient], Awaitable[_T]], name: str) -> _T:
        """Do what changes something; what SFTP 3 calls a failure is looked into."""
        try:
            return self._run(action, name, "write to it")
        except MlopsError as error:
            cause = self._look_at_disk() if error.code == "remote-failed" else None
            if cause is None:
                raise
        raise cause

    def _look_at_disk(self) -> MlopsError | None:
        """Return why nothing can be written there, None where that cannot be told."""

        async def look(client: SFTPClient) -> tuple[int, int]:
            found = await client.statvfs(self._base)
            return found.bavail, found.flags

        with suppress(MlopsError):
            free_blocks, flags = self._run(look, "", "look at it")
            if flags & _READ_ONLY_FLAG:
                return failures.read_only(self.place)
            if free_blocks == 0:
                return failures.place_full(self.place)
        return None

    def _exists(self, name: str) -> bool:
        try:
            self.stat(name)
        except NotFoundError as error:
            if error.code != "remote-object-missing":
                raise
            return False
        return True

    def _remove(self, name: str) -> None:
        self._run(lambda client: client.remove(self._path(name)), name, "delete from it")

    def _check_base(self) -> None:
        try:
            found = self._run(lambda client: client.stat(self._base), "", "read it")
        except NotFoundError as error:
            raise failures.place_missing(self.place, "folder") from error
        if _kind(found) != _FOLDER:
            raise failures.place_missing(self.place, "folder")

    def _scan(self, folder: str) -> list[tuple[str, SFTPAttrs]]:
        async def scan(client: SFTPClient) -> list[tuple[str, SFTPAttrs]]:
            return [
                (_text(entry.filename), entry.attrs)
                async for entry in client.scandir(self._path(folder))
                if entry.filename not in {".", ".."}
            ]

        try:
            return self._run(scan, folder, "list it")
        except NotFoundError:
            return []

    def _prepare(self) -> None:
        """Make the staging folder, and clear it of what dead writers left there, once."""
        with self._lock:
            if self._has_staging:
                return
            self._check_base()
            self._write(self._make_staging, names.STAGING_FOLDER)
            self._has_staging = True

    async def _make_staging(self, client: SFTPClient) -> None:
        folder = self._path(names.STAGING_FOLDER)
        await client.makedirs(folder, exist_ok=True)
        probe = f"{folder}/{secrets.token_hex(16)}"
        async with client.open(probe, "xb") as file:  # what time it is by the host's clock
            now = (await file.stat()).mtime or 0
        await client.remove(probe)
        async for entry in client.scandir(folder):
            written = entry.attrs.mtime
            if _kind(entry.attrs) == _FILE and written and now - written > _FORGOTTEN_SECONDS:
                await client.remove(f"{folder}/{_text(entry.filename)}")


def _told(name: str, attributes: SFTPAttrs) -> StoredObject:
    written = attributes.mtime
    modified_at = None if written is None else datetime.fromtimestamp(written, UTC)
    size_bytes = attributes.size or 0
    etag = None if written is None else make_etag(int(written), size_bytes)
    return StoredObject(name, size_bytes, modified_at, etag)


def _kind(attributes: SFTPAttrs) -> str | None:
    from asyncssh import FILEXFER_TYPE_DIRECTORY, FILEXFER_TYPE_REGULAR

    kinds = {FILEXFER_TYPE_DIRECTORY: _FOLDER, FILEXFER_TYPE_REGULAR: _FILE}
    return kinds.get(attributes.type)


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")


def _bytes(read: bytes | str) -> bytes:
    """Return what a file opened in binary mode has read."""
    return read if isinstance(read, bytes) else read.encode()
