"""Which names objects may have, here and in what a place lists."""

from __future__ import annotations

from jupyter_mlops.errors import UsageError
from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.formats.names import check_path, show
from jupyter_mlops.storage.backend import MAX_NAME_BYTES
from jupyter_mlops.storage.failures import listing_refused

STAGING_FOLDER = "tmp"
"""Where a place that needs it keeps what is being written; no object is called so."""


def check(name: str) -> None:
    """Let ``name`` pass if an object may be called so in every kind of place.

    Raises:
        UsageError: it may not; code ``object-name``.
    """
    reason = _reason(name)
    if reason:
        raise UsageError(f"No object can be called {show(name)}: {reason}.", code="object-name")


def check_prefix(prefix: str) -> None:
    """Let the folder ``prefix`` pass if objects may lie below it, or if it is empty."""
    if prefix:
        check(prefix)


def check_listed(name: str, place: str) -> None:
    """Let a name pass that ``place`` has listed.

    Raises:
        IntegrityError: nothing here ever made an object of that name; code ``listing-refused``.
    """
    reason = _reason(name)
    if reason:
        raise listing_refused(place, f"of the name {show(name)}, {reason}")


def is_staged(name: str) -> bool:
    """Return whether ``name`` is of something that is being written, and no object."""
    parts = name.split("/")
    return parts[0] == STAGING_FOLDER or any(part.startswith(STAGED_PREFIX) for part in parts)


def _reason(name: str) -> str | None:
    try:
        check_path(name)
    except ValueError as error:
        return str(error)
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"it is longer than {MAX_NAME_BYTES} bytes"
    if is_staged(name):
        return f"{STAGING_FOLDER}/ and {STAGED_PREFIX}… are for what is being written"
    return None
