"""Git's index as a file: the lock that keeps others from writing it, and private copies of it.

The lock is Git's own, ``index.lock``, which Git leaves behind when it is killed. Ours is written
whole, with the process that owns it, before it gets that name, so that the next command can tell a
lock of ours whose process has ended from everyone else's, and remove it.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import make_folder
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.files.owner import current_owner, format_owner, is_gone, parse_owner
from jupyter_mlops.files.sync import sync_folder, sync_paths
from jupyter_mlops.git.left_locks import clear_left_locks
from jupyter_mlops.git.repository import Repository

Sleep = Callable[[float], None]

_LOCK_WORD = "jupyter-mlops"
_PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 0.05
_TEMPORARY = "tmp-"
_CANNOT_LINK = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


@contextmanager
def hold_index_lock(
    repo: Repository, *, sleep: Sleep = time.sleep, patience_seconds: float = _PATIENCE_SECONDS
) -> Iterator[bool]:
    """Yield True while no other process can write the index, or False when it could not be had.

    A lock left by a process of ours that has ended is removed; anyone else's is waited for,
    ``patience_seconds`` in all, by calls of ``sleep``.

    Raises:
        UnavailableError: the repository cannot be written.
    """
    lock = repo.git_dir / "index.lock"
    temporary = new_temporary(repo)
    held = False
    try:
        with _converted(repo):
            _write_synced(temporary, f"{_LOCK_WORD} {format_owner(current_owner())}\n")
            for attempt in range(int(patience_seconds / _PAUSE_SECONDS) + 1):
                if attempt:
                    sleep(_PAUSE_SECONDS)
                held = _take(lock, temporary)
                if held:
                    break
                _remove_left_behind(repo, lock)
        yield held
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if held:
            with suppress(OSError):
                lock.unlink(missing_ok=True)


def clear_own_lock(repo: Repository) -> None:
    """Remove an ``index.lock`` of ours whose process has ended, and its temporary files.

    So go the locks of a Git that was killed while it worked for us.
    """
    with suppress(OSError, UnavailableError):
        _remove_left_behind(repo, repo.git_dir / "index.lock")
    with suppress(OSError, UnavailableError):
        clear_left_locks(repo)
    clear_temporaries(repo)


@contextmanager
def open_private_index(repo: Repository, *, empty: bool = False) -> Iterator[Path]:
    """Yield the path of a copy of the index, which is removed when the block is left.

    The copy keeps the time of the original, from which Git tells which files may have been changed
    in the moment they were staged. There is no file when ``empty``, or when the repository has no
    index yet.

    Raises:
        UnavailableError: the repository cannot be written.
    """
    private = new_temporary(repo)
    try:
        if not empty:
            with _converted(repo), suppress(FileNotFoundError):
                shutil.copy2(repo.git_dir / "index", private)
        yield private
    finally:
        for path in (private, private.with_name(f"{private.name}.lock")):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def publish_index(repo: Repository, private: Path) -> None:
    """Put ``private`` in the place of the index, durably; the lock must be held.

    Raises:
        UnavailableError: the repository cannot be written.
    """
    with _converted(repo):
        sync_paths([os.fspath(private)], None)
        os.replace(private, repo.git_dir / "index")
        sync_folder(repo.git_dir)


def read_index_stat(repo: Repository) -> tuple[int, int, int] | None:
    """Return what tells one state of the index from another, None where there is no index."""
    try:
        found = os.stat(repo.git_dir / "index")
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def put_index_back(
    repo: Repository,
    former: Path,
    expected: tuple[int, int, int] | None,
    *,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> bool:
    """Make the index what the copy ``former`` is, unless it is not in the state ``expected``.

    Another program's lock is waited for ``patience_seconds``; then the index stays as it is. Return
    whether it was written.

    Raises:
        UnavailableError: the repository cannot be written.
    """
    with hold_index_lock(repo, patience_seconds=patience_seconds) as held:
        fits = held and former.exists() and read_index_stat(repo) == expected
        if fits:
            publish_index(repo, former)
        return fits


def new_temporary(repo: Repository) -> Path:
    """Return an unused path in the worktree's state folder, named after this process.

    Raises:
        UnavailableError: the folder cannot be made.
    """
    make_folder(repo.state_dir)
    clear_temporaries(repo)
    name = f"{_TEMPORARY}{format_owner(current_owner())}-{secrets.token_hex(8)}"
    return repo.state_dir / name


def clear_temporaries(repo: Repository) -> None:
    """Remove the temporary files of processes that have ended; what cannot be removed stays."""
    for path in repo.state_dir.glob(f"{_TEMPORARY}*-*"):
        owner = parse_owner(path.name.removeprefix(_TEMPORARY).split("-", 1)[0])
        with suppress(OSError):
            if owner is not None and is_gone(owner, age_seconds=_age_seconds(path)):
                path.unlink(missing_ok=True)


def _take(lock: Path, written: Path) -> bool:
    """Give ``written`` the lock's name; return False when that exists."""
    try:
        os.link(written, lock)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        # A file system without links: an ended process may leave an empty lock, which looks
        # foreign.
        try:
            _write_synced(lock, written.read_text("ascii"))
        except FileExistsError:
            return False
    return True


def _remove_left_behind(repo: Repository, lock: Path) -> None:
    """Remove ``lock`` if it is ours and its process has ended.

    Two commands may find it at once: the slower one must not remove the lock that the faster one
    takes next. So they look and remove one after the other. Git itself never removes a lock of
    someone else.
    """
    if not _is_left_behind(lock):
        return
    with hold_lock(repo.state_dir / "recovery.lock"):
        if _is_left_behind(lock):
            lock.unlink(missing_ok=True)


def _is_left_behind(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            word, _, text = file.read(256).decode("ascii", "replace").strip().partition(" ")
        owner = parse_owner(text) if word == _LOCK_WORD else None
        return owner is not None and is_gone(owner, age_seconds=_age_seconds(lock))
    except FileNotFoundError:
        return False


def _age_seconds(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _write_synced(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content.encode("ascii"))
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _converted(repo: Repository) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise UnavailableError(
                f"Git's folder {repo.git_dir} cannot be written: {error.strerror}.",
                code="read-only",
            ) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UnavailableError(
                f"The disk that holds {repo.git_dir} is full.", code="disk-full"
            ) from error
        raise UnavailableError(
            f"Git's index in {repo.git_dir} cannot be worked with: {error.strerror}.",
            code="index-unavailable",
        ) from error
