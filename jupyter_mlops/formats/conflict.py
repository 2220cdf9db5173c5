"""Pointer files in a merge conflict: Git's marks around the lines in which two versions differ."""

from __future__ import annotations

import re

MARK_BYTES = 7
"""How long Git's marks are, unless it asks for longer ones."""

_MAX_MARK_BYTES = 1000
_BEGIN = re.compile(rb"^<{7,} ", re.MULTILINE)
_MARK = re.compile(rb"(<{7,}|\|{7,}|={7,}|>{7,})(?: .*)?\n")
_SIDES = {b"<": 0, b"|": 1, b"=": 2, b">": 3}
_SHARED = 3


def limit_mark_bytes(mark_bytes: int) -> int:
    """Return how long marks are where Git asks for ``mark_bytes``: never shorter than usual."""
    return min(max(mark_bytes, MARK_BYTES), _MAX_MARK_BYTES)


def is_in_conflict(encoded: bytes) -> bool:
    """Return whether Git's merge conflict stands in a pointer file of these bytes."""
    return _BEGIN.search(encoded) is not None


def join_conflict(ours: bytes, theirs: bytes, *, mark_bytes: int = MARK_BYTES) -> bytes:
    """Return two encoded pointers as one text, with marks around the lines that differ.

    :func:`split_conflict` returns them again. Equal ones give a text without marks.
    """
    mine, others = ours.splitlines(keepends=True), theirs.splitlines(keepends=True)
    # Each line of a pointer stands there once, and those of both are in one order.
    shared = set(mine) & set(others)
    parts: list[bytes] = []
    at = 0
    upper: list[bytes] = []
    for line in [*mine, b""]:
        if line and line not in shared:
            upper.append(line)
            continue
        lower = []
        while at < len(others) and others[at] != line:
            lower.append(others[at])
            at += 1
        at += 1
        if upper or lower:
            begin, middle, end = (mark * mark_bytes for mark in (b"<", b"=", b">"))
            parts += [begin + b" ours\n", *upper, middle + b"\n", *lower, end + b" theirs\n"]
            upper = []
        parts.append(line)
    return b"".join(parts)


def split_conflict(encoded: bytes) -> tuple[bytes, bytes]:
    """Return the two versions that a text with marks was made of, ours first.

    Raises:
        ValueError: the marks are not in the order in which Git writes them.
    """
    versions: tuple[list[bytes], list[bytes]] = ([], [])
    side = _SHARED
    for line in encoded.splitlines(keepends=True):
        mark = _MARK.fullmatch(line)
        if mark is None:
            if side in (0, _SHARED):
                versions[0].append(line)
            if side in (2, _SHARED):
                versions[1].append(line)
            continue
        before, side = side, _SIDES[mark[1][:1]]
        if (before, side) not in ((3, 0), (0, 1), (0, 2), (1, 2), (2, 3)):
            raise ValueError("its marks of a merge are out of order")
    if side != _SHARED:
        raise ValueError("its marks of a merge do not end")
    return b"".join(versions[0]), b"".join(versions[1])
