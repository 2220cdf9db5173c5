"""Git's long-running filter process, version 2: one process for all the files of a Git command.

The protocol stands in gitattributes(5), "Long Running Filter Process", its packets in
gitprotocol-common(5): four hexadecimal digits of length, themselves included, then the payload;
``0000`` ends a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO

from jupyter_mlops.errors import MlopsError, UnsupportedError, UsageError

MAX_PAYLOAD_BYTES = 65516
_LENGTH_BYTES = 4
_FLUSH = b"0000"
_CAPABILITIES = ("capability=clean", "capability=smudge")

Convert = Callable[[str, bytes], bytes]
"""Takes a file's path in the project and its content, returns the content converted."""


def serve(
    requests: IO[bytes],
    replies: IO[bytes],
    *,
    clean: Convert,
    smudge: Convert,
    report: Callable[[str, MlopsError], None],
) -> None:
    """Answer Git until it closes ``requests`` or goes away.

    A file whose conversion raises an :class:`MlopsError` is reported and answered with
    ``status=error``: Git refuses that file, and asks for the next one if it goes on at all.

    Raises:
        UsageError: what comes is not the protocol (``filter-protocol``).
        UnsupportedError: Git offers neither version 2 nor clean and smudge (``filter-protocol``).
    """
    converters = {"clean": clean, "smudge": smudge}
    try:
        _shake_hands(requests, replies)
        while True:
            header = dict(line.partition("=")[::2] for line in _read_lines(requests))
            content = b"".join(_iter_packets(requests))
            convert, path = converters.get(header.get("command", "")), header.get("pathname", "")
            try:
                converted = convert(path, content) if convert is not None else None
            except MlopsError as error:
                report(path, error)
                converted = None
            if converted is None:
                _write_lines(replies, "status=error")
            else:
                _write_lines(replies, "status=success")
                _write_content(replies, converted)
                # An empty list keeps the status, now that all of the content has been sent.
                _write_lines(replies)
    except (EOFError, BrokenPipeError):
        return


def _shake_hands(requests: IO[bytes], replies: IO[bytes]) -> None:
    welcome = _read_lines(requests)
    if welcome[:1] != ["git-filter-client"] or "version=2" not in welcome:
        raise UnsupportedError(
            "Git speaks another filter protocol than version 2.", code="filter-protocol"
        )
    _write_lines(replies, "git-filter-server", "version=2")
    if not set(_CAPABILITIES) <= set(_read_lines(requests)):
        raise UnsupportedError(
            "Git's filter process cannot clean and smudge.", code="filter-protocol"
        )
    _write_lines(replies, *_CAPABILITIES)


def _read_lines(requests: IO[bytes]) -> list[str]:
    """Return the texts up to the next flush."""
    return [
        packet.decode("utf-8", "surrogateescape").removesuffix("\n")
        for packet in _iter_packets(requests)
    ]


def _iter_packets(requests: IO[bytes]) -> Iterator[bytes]:
    """Yield payloads up to the next flush.

    Raises:
        EOFError: the stream ends before.
    """
    while (length := _parse_length(_read_exactly(requests, _LENGTH_BYTES))) > 0:
        yield _read_exactly(requests, length - _LENGTH_BYTES)


def _parse_length(digits: bytes) -> int:
    try:
        length = int(digits, 16)
    except ValueError:
        length = -1
    if length == 0 or _LENGTH_BYTES <= length <= _LENGTH_BYTES + MAX_PAYLOAD_BYTES:
        return length
    raise UsageError(
        f"A filter process is started by Git, and {digits!r} is not how Git begins a packet.",
        code="filter-protocol",
        hints=("git add",),
    )


def _read_exactly(requests: IO[bytes], size: int) -> bytes:
    parts = []
    while size:
        part = requests.read(size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write_lines(replies: IO[bytes], *lines: str) -> None:
    _write_content(replies, *(f"{line}\n".encode() for line in lines))


def _write_content(replies: IO[bytes], *contents: bytes) -> None:
    """Write each of ``contents`` in packets of its own, then a flush."""
    for content in contents:
        for start in range(0, len(content), MAX_PAYLOAD_BYTES):
            payload = content[start : start + MAX_PAYLOAD_BYTES]
            replies.write(b"%04x" % (len(payload) + _LENGTH_BYTES))
            replies.write(payload)
    replies.write(_FLUSH)
    replies.flush()
