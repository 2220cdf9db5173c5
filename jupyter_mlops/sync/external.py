"""Data that stays where it is: looked at, compared, and read in place."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import BinaryIO

from jupyter_mlops.config import Config
from jupyter_mlops.errors import ConflictError, NotFoundError, UnavailableError, UnsupportedError
from jupyter_mlops.formats.names import CollisionError
from jupyter_mlops.formats.pointer import encode_pointer
from jupyter_mlops.formats.pointer_external import (
    MAX_OBJECTS,
    ExternalObject,
    ExternalPointer,
)
from jupyter_mlops.git.config import read_remote_settings
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.ids import HASH_BYTES, Hash
from jupyter_mlops.snapshots.compare import FileChanges
from jupyter_mlops.storage.backend import Backend, ByteRange, StoredObject
from jupyter_mlops.storage.settings import NO_SETTINGS, RemoteSettings, parse_settings
from jupyter_mlops.storage.url import parse_url
from jupyter_mlops.sync.places import URL_SETTING, place_of

OpenPlace = Callable[[str], Backend]
"""Returns what reaches the objects below a URL, which the caller closes."""

NO_HASH = Hash(bytes(HASH_BYTES))
"""Stands where no hash is known: in entries of external data."""

_AT_ONCE = 16
_READ_BYTES = 8 << 20
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ExternalPlace:
    """Where an external object, or what is below a URL, is reached.

    ``base`` is the URL of the folder or prefix; ``name`` the object in it, "" for all of them.
    """

    base: str
    name: str


def find_settings(git: Repository, config: Config, url: str) -> RemoteSettings:
    """Return the settings of the project's remote in the same bucket or at the same host.

    Without one there are none: the provider's own tools say how it is reached.

    Raises:
        UsageError: the URL or a setting is not valid.
    """
    place = place_of(url)
    for name, remote in config.remotes.items():
        values = read_remote_settings(git, name)
        if place_of(values.pop(URL_SETTING, remote.url)) == place:
            return parse_settings(values, remote=name)
    return NO_SETTINGS


def locate(pointer: ExternalPointer) -> ExternalPlace:
    """Return where the objects of ``pointer`` are.

    Raises:
        UsageError: its URL is of no kind that is known (code ``remote-url``).
    """
    return ExternalPlace(pointer.url, "") if pointer.is_folder else _split(pointer.url)


def look_at(url: str, open_place: OpenPlace) -> ExternalPointer:
    """Return what is at ``url`` now: the object there, or else all objects below it.

    Raises:
        NotFoundError: nothing is there (code ``external-not-found``).
        ConflictError: names cannot stand in one folder on every system (code ``names-collide``).
        UnsupportedError: there are too many objects (code ``external-too-many``).
        UsageError: the URL is of no kind that is known.
        UnavailableError: the place cannot be reached or refuses.
    """
    text = url.rstrip("/") or url
    where, place = parse_url(text), _split(text)
    is_folder = url.endswith("/") or (where.kind == "file" and os.path.isdir(where.path))
    if place.name and not is_folder:
        with open_place(place.base) as backend:
            one = _find_object(backend, place.name)
        if one is not None:
            return ExternalPointer(text, {"": _record(one)})
    with open_place(text) as backend:
        listed = list(islice(backend.iter_objects(), MAX_OBJECTS + 1))
        if not listed:
            raise NotFoundError(f"There is nothing at {text}.", code="external-not-found")
        if len(listed) > MAX_OBJECTS:
            raise UnsupportedError(
                f"There are more than {MAX_OBJECTS:,} objects below {text}.",
                code="external-too-many",
                hints=(f"jupyter mlops snapshot --external {text}/PART",),
            )
        objects = _add_versions(backend, listed)
    pointer = ExternalPointer(text, {one.name: _record(one) for one in objects})
    try:
        encode_pointer(pointer)
    except CollisionError as error:
        raise ConflictError(f"{text} cannot be recorded: {error}.", code="names-collide") from error
    except ValueError as error:
        raise UnsupportedError(
            f"{text} cannot be recorded: {error}.", code="external-too-many"
        ) from error
    return pointer


def compare_external(old: ExternalPointer, new: ExternalPointer) -> FileChanges:
    """Return what differs by size and ETag; nothing counts as renamed."""
    before, after = old.objects, new.objects
    return FileChanges(
        added=tuple(sorted(after.keys() - before.keys())),
        deleted=tuple(sorted(before.keys() - after.keys())),
        modified=tuple(
            sorted(
                name
                for name in before.keys() & after.keys()
                if not expected(name, before[name]).is_now(expected(name, after[name]))
            )
        ),
        renamed=(),
    )


def expected(name: str, one: ExternalObject) -> StoredObject:
    """Return what the object must still be when it is read."""
    return StoredObject(name, one.size_bytes, None, one.etag, one.version)


def open_object(backend: Backend, name: str, one: ExternalObject) -> BinaryIO:
    """Return an object open for reading, seekable; only what is asked for is read.

    Reading raises ConflictError (``object-changed``) where it is not what was recorded any more.
    """
    raw = _ObjectFile(backend, name, expected(name, one))
    return io.BufferedReader(raw, _BUFFER_BYTES)


def iter_blocks(backend: Backend, name: str, one: ExternalObject) -> Iterable[bytes]:
    """Yield the bytes of an object in order; raises as :func:`open_object`."""
    wanted = expected(name, one)
    if not one.size_bytes and not wanted.is_now(backend.stat(name)):
        backend.read_ranges(name, [ByteRange(0, 1)], expected=wanted)
    for offset in range(0, one.size_bytes, _READ_BYTES):
        part = ByteRange(offset, min(_READ_BYTES, one.size_bytes - offset))
        yield from backend.read_ranges(name, [part], expected=wanted)


class _ObjectFile(io.RawIOBase):
    def __init__(self, backend: Backend, name: str, wanted: StoredObject) -> None:
        super().__init__()
        self.name = name
        self._backend = backend
        self._wanted = wanted
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._at,
            io.SEEK_END: self._wanted.size_bytes,
        }
        if whence not in starts or starts[whence] + offset < 0:
            raise ValueError("cannot seek there")
        self._at = starts[whence] + offset
        return self._at

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        if self.closed:
            raise ValueError("the file is closed")
        size_bytes = min(len(buffer), _READ_BYTES, max(0, self._wanted.size_bytes - self._at))
        if not size_bytes:
            return 0
        part = ByteRange(self._at, size_bytes)
        (read,) = self._backend.read_ranges(self.name, [part], expected=self._wanted)
        buffer[:size_bytes] = read
        self._at += size_bytes
        return size_bytes


def _split(url: str) -> ExternalPlace:
    """Return the folder that ``url`` lies in, and its name there; "" where it lies in none."""
    where = parse_url(url)
    if where.kind == "file":
        path = PurePath(where.path)
        return ExternalPlace(str(path.parent), path.name)
    name = where.path.rpartition("/")[2]
    return ExternalPlace(url.rpartition("/")[0] if name else url, name)


def _find_object(backend: Backend, name: str) -> StoredObject | None:
    """Return what the place tells of an object, None where its name is that of a folder or free.

    A web server sends whoever asks for a folder without its slash elsewhere, or away.
    """
    try:
        return backend.stat(name)
    except NotFoundError:
        return None
    except UnavailableError as error:
        if error.code not in ("foreign-answer", "access-refused"):
            raise
        return None


def _add_versions(backend: Backend, listed: list[StoredObject]) -> list[StoredObject]:
    """Return the objects with their versions where the place keeps any, which no listing tells."""
    first = backend.stat(listed[0].name)
    if first.version is None and all(one.etag is not None for one in listed):
        return listed
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mlops-external") as pool:
        return list(pool.map(lambda one: backend.stat(one.name), listed))


def _record(one: StoredObject) -> ExternalObject:
    return ExternalObject(one.size_bytes, one.etag, one.version)
