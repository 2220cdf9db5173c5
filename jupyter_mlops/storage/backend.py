"""What every remote can do, whatever it stands on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from jupyter_mlops.storage.content import Advance, Content

READ_LIMIT_BYTES = 1 << 30
"""The most that is read of one object at once, unless the caller says otherwise."""

CONNECT_SECONDS = 10
"""How long a connection may take to come about."""

SILENCE_SECONDS = 60
"""How long a connection may say nothing while an answer is due."""

MAX_NAME_BYTES = 512
"""The longest name of an object: with a prefix before it, it fits into the 1,024 bytes of S3."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object as its place tells it: never proof that its bytes are right.

    ``modified_at`` is by the clock of the place, None where it tells no time. ``etag`` changes with
    the content; in a folder and on an SSH host it is made of the time of writing and the size.
    ``version`` is by what the place still has this content after another was put, where it keeps
    versions; listings do not tell it.
    """

    name: str
    size_bytes: int
    modified_at: datetime | None = None
    etag: str | None = None
    version: str | None = None

    def is_now(self, now: StoredObject) -> bool:
        """Return whether ``now``, as the place tells it, is still this object with its content."""
        etags = self.etag, now.etag
        return self.size_bytes == now.size_bytes and (None in etags or self.etag == now.etag)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """``size_bytes`` bytes from ``offset`` on; both are 0 or more."""

    offset: int
    size_bytes: int

    @property
    def end(self) -> int:
        """Return the offset of the first byte after it."""
        return self.offset + self.size_bytes


class Backend(Protocol):
    """The objects of one remote, each whole or not there; a context manager.

    Names are relative, with ``/`` between parts, as :func:`~jupyter_mlops.storage.names.check`
    allows them; everything may be called from several threads at once. Whatever is read has the
    length that the place promised, and may still be wrong: callers verify it by its hash.

    Every method raises, besides what it names:
        UnavailableError: the place cannot be reached, refuses, or answers with something else;
            each cause has a code of its own. Trying again was done already where it may help.
        NotFoundError: there is no such bucket, container or folder (code ``place-missing``).
        UsageError: a name cannot be that of an object (code ``object-name``).
    """

    @property
    def place(self) -> str:
        """Where it is, for messages: its URL, never with a credential."""
        ...

    def read(self, name: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
        """Return the whole object.

        Raises:
            NotFoundError: there is none (code ``remote-object-missing``).
            IntegrityError: it is larger than ``limit_bytes`` (code ``object-too-big``).
        """
        ...

    def read_ranges(
        self, name: str, ranges: Sequence[ByteRange], *, expected: StoredObject | None = None
    ) -> list[bytes]:
        """Return the bytes of each range, in the order asked; neighbours share a request.

        With ``expected`` they are of the object as it was told then: of that version where it has
        one, else of what is there as long as size and ETag are the same.

        Raises:
            NotFoundError: there is no such object (code ``remote-object-missing``).
            IntegrityError: it ends before a range does (code ``object-too-short``).
            ConflictError: it is not the ``expected`` one any more (code ``object-changed``).
        """
        ...

    def put(self, name: str, content: Content, *, advance: Advance | None = None) -> None:
        """Store the object, in the place of one that is there; durable on return.

        Readers see the old object or the whole new one. What a killed put leaves is never listed.

        Raises:
            UnavailableError: the place is full or cannot be written.
        """
        ...

    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        """Store the object unless one of that name is there; return whether this call did.

        Of several at once one succeeds, where the place keeps that promise: decision 15 says which
        do, and :func:`~jupyter_mlops.storage.canary.check_backend` tries it. When an answer was
        lost and the call tried again, False may mean the object of this very call.
        """
        ...

    def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object below the folder ``prefix``, "" for all, in no order.

        A missing folder holds none. What was put before the call is listed.

        Raises:
            IntegrityError: the place lists a name that no object can have (code
                ``listing-refused``).
            UnsupportedError: the place cannot list (code ``no-listing``).
        """
        ...

    def stat(self, name: str) -> StoredObject:
        """Return what the place tells of one object.

        Raises:
            NotFoundError: there is none (code ``remote-object-missing``).
        """
        ...

    def delete(self, name: str) -> None:
        """Remove the object; nothing happens when there is none."""
        ...

    def close(self) -> None:
        """Let connections and threads go; harmless when repeated."""
        ...

    def __enter__(self) -> Self:
        """Return itself."""
        ...

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        ...
