"""Packs of a remote that a clone relies on, because it has dropped content of its own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from jupyter_mlops.errors import IntegrityError, NotFoundError
from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.sync.listing import PackKey, claim_object, pack_name, parse_pack_name
from jupyter_mlops.sync.remote import Remote

_FILE = "clone"
_NAME_LETTERS = 32
_NAME = re.compile(rf"[0-9a-f]{{{_NAME_LETTERS}}}")
_LIMIT_BYTES = 64 << 20


def read_claims(remote: Remote) -> set[PackKey]:
    """Return the packs that clones rely on.

    Raises:
        IntegrityError: what a clone says cannot be read (code ``claim-damaged``).
    """
    found: set[PackKey] = set()
    for name in sorted(remote.listing.claims):
        found |= _read(remote, name)
    return found


def add_claims(remote: Remote, packs: Iterable[PackKey]) -> None:
    """Let the remote tell that this clone relies on ``packs`` too; durable on return.

    Raises:
        as :func:`read_claims`.
        UnavailableError: the remote or the disk does not take it.
    """
    name = claim_object(_clone_name(remote.cache))
    _write(remote, name, {*packs, *(_read(remote, name) if name in remote.listing.claims else ())})


def drop_claims(remote: Remote) -> None:
    """Take back what :func:`add_claims` has said, and :func:`add_heirs` because of it."""
    name = claim_object(_clone_name(remote.cache))
    remote.backend.delete(name)
    while (name := _heir_of(name)) in remote.listing.claims:
        remote.backend.delete(name)


def add_heirs(remote: Remote, going: Collection[PackKey], new: Iterable[PackKey]) -> None:
    """Let clones that rely on packs that go rely on ``new`` too; durable on return.

    That is said by an object beside their own, which only they write.

    Raises:
        UnavailableError: the remote does not take it.
    """
    added = set(new)
    for name in sorted(remote.listing.claims) if going and added else ():
        with suppress(IntegrityError):  # nothing is collected until it is seen to
            if not _read(remote, name).isdisjoint(going):
                heir = _heir_of(name)
                _write(remote, heir, added | _read(remote, heir))


def _read(remote: Remote, name: str) -> set[PackKey]:
    try:
        content = remote.backend.read(name, limit_bytes=_LIMIT_BYTES)
    except NotFoundError:  # that clone has everything again
        return set()
    try:
        keys = [parse_pack_name(line) for line in content.decode("ascii").splitlines()]
    except ValueError:
        keys = [None]
    if None in keys:
        raise IntegrityError(
            f"The object {name} of {remote.place} does not say which packs a clone relies on.",
            code="claim-damaged",
            hints=(f"Delete {name} there, where no clone that has evicted content is left.",),
        )
    return {key for key in keys if key is not None}


def _write(remote: Remote, name: str, packs: Iterable[PackKey]) -> None:
    lines = sorted(f"{pack_name(key)}\n" for key in packs)
    remote.backend.put(name, "".join(lines).encode("ascii"))
    remote.listing.claims.add(name)


def _heir_of(name: str) -> str:
    return claim_object(hash_bytes(name.encode("ascii")).hex()[:_NAME_LETTERS])


def _clone_name(cache: Path) -> str:
    """Return the name that this clone has on a remote, made when it is first asked for."""
    file = cache / _FILE
    try:
        name = file.read_text("ascii").strip()
    except (OSError, ValueError):
        name = ""
    if not _NAME.fullmatch(name):
        name = secrets.token_hex(16)
        write_atomic(file, name.encode("ascii"))
    return name
