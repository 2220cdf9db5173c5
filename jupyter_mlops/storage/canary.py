"""Trying what a remote can do, with an object that means nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.storage.backend import Backend, ByteRange

Ability = Literal["write", "put only if new", "read", "read a part", "list", "delete"]

_FOLDER = "canary"
_SIZE_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was tried: ``failure`` says why it does not work, None where it does."""

    ability: Ability
    failure: MlopsError | str | None = None


def check_backend(backend: Backend) -> tuple[Trial, ...]:
    """Return what ``backend`` can and cannot do, in the order it was tried.

    A new object below ``canary/`` is written and deleted again. Where nothing can be written, only
    listing is tried: reading needs an object to be there. Safe on a remote that others use.
    """
    name = f"{_FOLDER}/{secrets.token_hex(16)}"
    content = secrets.token_bytes(_SIZE_BYTES)
    written = _try("write", lambda: backend.put(name, content))
    if written.failure is not None:
        return (written, _try("list", lambda: _drain(backend)))
    return (
        written,
        _try("put only if new", lambda: _put_again(backend, name)),
        _try("read", lambda: _compare(backend.read(name, limit_bytes=_SIZE_BYTES), content)),
        _try("read a part", lambda: _read_parts(backend, name, content)),
        _try("list", lambda: _find(backend, name)),
        _try("delete", lambda: _delete(backend, name)),
    )


def _try(ability: Ability, action: Callable[[], str | None]) -> Trial:
    try:
        return Trial(ability, action())
    except MlopsError as error:
        return Trial(ability, error)


def _put_again(backend: Backend, name: str) -> str | None:
    if not backend.put_new(f"{name}-new", b"first"):
        return "it says that an object is there which is not"
    try:
        if backend.put_new(f"{name}-new", b"second"):
            return "it replaces an object that is there"
        return _compare(backend.read(f"{name}-new", limit_bytes=_SIZE_BYTES), b"first")
    finally:
        backend.delete(f"{name}-new")


def _read_parts(backend: Backend, name: str, content: bytes) -> str | None:
    found = backend.read_ranges(name, [ByteRange(900, 100), ByteRange(0, 1), ByteRange(10, 5)])
    return _compare(b"".join(found), content[900:] + content[:1] + content[10:15])


def _compare(found: bytes, wanted: bytes) -> str | None:
    return None if found == wanted else "other bytes come back than were written"


def _find(backend: Backend, name: str) -> str | None:
    sizes = {found.name: found.size_bytes for found in backend.iter_objects(_FOLDER)}
    if name not in sizes:
        return "an object that was just written is not listed"
    return None if sizes[name] == _SIZE_BYTES else "the size that is listed is wrong"


def _drain(backend: Backend) -> None:
    for _ in backend.iter_objects(_FOLDER):
        pass


def _delete(backend: Backend, name: str) -> str | None:
    backend.delete(name)
    try:
        backend.stat(name)
    except NotFoundError:
        return None
    return "it is still there afterwards"
