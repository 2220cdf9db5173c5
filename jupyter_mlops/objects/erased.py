"""What was erased: the erasures of a store, and what they come to together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from jupyter_mlops.errors import ConflictError, IntegrityError, NotFoundError
from jupyter_mlops.files.durable import iter_names, write_atomic
from jupyter_mlops.formats.erasure import (
    MAX_ERASURE_BYTES,
    Erasure,
    decode_erasure,
    encode_erasure,
)
from jupyter_mlops.ids import Hash, format_hash, hash_bytes

ERASURE_NAME = re.compile(r"[0-9a-f]{64}\.json")
"""The name of an erasure's file: the BLAKE3 of its bytes."""


class Erased:
    """What some erasures come to: of several about one hash, the latest counts.

    Attributes:
        erasures: by the names of their files.
    """

    def __init__(self, erasures: Mapping[str, Erasure]) -> None:
        self.erasures = dict(erasures)
        self._found: dict[Hash, Erasure] = {}
        self._pieces: set[Hash] = set()
        self.latest: dict[Hash, Erasure] = {}
        """By hash, the latest erasure that erased or lifted it."""
        for _, one in sorted(self.erasures.items(), key=lambda item: (item[1].at, item[0])):
            self.latest.update(dict.fromkeys((*one.erased, *one.lifted), one))
            self._found.update(dict.fromkeys(one.erased, one))
            for lifted in one.lifted:
                self._found.pop(lifted, None)
            self._pieces.update(one.pieces)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __contains__(self, id: object) -> bool:
        return id in self._found

    def find(self, id: Hash) -> Erasure | None:
        """Return what erased a file or the outputs of a notebook; None where they may be kept."""
        return self._found.get(id)

    @property
    def ids(self) -> frozenset[Hash]:
        """The files and outputs that are erased."""
        return frozenset(self._found)

    @property
    def pieces(self) -> frozenset[Hash]:
        """The chunks that erased files consisted of."""
        return frozenset(self._pieces)

    def joined(self, others: Mapping[str, Erasure]) -> Erased:
        """Return what these and other erasures come to."""
        return Erased({**self.erasures, **others})


def read_erased(folder: Path, known: Mapping[str, Erasure] | None = None) -> Erased:
    """Return the erasures in ``folder``; those that are damaged are left out.

    Those ``known`` are not read again, as no file there ever changes.

    Raises:
        UnsupportedError: one of them has a newer format.
    """
    found: dict[str, Erasure] = {}
    for name in iter_names(folder):
        if not ERASURE_NAME.fullmatch(name):
            continue
        if known and name in known:
            found[name] = known[name]
            continue
        with suppress(OSError, IntegrityError):
            found[name] = read_erasure(_read(folder / name), name)
    return Erased(found)


def damaged_erasures(folder: Path) -> tuple[str, ...]:
    """Return the names of erasures in ``folder`` that are not what their names say."""
    named = {name for name in iter_names(folder) if ERASURE_NAME.fullmatch(name)}
    return tuple(sorted(named - read_erased(folder).erasures.keys()))


def read_erasure(encoded: bytes, name: str) -> Erasure:
    """Return the erasure that the file ``name`` holds.

    Raises:
        IntegrityError: it is not what its name says.
        UnsupportedError: it has a newer format.
    """
    if f"{hash_bytes(encoded).hex()}.json" != name:
        raise IntegrityError(
            f"The erasure {name} is not what its name says.",
            code="erasure-invalid",
            hints=("jupyter mlops fetch",),
        )
    return decode_erasure(encoded, origin=name)


def write_erasures(folder: Path, erasures: Iterable[Erasure]) -> dict[str, Erasure]:
    """Keep erasures durably; return them by the names of their files.

    Raises:
        UnavailableError: the disk did not take it; those before are kept.
    """
    written = {}
    for one in erasures:
        encoded = encode_erasure(one)
        name = f"{hash_bytes(encoded).hex()}.json"
        write_atomic(folder / name, encoded)
        written[name] = one
    return written


def describe_erasure(erasure: Erasure) -> str:
    """Return when, by whom and why, as the end of a sentence."""
    why = f": {erasure.reason}" if erasure.reason else ""
    return f"erased on {erasure.at.date().isoformat()} by {erasure.by}{why}"


def was_erased(id: Hash, erasure: Erasure) -> NotFoundError:
    """Return what to raise where content is read that was erased."""
    return NotFoundError(
        f"The content {format_hash(id)} was {describe_erasure(erasure)}.",
        code="content-erased",
        hints=("jupyter mlops log",),
    )


def may_not_be_kept(path: str, erasure: Erasure, hints: Iterable[str]) -> ConflictError:
    """Return the refusal to keep a file whose content was erased."""
    return ConflictError(
        f"Nothing was kept: the content of {path} was {describe_erasure(erasure)}.",
        code="content-erased",
        hints=tuple(hints),
    )


def _read(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(MAX_ERASURE_BYTES + 1)
