"""Keeping tracked data out of Git: one line in the ``.gitignore`` beside it."""

from __future__ import annotations

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.git.ignore import LINES_LIMIT_BYTES, add_ignore_line, remove_ignore_line
from jupyter_mlops.snapshots.apply import open_worktree
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.operations import Move

_NAME = ".gitignore"


def ignore_file(path: str) -> str:
    """Return the path of the ``.gitignore`` beside ``path``."""
    folder, _, _ = path.rpartition("/")
    return f"{folder}/{_NAME}" if folder else _NAME


def ignore_data(handles: Handles, path: str, files: dict[str, Move]) -> None:
    """Let Git ignore the data at ``path``; what changes is noted in ``files``."""
    before = _read(handles, path)
    after = add_ignore_line(_decode(before or b""), path.rpartition("/")[2])
    _write(handles, path, before, _encode(after), files)


def check_ignore_file(handles: Handles, path: str) -> None:
    """Let ``path`` pass if the ``.gitignore`` beside it can be written, or made.

    Raises:
        ConflictError: it is a link, no file, or too large.
    """
    _read(handles, path)


def unignore_data(handles: Handles, path: str, files: dict[str, Move]) -> None:
    """Take the line for ``path`` away, and the file with it when nothing else is in it."""
    before = _read(handles, path)
    if before is not None:
        after = _encode(remove_ignore_line(_decode(before), path.rpartition("/")[2]))
        _write(handles, path, before, after if after.strip() else None, files)


def _read(handles: Handles, path: str) -> bytes | None:
    try:
        return open_worktree(handles).read(ignore_file(path), limit_bytes=LINES_LIMIT_BYTES)
    except NotFoundError:
        return None


def _write(
    handles: Handles, path: str, before: bytes | None, after: bytes | None, files: dict[str, Move]
) -> None:
    if after == before:
        return
    name = ignore_file(path)
    tree = open_worktree(handles)
    if after is None:
        tree.unlink(name)
    else:
        tree.write_file(name, after, Mode.FILE)
    first = files[name].before if name in files else before
    files[name] = Move(first, after)


def _decode(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
