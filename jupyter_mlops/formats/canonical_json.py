"""JSON files that say each thing in one way only: sorted keys, an indent of 1, times in UTC."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.names import show

_NESTED = (dict, list, tuple)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """A kind of such files.

    Attributes:
        what: what one is called in messages.
        code: the error's code where one is not valid.
        hint: the command that helps then.
        version: the newest version that is read, as it stands under ``format``.
        limit_bytes: how large one may be.
        writer: the command that writes it.
    """

    what: str
    code: str
    hint: str
    version: int
    limit_bytes: int
    writer: str

    def parse(self, data: bytes, *, origin: str) -> dict[str, Any]:
        """Return the JSON object that ``data`` is; ``origin`` names it in errors.

        Raises:
            IntegrityError: it is none, or is too large.
            UnsupportedError: it is of a newer version.
        """
        if len(data) > self.limit_bytes:
            self.refuse(origin, f"it is larger than {self.limit_bytes} bytes")
        try:
            values = json.loads(data.decode())
        except RecursionError:
            self.refuse(origin, "it is nested too deeply")
        except ValueError as error:
            self.refuse(origin, f"it is not JSON: {error}")
        if not isinstance(values, dict):
            self.refuse(origin, "it is not a JSON object")
        version = values.get("format")
        if isinstance(version, int) and version > self.version:
            raise UnsupportedError(
                f"The {self.what} {origin} has format {version}; this version reads"
                f" {self.version}.",
                code="format-newer",
                hints=("pip install --upgrade jupyter-mlops",),
            )
        if version != self.version:
            self.refuse(
                origin,
                "it tells no format" if version is None else f"its format is {show(version)}",
            )
        return values

    def require_same(self, encoded: bytes, data: bytes, *, origin: str) -> None:
        """Let pass ``data`` that is the one encoding, ``encoded``, of what it says.

        Raises:
            IntegrityError: it is another one.
        """
        if encoded != data:
            reason = (
                f"it says something valid in another form than the one that {self.writer} writes"
            )
            self.refuse(origin, reason)

    def refuse(self, origin: str, reason: str) -> NoReturn:
        """Raise the IntegrityError that says why a file is not valid."""
        raise IntegrityError(
            f"The {self.what} {origin} is not valid: {reason}.", code=self.code, hints=(self.hint,)
        )


def encode_json(values: Mapping[str, object]) -> bytes:
    """Return the one encoding of ``values``, which have no number that JSON has not."""
    # half of a surrogate pair, from a name that is not UTF-8, becomes its JSON escape
    return (_spell(values, 1) + "\n").encode("utf-8", "backslashreplace")


def _spell(value: object, depth: int) -> str:
    """Return ``value`` as ``json.dumps`` spells it with an indent of 1 and sorted keys.

    Python's fast encoder knows no indent; it spells what holds no other tables and lists.
    """
    if not value or not isinstance(value, _NESTED):
        return _encoder(0).encode(value)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    line = "\n" + " " * depth
    inner = value.values() if isinstance(value, dict) else value
    if not any(isinstance(one, _NESTED) for one in inner):
        body = _encoder(depth).encode(value)[1:-1]
    elif isinstance(value, dict):
        spelled = ((key, _spell(one, depth + 1)) for key, one in sorted(value.items()))
        body = f",{line}".join(f"{_encoder(0).encode(key)}: {one}" for key, one in spelled)
    else:
        body = f",{line}".join(_spell(one, depth + 1) for one in inner)
    return f"{opening}{line}{body}{line[:-1]}{closing}"


@lru_cache
def _encoder(depth: int) -> json.JSONEncoder:
    separators = (",\n" + " " * depth, ": ")
    return json.JSONEncoder(
        ensure_ascii=False, sort_keys=True, allow_nan=False, separators=separators
    )


def format_time(moment: datetime) -> str:
    """Return an aware time as such a file has it, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Return the time that :func:`format_time` wrote.

    Raises:
        ValueError: ``text`` is none.
    """
    if not _TIME.fullmatch(text):
        raise ValueError(f"its time {show(text)} is not in the form 2026-01-31T12:00:00.000000Z")
    return datetime.fromisoformat(text)
