"""Which paths may stand in what we write; the rule is docs/formats/paths.md."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import NoReturn

MAX_PATH_BYTES = 4096
MAX_PART_BYTES = 255

_SHOWN = 100
_PLAIN_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")
# Code points that HFS+ ignores when it compares names.
_HFS_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


class CollisionError(ValueError):
    """Names that cannot stand in one folder on every system, though each of them is allowed."""


def check_path(path: str) -> None:
    """Let ``path`` pass if it is a relative path that means the same file on every system.

    Raises:
        ValueError: with the reason, which completes the sentence "the path … is refused:".
    """
    if len(path) <= MAX_PART_BYTES and _PLAIN_PATH.fullmatch(path):
        return
    if not path:
        raise ValueError("it is empty")
    check_characters(path)
    if path.startswith("/"):
        raise ValueError("it is absolute")
    if _DRIVE.match(path):
        raise ValueError("it begins with a drive")
    if len(path.encode()) > MAX_PATH_BYTES:
        raise ValueError(f"it is longer than {MAX_PATH_BYTES} bytes")
    for part in path.split("/"):
        _check_part(part)


def check_name(name: str) -> None:
    """Let ``name`` pass if it is one part of a path that :func:`check_path` lets pass.

    Raises:
        ValueError: with the reason.
    """
    if len(name) <= MAX_PART_BYTES and _PLAIN_PART.fullmatch(name):
        return
    if "/" in name:
        raise ValueError("it holds a '/'")
    check_path(name)


def check_names(paths: Collection[str]) -> None:
    """Let ``paths`` pass if all of them can stand in one folder on every system.

    Raises:
        CollisionError: two are equal, or equal but for case or for how an accent is written, or one
            is a file where another needs a folder. The reason names both.
    """
    ascii = "".join(paths).isascii()
    folded = list(map(str.lower if ascii else fold, paths))
    folded_files = set(folded)
    if len(folded_files) < len(folded):
        _refuse_collision(paths, folded)
    folders = _folders_of(paths)
    folded_folders = {fold(folder) for folder in folders}
    if len(folded_folders) < len(folders):
        _refuse_collision(sorted(folders), [fold(folder) for folder in sorted(folders)])
    both = folded_files & folded_folders
    if both:
        clash = min(both)
        path = next(path for path, key in zip(paths, folded, strict=True) if key == clash)
        inner = next(path for path in paths if fold(path).startswith(clash + "/"))
        raise CollisionError(
            f"{show(path)} cannot stand beside {show(inner)}: one needs a folder of that name"
        )


def fold(path: str) -> str:
    """Return what two paths share if a case-folding file system takes them for one."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def show(value: object) -> str:
    """Return a value from a hostile file as it may stand in a message: short, on one line."""
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")
    if isinstance(value, bool | float):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 128 else "a huge number"
    return "a table" if isinstance(value, dict) else "a list"


def check_characters(path: str) -> None:
    """Let a text pass if it is valid Unicode without control characters and backslashes.

    Raises:
        ValueError: with the reason.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ValueError("it is not valid Unicode") from None
    control = _CONTROL.search(path)
    if control:
        raise ValueError(f"it holds the control character {control[0]!r}")
    if "\\" in path:
        raise ValueError("it holds a backslash")


def _check_part(part: str) -> None:
    if not part:
        raise ValueError("it holds an empty part")
    if part in (".", ".."):
        raise ValueError(f"it holds {part!r}")
    if len(part.encode()) > MAX_PART_BYTES:
        raise ValueError(f"it holds a part longer than {MAX_PART_BYTES} bytes")
    seen = _HFS_IGNORED.sub("", part).split(":")[0].rstrip(" .").lower()
    if seen in (".git", "git~1"):
        raise ValueError(f"it holds {part!r}, which belongs to Git")


def _folders_of(paths: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in paths}:
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _refuse_collision(paths: Iterable[str], folded: Iterable[str]) -> NoReturn:
    first: dict[str, str] = {}
    for path, key in zip(paths, folded, strict=True):
        other = first.get(key)
        if other == path:
            raise CollisionError(f"{show(path)} stands there twice")
        if other is not None:
            raise CollisionError(f"{show(other)} and {show(path)} are one name on many systems")
        first[key] = path
    raise AssertionError("no two of these names are one")
