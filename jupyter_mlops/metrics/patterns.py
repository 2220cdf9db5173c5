"""Which files hold metrics or parameters: Git's glob patterns, as in ``mlops.toml``; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from jupyter_mlops.formats.pattern import FOLDERS, parse_pattern

_SPECIAL = frozenset("*?[\\")


@lru_cache(maxsize=64)
def compile_patterns(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a function that says whether a path matches one of ``patterns``.

    ``*`` and ``?`` stay within one part, ``**`` as a whole part stands for any number of folders,
    ``[…]`` is a set, of which a slash is never one. A pattern that ends in ``/`` means everything
    below that folder. The time taken grows with the length of patterns and path, never with a
    power of them that the patterns choose. The function is safe to call from threads.

    Raises:
        ValueError: a set has a range whose end comes before its beginning.
    """
    parsed = [parse_pattern(_whole(pattern)) for pattern in patterns]
    return lambda path: any(pattern.matches(path) for pattern in parsed)


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
    return f"{pattern}{FOLDERS}" if pattern.endswith("/") else pattern
