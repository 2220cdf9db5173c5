"""What was erased, when, by whom and why: ``erased/<64>.json``; docs/formats/erasure.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from jupyter_mlops.formats.canonical_json import JsonFormat, encode_json, format_time, parse_time
from jupyter_mlops.ids import Hash, format_hash, hash_bytes, parse_hash

FORMAT = 0
MAX_ERASURE_BYTES = 64 * 1024**2
MAX_HASHES = 500_000
"""How many hashes one erasure may have in all its lists together."""
MAX_TEXT_LETTERS = 10_000

EMPTY_FILE = hash_bytes(b"")
"""The content that all empty files have; it cannot be erased."""

_LATEST_YEAR = 9000  # so that something can always be said after it
_FORM = JsonFormat(
    "erasure",
    code="erasure-invalid",
    hint="jupyter mlops fetch",
    version=FORMAT,
    limit_bytes=MAX_ERASURE_BYTES,
    writer="erase",
)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What one ``erase`` destroyed, or allowed again.

    Attributes:
        at: when.
        by: who, as Git calls them.
        reason: why, in their words.
        erased: files, by their hash, and outputs, by the stripped notebook's: none of them may be
            kept or read any more.
        pieces: chunks of those files: destroyed where nothing else needs them, and not forbidden.
        lifted: what was erased before and may be kept again.
        here_only: whether it is told to no remote.
    """

    at: datetime
    by: str
    reason: str | None = None
    erased: tuple[Hash, ...] = ()
    pieces: tuple[Hash, ...] = ()
    lifted: tuple[Hash, ...] = ()
    here_only: bool = False


class _ErasureJson(msgspec.Struct, forbid_unknown_fields=True):
    at: str
    by: str
    erased: list[str]
    format: int
    here_only: bool
    lifted: list[str]
    pieces: list[str]
    reason: str | None


def encode_erasure(erasure: Erasure) -> bytes:
    """Return the one encoding of ``erasure``; the order of its hashes does not matter.

    Raises:
        ValueError: something that :func:`decode_erasure` would refuse.
    """
    if erasure.at.tzinfo is None:
        raise ValueError("the time has no time zone")
    reason = _explain(erasure)
    if reason:
        raise ValueError(f"not an erasure: {reason}")
    return _encode(erasure)


def decode_erasure(data: bytes, *, origin: str) -> Erasure:
    """Return the erasure that ``data`` encodes; ``origin`` names it in errors.

    Raises:
        IntegrityError: ``data`` is not the one encoding of an erasure (code ``erasure-invalid``).
        UnsupportedError: a newer format.
    """
    values = _FORM.parse(data, origin=origin)
    try:
        erasure = _erasure(msgspec.convert(values, _ErasureJson))
    except (ValueError, msgspec.ValidationError) as error:
        _FORM.refuse(origin, str(error))
    reason = _explain(erasure)
    if reason:
        _FORM.refuse(origin, reason)
    if _encode(erasure) != data:
        _FORM.refuse(
            origin, "it says something valid in another form than the one that erase writes"
        )
    return erasure


def _erasure(raw: _ErasureJson) -> Erasure:
    return Erasure(
        at=parse_time(raw.at),
        by=raw.by,
        reason=raw.reason,
        erased=tuple(map(parse_hash, raw.erased)),
        pieces=tuple(map(parse_hash, raw.pieces)),
        lifted=tuple(map(parse_hash, raw.lifted)),
        here_only=raw.here_only,
    )


def _explain(erasure: Erasure) -> str | None:
    lists = (erasure.erased, erasure.pieces, erasure.lifted)
    if not (erasure.erased or erasure.lifted):
        return "it names nothing"
    if erasure.at.astimezone(UTC).year >= _LATEST_YEAR:
        return f"it is of the year {_LATEST_YEAR} or later"
    if sum(map(len, lists)) > MAX_HASHES:
        return f"it names more than {MAX_HASHES:,} hashes"
    if EMPTY_FILE in erasure.erased or EMPTY_FILE in erasure.pieces:
        return "it names the empty file"
    if not set(erasure.erased).isdisjoint(erasure.lifted):
        return "it erases what it lifts"
    if max(len(erasure.by), len(erasure.reason or "")) > MAX_TEXT_LETTERS:
        return f"a text of it has more than {MAX_TEXT_LETTERS:,} letters"
    return None


def _encode(erasure: Erasure) -> bytes:
    return encode_json(
        {
            "at": format_time(erasure.at),
            "by": erasure.by,
            "erased": _texts(erasure.erased),
            "format": FORMAT,
            "here_only": erasure.here_only,
            "lifted": _texts(erasure.lifted),
            "pieces": _texts(erasure.pieces),
            "reason": erasure.reason,
        }
    )


def _texts(hashes: Iterable[Hash]) -> list[str]:
    return [format_hash(one) for one in sorted(set(hashes))]
