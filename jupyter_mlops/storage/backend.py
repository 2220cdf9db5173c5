"""The one protocol of places that hold packs and index segments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from jupyter_mlops.errors import UsageError

_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]*(?:/[a-z0-9_-][a-z0-9._-]*)*")
_MAX_NAME_BYTES = 512


class Backend(Protocol):
    """Immutable objects by name, such as ``packs/ab/<hex>.pack``; thread-safe.

    An object is there whole or not at all, and durable once the call that put it returns. What
    differs between places (retries, verification, limits) is a wrapper of this protocol.
    """

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return ``length`` bytes from ``offset``, all that follow without it, fewer at the end.

        Raises:
            NotFoundError: there is no such object.
            UnavailableError: it cannot be read now.
        """
        ...

    def put(self, name: str, data: bytes) -> bool:
        """Create the object ``name``; return False, with nothing changed, when the name is taken.

        Raises:
            UnavailableError: the place did not take it.
        """
        ...

    def put_file(self, name: str, path: Path) -> bool:
        """Create the object ``name`` with the bytes of the file at ``path``; as :meth:`put`."""
        ...

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield name and size of every object whose name begins with ``prefix``, sorted by name.

        Raises:
            UnavailableError: the listing is not complete.
        """
        ...

    def delete(self, name: str) -> bool:
        """Delete the object ``name``; return whether it was there.

        Raises:
            UnavailableError: it cannot be deleted now.
        """
        ...

    def size(self, name: str) -> int | None:
        """Return the size of the object ``name``; None when there is none."""
        ...


def check_object_name(name: str) -> None:
    """Let ``name`` pass if every place can hold it.

    Raises:
        UsageError: it is empty, too long, or has parts that are not plain lower-case names.
    """
    if len(name) > _MAX_NAME_BYTES or not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a name for an object.", code="object-name-invalid")
