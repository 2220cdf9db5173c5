"""What was erased, told to remotes and taken over from them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from jupyter_mlops.errors import IntegrityError, NotFoundError
from jupyter_mlops.formats.erasure import MAX_ERASURE_BYTES, Erasure, encode_erasure
from jupyter_mlops.objects.erased import Erased, read_erasure, write_erasures
from jupyter_mlops.objects.store import Store
from jupyter_mlops.sync.listing import erasure_object
from jupyter_mlops.sync.remote import Remote


def take_over(store: Store, remote: Remote) -> dict[str, Erasure]:
    """Keep what a remote says was erased and is not known here, durably; return it by name.

    What is not valid there is left out.

    Raises:
        UnsupportedError: some of it has a newer format.
        UnavailableError: the remote or the disk failed.
    """
    found = read_new(remote, store.erased.erasures)
    if found:
        write_erasures(store.erased_folder, found.values())
        store.reload()
    return found


def read_new(remote: Remote, known: Collection[str]) -> dict[str, Erasure]:
    """Return what a remote says was erased, by name, but for those that are ``known``.

    Raises:
        as :func:`take_over`.
    """
    found: dict[str, Erasure] = {}
    for name in sorted(remote.erasures - set(known)):
        with suppress(NotFoundError, IntegrityError):
            encoded = remote.backend.read(erasure_object(name), limit_bytes=MAX_ERASURE_BYTES)
            found[name] = read_erasure(encoded, name)
    return found


def known_there(store: Store, remote: Remote) -> Erased:
    """Return what is erased for all who share a remote: what it says, and what it is to be told.

    Raises:
        as :func:`take_over`.
    """
    known = store.erased.erasures
    public = {name: one for name, one in known.items() if not one.here_only}
    return Erased({**public, **read_new(remote, known)})


def tell(store: Store, remote: Remote) -> None:
    """Put what was erased where a remote does not know it; durable on return.

    Raises:
        UnavailableError: the remote failed.
    """
    for name, erasure in sorted(store.erased.erasures.items()):
        if not erasure.here_only and name not in remote.erasures:
            remote.backend.put_new(erasure_object(name), encode_erasure(erasure))
            remote.erasures.add(name)
