"""A place that is read and never written, whatever it would allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

from jupyter_mlops.storage import failures
from jupyter_mlops.storage.backend import READ_LIMIT_BYTES, Backend, ByteRange, StoredObject
from jupyter_mlops.storage.content import Advance, Content


class ReadOnly:
    """A :class:`~jupyter_mlops.storage.backend.Backend` that refuses to change another one."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Where it is."""
        return self._inner.place

    def read(self, name: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
        """Return the whole object."""
        return self._inner.read(name, limit_bytes=limit_bytes)

    def read_ranges(
        self, name: str, ranges: Sequence[ByteRange], *, expected: StoredObject | None = None
    ) -> list[bytes]:
        """Return the bytes of each range."""
        return self._inner.read_ranges(name, ranges, expected=expected)

    def put(self, name: str, content: Content, *, advance: Advance | None = None) -> None:
        """Refuse."""
        raise failures.read_only(self.place)

    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        """Refuse."""
        raise failures.read_only(self.place)

    def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object below ``prefix``."""
        return self._inner.iter_objects(prefix)

    def stat(self, name: str) -> StoredObject:
        """Return what the place tells of one object."""
        return self._inner.stat(name)

    def delete(self, name: str) -> None:
        """Refuse."""
        raise failures.read_only(self.place)

    def close(self) -> None:
        """Let the inner backend go."""
        self._inner.close()
