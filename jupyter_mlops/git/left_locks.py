"""The lock files that Git leaves behind when it is killed while it works for us.

Git makes ``NAME.lock`` before it writes a reference or a setting, and never removes one that it
finds there. So a note says, before such a call, which locks Git will take, and by which process. A
note whose process has ended, or is done with it, speaks of locks that nobody will ever remove. What
another program holds meanwhile under the same name is told by its age: no Git holds these locks for
longer than an instant.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from jupyter_mlops.files.durable import disk_error, make_folder
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.files.owner import (
    current_owner,
    format_owner,
    is_gone,
    is_running,
    parse_owner,
)
from jupyter_mlops.git.repository import Repository

Sleep = Callable[[float], None]

_NOTE = "git-locks-"
_LONGEST_SECONDS = 1.0
_PAUSE_SECONDS = 0.1

_under_way: set[str] = set()


@contextmanager
def noted_locks(
    repo: Repository, locks: Sequence[Path], *, sleep: Sleep = time.sleep
) -> Iterator[None]:
    """Let Git take ``locks`` while the block runs; if it is killed, the next call removes them.

    So it does here first, with those of earlier calls.

    Args:
        repo: the repository.
        locks: paths in Git's folder; ``*`` in a name stands for the number of Git's process.
        sleep: how it waits for a lock to be old enough.

    Raises:
        UnavailableError: the store's folder cannot be written.
    """
    clear_left_locks(repo, sleep=sleep)
    make_folder(repo.store_dir)
    name = f"{_NOTE}{format_owner(current_owner())}-{secrets.token_hex(8)}"
    note = repo.store_dir / name
    _under_way.add(name)
    began = False
    try:
        try:
            _write(note, "".join(f"{_relative(repo, lock)}\n" for lock in locks))
        except OSError as error:
            raise disk_error(error, repo.store_dir) from error
        began = True
        yield
    finally:
        _under_way.discard(name)
        with suppress(OSError):
            if not (began and any(_is_left(lock) for lock in locks)):
                note.unlink(missing_ok=True)


def clear_left_locks(repo: Repository, *, sleep: Sleep = time.sleep) -> None:
    """Remove the locks that Git left behind when it was killed; what cannot be removed stays."""
    for note in sorted(repo.store_dir.glob(f"{_NOTE}*-*")):
        with suppress(OSError):
            if note.name not in _under_way and _is_over(note):
                with hold_lock(repo.store_dir / "recovery.lock"):
                    _clear(repo, note, sleep)


def _is_over(note: Path) -> bool:
    owner = parse_owner(note.name.removeprefix(_NOTE).split("-", 1)[0])
    if owner is None:
        return False
    age_seconds = time.time() - note.stat().st_mtime
    return owner == current_owner() or is_gone(owner, age_seconds=age_seconds)


def _clear(repo: Repository, note: Path, sleep: Sleep) -> None:
    for line in note.read_text("utf-8", "surrogateescape").splitlines():
        if _may_name_lock(line):  # a store may have been copied from anywhere
            for lock in _matching(repo.common_dir / line):
                _clear_one(lock, sleep)
    note.unlink(missing_ok=True)


def _may_name_lock(line: str) -> bool:
    """Return whether ``line`` names a lock within Git's folder."""
    path = PurePosixPath(line)
    return path.suffix == ".lock" and not path.is_absolute() and ".." not in path.parts


def _is_left(lock: Path) -> bool:
    return any(os.path.lexists(found) for found in _matching(lock))


def _matching(lock: Path) -> list[Path]:
    """Return the locks meant, which for a name with ``*`` are those of processes that have ended.

    Neither a reference nor a setting has such a name.
    """
    if "*" not in lock.name:
        return [lock]
    found = []
    for path in lock.parent.glob(lock.name):
        number = "".join(filter(str.isdigit, path.name))
        if number and not is_running(int(number)):
            found.append(path)
    return found


def _clear_one(lock: Path, sleep: Sleep) -> None:
    """Remove ``lock`` once it is older than any that is held; a younger one is waited for."""
    for _ in range(int(_LONGEST_SECONDS / _PAUSE_SECONDS) + 2):
        try:
            changed_at = lock.stat().st_mtime
        except FileNotFoundError:
            return
        if abs(time.time() - changed_at) > _LONGEST_SECONDS:
            lock.unlink(missing_ok=True)
            return
        sleep(_PAUSE_SECONDS)


def _relative(repo: Repository, lock: Path) -> str:
    return Path(os.path.relpath(lock, repo.common_dir)).as_posix()


def _write(note: Path, text: str) -> None:
    descriptor = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
