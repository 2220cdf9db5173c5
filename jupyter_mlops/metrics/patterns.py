"""Which files hold metrics or parameters: Git's glob patterns, as in ``mlops.toml``; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

_SPECIAL = frozenset("*?[\\")


@lru_cache(maxsize=64)
def compile_patterns(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a function that says whether a path matches one of ``patterns``.

    ``*`` and ``?`` stay within one part, ``**`` as a whole part stands for any number of folders,
    ``[…]`` is a set. A pattern that ends in ``/`` means everything below that folder.
    """
    if not patterns:
        return lambda path: False
    matcher = re.compile("|".join(_translate(pattern) for pattern in patterns))
    return lambda path: matcher.fullmatch(path) is not None


def plain_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return ``patterns`` as Git takes them: from the root, a folder spelled as what is in it."""
    return tuple(_whole(pattern) for pattern in patterns)


def literal_folders(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the folders, none within another, below which every match lies; "" is the root."""
    folders = sorted({_literal_folder(_whole(pattern)) for pattern in patterns})
    kept: list[str] = []
    for folder in folders:
        if not any(outer == "" or f"{folder}/".startswith(f"{outer}/") for outer in kept):
            kept.append(folder)
    return tuple(kept)


def _literal_folder(pattern: str) -> str:
    parts = pattern.split("/")[:-1]
    literal = next((at for at, part in enumerate(parts) if _SPECIAL & set(part)), len(parts))
    return "/".join(parts[:literal])


def _whole(pattern: str) -> str:
    pattern = pattern.removeprefix("./").lstrip("/")
    return f"{pattern}**" if pattern.endswith("/") else pattern


def _translate(pattern: str) -> str:
    parts = _whole(pattern).split("/")
    text = ""
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == "**":
            text += "(?s:.+)" if last else "(?:[^/]+/)*"
        else:
            text += _translate_part(part) + ("" if last else "/")
    return f"(?:{text})"


def _translate_part(part: str) -> str:
    text, at = "", 0
    while at < len(part):
        char = part[at]
        closing = part.find("]", at + 2) if char == "[" else -1
        if char == "*":
            text += "[^/]*"
        elif char == "?":
            text += "[^/]"
        elif closing > 0:
            inner = part[at + 1 : closing].replace("\\", "\\\\")
            text += "[" + ("^/" + inner[1:] if inner[0] in "!^" else inner) + "]"
            at = closing
        elif char == "\\" and at + 1 < len(part):
            at += 1
            text += re.escape(part[at])
        else:
            text += re.escape(char)
        at += 1
    return text
