"""What was erased, when, by whom and why: ``erased/<64>.json``; docs/formats/erasure.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

import msgspec

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.names import show
from jupyter_mlops.ids import Hash, format_hash, hash_bytes, parse_hash

FORMAT = 0
MAX_ERASURE_BYTES = 64 * 1024**2
MAX_HASHES = 500_000
"""How many hashes one erasure may have in all its lists together."""
MAX_TEXT_LETTERS = 10_000

EMPTY_FILE = hash_bytes(b"")
"""The content that all empty files have; it cannot be erased."""

_LATEST_YEAR = 9000  # so that something can always be said after it
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


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
    if len(data) > MAX_ERASURE_BYTES:
        _refuse(origin, f"it is larger than {MAX_ERASURE_BYTES} bytes")
    try:
        values = json.loads(data.decode())
    except RecursionError:
        _refuse(origin, "it is nested too deeply")
    except ValueError as error:
        _refuse(origin, f"it is not JSON: {error}")
    version = values.get("format") if isinstance(values, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise UnsupportedError(
            f"The erasure {origin} has format {version}; this version reads {FORMAT}.",
            code="format-newer",
            hints=("pip install --upgrade jupyter-mlops",),
        )
    try:
        erasure = _erasure(msgspec.convert(values, _ErasureJson))
    except (ValueError, msgspec.ValidationError) as error:
        _refuse(origin, str(error))
    reason = _explain(erasure)
    if reason:
        _refuse(origin, reason)
    if _encode(erasure) != data:
        _refuse(origin, "it says something valid in another form than the one that erase writes")
    return erasure


def _erasure(raw: _ErasureJson) -> Erasure:
    if raw.format != FORMAT:
        raise ValueError(f"its format is {raw.format}")
    if not _TIME.fullmatch(raw.at):
        raise ValueError(f"its time {show(raw.at)} is not in the form 2026-01-31T12:00:00.000000Z")
    return Erasure(
        at=datetime.fromisoformat(raw.at),
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
    at = erasure.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    values = {
        "at": at,
        "by": erasure.by,
        "erased": _texts(erasure.erased),
        "format": FORMAT,
        "here_only": erasure.here_only,
        "lifted": _texts(erasure.lifted),
        "pieces": _texts(erasure.pieces),
        "reason": erasure.reason,
    }
    text = json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True)
    # half of a surrogate pair, from a name that is not UTF-8, becomes its JSON escape
    return (text + "\n").encode("utf-8", "backslashreplace")


def _texts(hashes: Iterable[Hash]) -> list[str]:
    return [format_hash(one) for one in sorted(set(hashes))]


def _refuse(origin: str, reason: str) -> NoReturn:
    raise IntegrityError(
        f"The erasure {origin} is not valid: {reason}.",
        code="erasure-invalid",
        hints=("jupyter mlops fetch",),
    )
