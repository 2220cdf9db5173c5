"""The one module that creates, renames and unlinks files under the store.

A new file is written under a temporary name, synced, given its name, and its folder synced: in that
order, so that a name never stands for bytes that a power cut can take away. A temporary file or
folder is alive as long as an operating-system lock on it is held; the lock dies with its process,
so anybody may clear what is dead.

Where a folder is ``shared`` by several users or machines, locks may be worth nothing. There the
temporary name says which process it is of; what is made has the rights of the folder that it is
made in, so that every user may go on with it; and nobody's file is replaced by equal bytes.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from jupyter_mlops.errors import ConflictError, MlopsError, UnavailableError
from jupyter_mlops.files.owner import current_owner, format_owner, parse_owner, sees_gone
from jupyter_mlops.files.sync import sync_descriptor, sync_folder

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

STAGED_PREFIX = ".mlops-tmp-"
"""How every temporary name of this package begins, in the store and in the working tree."""

_LOCK_SUFFIX = ".lock"
CREATE_FLAGS = (
    os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
)
"""How a new file is opened: never an existing one, never through a link."""

_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_HELD = {errno.EWOULDBLOCK, errno.EAGAIN}
if sys.platform == "win32":
    _HELD |= {errno.EACCES, errno.EDEADLK}
_UNSEEN_AGE_SECONDS = 24 * 3600
"""What nobody has written to for so long is dead where its process cannot be looked at."""
_COPY_BYTES = 4 << 20


def disk_error(error: OSError, place: Path | str) -> MlopsError:
    """Return what to raise, ``from error``, for an error met while writing at ``place``."""
    if error.errno == errno.EDQUOT:
        return UnavailableError(
            f"The quota on the disk that holds {place} is used up; what was there before is"
            " untouched.",
            code="quota-used-up",
            hints=("Free some space of yours there or ask for more, then run it again.",),
        )
    if error.errno == errno.ENOSPC:
        return UnavailableError(
            f"The disk that holds {place} is full; what was there before is untouched.",
            code="disk-full",
            hints=("Free some space there, then run the same command again.",),
        )
    if error.errno in _READ_ONLY:
        return UnavailableError(
            f"{place} cannot be written: {os.strerror(error.errno or 0)}.",
            code="read-only",
            hints=("Give yourself the right to write there, then run the same command again.",),
        )
    return UnavailableError(
        f"Writing at {place} failed: {error.strerror or error}; nothing there was changed.",
        code="write-failed",
        hints=("Look at the disk, then run the same command again.",),
    )


def _try_lock(fd: int) -> bool | None:
    """Lock ``fd`` until it is closed: True held, False another holds it, None no locks here.

    Raises:
        OSError: the disk failed.
    """
    try:
        if sys.platform == "win32":
            os.lseek(fd, 1 << 40, os.SEEK_SET)
            try:
                msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(fd, 0, os.SEEK_SET)
        else:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        if error.errno in _HELD:
            return False
        raise
    return True


def _new_path(folder: Path, owner: str = "", suffix: str = "") -> Path:
    return folder / f"{STAGED_PREFIX}{owner}{secrets.token_hex(12)}{suffix}"


def _create_locked(folder: Path, suffix: str = "") -> tuple[Path, int]:
    """Create a temporary file that nobody clears while its descriptor is open."""
    while True:
        path = _new_path(folder, suffix=suffix)
        fd = os.open(path, CREATE_FLAGS, 0o600)
        kept = False
        try:
            kept = _try_lock(fd) is not False and os.fstat(fd).st_nlink != 0
        finally:
            if not kept:  # the disk failed, or somebody who was clearing was first to lock it
                os.close(fd)
                _unlink_if_possible(path)
        if kept:
            return path, fd


def _unlink_if_possible(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


class StagedFile:
    """A file under a temporary name, not yet part of anything.

    As a context manager it is discarded on exit unless it was published. Not thread-safe.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd
        self.size_bytes = 0
        self._open = True
        self._failure: MlopsError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append all of ``data``.

        Raises:
            UnavailableError: the disk is full or cannot be written; the file is discarded, and
                every later call raises the same.
        """
        if self._failure is not None:
            raise self._failure
        view = memoryview(data).cast("B")
        try:
            while view:
                written = os.write(self.fd, view)
                self.size_bytes += written
                view = view[written:]
        except OSError as error:
            self.discard()
            self._failure = disk_error(error, self.path.parent)
            raise self._failure from error

    def sync(self) -> None:
        """Make the bytes durable.

        Raises:
            UnavailableError: they could not be made so; the file is discarded, never tried again.
        """
        try:
            sync_descriptor(self.fd)
        except OSError as error:
            self.discard()
            raise disk_error(error, self.path.parent) from error

    def close(self) -> None:
        """Close the descriptor; the file stays, protected only by the staging folder it is in."""
        if self._open:
            self._open = False
            os.close(self.fd)
            self.fd = -1  # whoever gets this number next is not written to by mistake

    def discard(self) -> None:
        """Remove the file unless it was published; harmless when repeated.

        Where that fails the file stays, for whoever clears next.
        """
        self.close()
        _unlink_if_possible(self.path)  # a published file has its temporary name no more

    def _rename(self, path: Path, overwrite: bool, bits: int = 0o444) -> None:
        if sys.platform == "win32":
            self.close()
        else:
            os.chmod(self.path, os.stat(path.parent).st_mode & bits)
        if overwrite:
            os.replace(self.path, path)
        else:
            _rename_new(self.path, path)
        self.close()


def _rename_new(source: Path, target: Path) -> None:
    """Rename without overwriting; raises FileExistsError."""
    if sys.platform == "win32":
        os.rename(source, target)
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):  # a file system without hard links
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        os.rename(source, target)
    else:
        os.unlink(source)


def open_staged(folder: Path) -> StagedFile:
    """Create a temporary file in ``folder``, which is made when missing.

    Raises:
        UnavailableError: the folder cannot be written.
    """
    make_folder(folder)
    try:
        return StagedFile(*_create_locked(folder))
    except OSError as error:
        raise disk_error(error, folder) from error


class Staging:
    """A temporary folder for many files, alive while this object is; see :func:`open_staging`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> StagedFile:
        """Create a file in the folder; thread-safe."""
        path = self.path / secrets.token_hex(12)
        try:
            return StagedFile(path, os.open(path, CREATE_FLAGS, 0o600))
        except OSError as error:
            raise disk_error(error, self.path) from error


@contextmanager
def open_staging(folder: Path, *, shared: bool = False) -> Iterator[Staging]:
    """Yield a temporary folder in ``folder``; whatever is left in it is removed on exit.

    Raises:
        UnavailableError: the folder cannot be written.
    """
    make_folder(folder, shared=shared)
    if shared:
        path = _new_path(folder, f"{format_owner(current_owner())}-")
        try:
            try:
                path.mkdir(mode=0o700)
                _hand_down(path)
            except OSError as error:
                raise disk_error(error, folder) from error
            yield Staging(path)
        finally:
            remove_folder(path)
        return
    try:
        lock, fd = _create_locked(folder, _LOCK_SUFFIX)
    except OSError as error:
        raise disk_error(error, folder) from error
    path = lock.with_suffix("")
    try:
        try:
            path.mkdir(mode=0o700)
        except OSError as error:
            raise disk_error(error, folder) from error
        yield Staging(path)
    finally:
        remove_folder(path)
        os.close(fd)
        _unlink_if_possible(lock)


def publish_all(
    files: Sequence[tuple[StagedFile, Path]], *, overwrite: bool = False, shared: bool = False
) -> None:
    """Give every synced file its name, then sync every folder once; folders are made when missing.

    The folders' parents are synced as well: another process may have made a folder just now.

    ``overwrite`` is also for names that are the hash of the bytes: equal bytes may replace each
    other. Where the folders are ``shared``, equal bytes that are there already stay: others may be
    reading them, and not everybody may replace them.

    Raises:
        ConflictError: a name exists and ``overwrite`` is False.
        UnavailableError: the disk did not take it; files already named stay.
    """
    folders = sorted({path.parent for _, path in files})
    place = folders[0] if folders else Path()
    try:
        to_sync = {folder.parent for folder in folders}
        to_sync.update(parent for folder in folders for parent in _make_unsynced(folder, shared))
        for staged, path in files:
            place = path.parent
            if shared and _has_equal_bytes(path, staged.path):
                staged.discard()
            else:
                staged._rename(path, overwrite)
        for folder in sorted(to_sync | set(folders), reverse=True):
            place = folder
            sync_folder(folder)
    except FileExistsError as error:
        raise ConflictError(
            f"{error.filename2 or place} exists already.", code="name-taken"
        ) from error
    except OSError as error:
        raise disk_error(error, place) from error


def write_atomic(
    path: Path,
    data: bytes,
    *,
    overwrite: bool = True,
    durable: bool = True,
    executable: bool = False,
    private: bool = False,
) -> None:
    """Write ``data`` as the whole of ``path``: readers see the old bytes or all of the new.

    With ``durable`` False nothing is synced: for caches that may be lost. What is ``executable``
    may be written by its owner as well, as scripts are that people change. What is ``private`` is
    read and written by its owner alone.

    Raises:
        ConflictError: ``path`` exists and ``overwrite`` is False.
        UnavailableError: the disk did not take it.
    """
    with open_staged(path.parent) as staged:
        staged.write(data)
        if durable:
            staged.sync()
        bits = 0o600 if private else 0o755 if executable else 0o444
        try:
            staged._rename(path, overwrite, bits)
            if durable:
                sync_folder(path.parent)
        except FileExistsError as error:
            raise ConflictError(f"{path} exists already.", code="name-taken") from error
        except OSError as error:
            raise disk_error(error, path.parent) from error


def write_all_atomic(files: Mapping[Path, bytes], *, executable: bool = False) -> None:
    """Write each of ``files`` as :func:`write_atomic` does; their folders are synced once.

    None has its new bytes before those of all are durable.

    Raises:
        UnavailableError: the disk did not take it.
    """
    bits = 0o755 if executable else 0o444
    with contextlib.ExitStack() as stack:
        staged = {path: stack.enter_context(open_staged(path.parent)) for path in files}
        for path, data in files.items():
            staged[path].write(data)
        for one in staged.values():
            one.sync()
        for path, one in staged.items():
            try:
                one._rename(path, True, bits)
            except OSError as error:
                raise disk_error(error, path.parent) from error
        for folder in dict.fromkeys(path.parent for path in files):
            try:
                sync_folder(folder)
            except OSError as error:
                raise disk_error(error, folder) from error


def _has_equal_bytes(path: Path, other: Path) -> bool:
    """Return whether there is a file ``path`` with all the bytes of ``other``."""
    try:
        return filecmp.cmp(path, other, shallow=False)
    except OSError:  # it is not there, or cannot be read
        return False


def _make_unsynced(folder: Path, shared: bool = False) -> list[Path]:
    """Make ``folder`` and its missing parents; return the folders that must be synced."""
    try:
        os.mkdir(folder)
        if shared:
            _hand_down(folder)
    except FileExistsError:
        if not folder.is_dir():
            raise
        if shared and folder.is_symlink():  # others may have put it there
            raise NotADirectoryError(
                errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)
            ) from None
        return []
    except FileNotFoundError:
        return [*_make_unsynced(folder.parent, shared), *_make_unsynced(folder, shared)]
    return [folder.parent]


def _hand_down(folder: Path) -> None:
    """Give a folder the rights of the one that it is in, and that hands on its group."""
    if sys.platform != "win32":
        os.chmod(folder, stat.S_IMODE(os.stat(folder.parent).st_mode))


def make_folder(path: Path, *, shared: bool = False) -> None:
    """Make ``path`` and its missing parents, durably; nothing happens when it exists.

    Where it is ``shared``, what is made has the rights of the folder that it is made in.

    Raises:
        UnavailableError: it cannot be made.
    """
    try:
        for parent in _make_unsynced(path, shared):
            sync_folder(parent)
    except OSError as error:
        raise disk_error(error, path) from error


def remove(path: Path, *, durable: bool = False) -> bool:
    """Unlink the file ``path``; return whether it existed. Only with ``durable`` is that synced.

    Raises:
        UnavailableError: it cannot be removed.
    """
    try:
        os.unlink(path)
        if durable:
            sync_folder(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise disk_error(error, path.parent) from error
    return True


def move_all(moves: Sequence[tuple[Path, Path]]) -> int:
    """Give files other names on the same file system, durably; return how many there were to move.

    Folders are made when missing. A name that is taken is replaced: names are hashes of the bytes.
    What somebody else has moved meanwhile is passed over.

    Raises:
        UnavailableError: the disk did not take it; files already moved stay so.
    """
    touched: set[Path] = set()
    moved = 0
    place = Path()
    try:
        for source, target in moves:
            place = target.parent
            touched.update(_make_unsynced(place))
            with contextlib.suppress(FileNotFoundError):
                os.replace(source, target)
                moved += 1
                touched |= {place, source.parent}
        for folder in sorted(touched, reverse=True):
            place = folder
            sync_folder(folder)
    except OSError as error:
        raise disk_error(error, place) from error
    return moved


def move_new(source: Path, target: Path) -> None:
    """Give a file or folder a name that is free, on the same file system, durably.

    Raises:
        ConflictError: the name is taken.
        UnavailableError: the disk did not take it.
    """
    if os.path.lexists(target):
        raise ConflictError(f"{target} exists already.", code="name-taken")
    try:
        os.rename(source, target)
        sync_folder(target.parent)
    except OSError as error:
        raise disk_error(error, target.parent) from error


def link_aside(path: Path, folder: Path, *, shared: bool = False) -> Path | None:
    """Give the file ``path`` a second name in ``folder``, durably; nothing there is overwritten.

    Where files have one name only, it is copied; a folder in its place is moved. Returns the other
    name, the one that it has already where there is one; None when there is no such file.

    Raises:
        UnavailableError: the disk did not take it.
    """
    make_folder(folder, shared=shared)
    number = 0
    while True:
        target = folder / (f"{path.name}.{number}" if number else path.name)
        try:
            os.link(path, target, follow_symlinks=False)
            sync_folder(folder)
        except FileExistsError:
            if is_same_file(path, target):
                return target
            number += 1
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise disk_error(error, folder) from error
            return _move_folder(path, target) if path.is_dir() else _copy_aside(path, target)
        else:
            return target


def is_same_file(path: Path, other: Path) -> bool:
    """Return whether two names stand for one file; False where one of them stands for none."""
    try:
        return os.path.samefile(path, other)
    except FileNotFoundError:
        return False


def _move_folder(path: Path, target: Path) -> Path:
    try:
        os.rename(path, target)
        sync_folder(target.parent)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(error, target) from error
    return target


def _copy_aside(path: Path, target: Path) -> Path:
    with open_staged(target.parent) as staged, open(path, "rb") as source:
        while part := source.read(_COPY_BYTES):
            staged.write(part)
        staged.sync()
        publish_all([(staged, target)])
    return target


def clear_staging(folder: Path) -> int:
    """Remove from ``folder`` what dead writers left behind, never what belongs to a live one.

    What names its process is dead once that has ended; where the process cannot be looked at from
    here, once nothing has been written for a day, by the clock of the disk. Returns how many files
    and folders were removed; a missing folder holds none. What cannot be removed stays.
    """
    try:
        names = [name for name in os.listdir(folder) if name.startswith(STAGED_PREFIX)]
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise disk_error(error, folder) from error
    return sum(_clear_one(folder / name) for name in sorted(names))


def _clear_one(path: Path) -> bool:
    owner = parse_owner(path.name.removeprefix(STAGED_PREFIX).partition("-")[0])
    with contextlib.suppress(OSError):
        if owner is not None:
            gone = sees_gone(owner)
            if _is_forgotten(path) if gone is None else gone:
                remove_folder(path)
                return not os.path.lexists(path)
            return False
        if stat.S_ISDIR(os.lstat(path).st_mode):
            lock = path.with_name(path.name + _LOCK_SUFFIX)
            if not os.path.lexists(lock):  # the lock is made before the folder and removed after it
                remove_folder(path)
                return True
            return False
        fd = _open_to_lock(path)
        try:
            held = _try_lock(fd)
            if held is False or (held is None and not _is_forgotten(path)):
                return False
            if path.name.endswith(_LOCK_SUFFIX):
                remove_folder(path.with_suffix(""))
            if sys.platform != "win32":
                os.unlink(path)
        finally:
            os.close(fd)
        if sys.platform == "win32":
            os.unlink(path)
        return True
    return False


def _is_forgotten(path: Path) -> bool:
    """Return whether a temporary file, or a folder and all in it, was not written for a day."""
    found = os.lstat(path)
    times = [found.st_mtime]
    if stat.S_ISDIR(found.st_mode):
        times += [entry.stat(follow_symlinks=False).st_mtime for entry in os.scandir(path)]
    return _time_on_disk(path.parent) - max(times) > _UNSEEN_AGE_SECONDS


def _time_on_disk(folder: Path) -> float:
    """Return what time it is by the clock that gives files in ``folder`` their times."""
    probe = _new_path(folder, f"{format_owner(current_owner())}-")
    try:
        os.close(os.open(probe, CREATE_FLAGS, 0o600))
        return os.lstat(probe).st_mtime
    finally:
        _unlink_if_possible(probe)


def _open_to_lock(path: Path) -> int:
    no_follow = getattr(os, "O_NOFOLLOW", 0)
    try:
        return os.open(path, os.O_RDWR | no_follow)
    except PermissionError:  # its writer died between taking the right to write and renaming
        return os.open(path, os.O_RDONLY | no_follow)


def remove_folder(folder: Path) -> None:
    """Remove a temporary file, or a folder and all in it, following no link.

    What cannot be removed stays. Nothing is synced: after a power cut some may be there again.
    """
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            os.unlink(folder)
    for here, folders, files in os.walk(folder, topdown=False):
        for name in files:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(here, name))
        for name in folders:
            path = os.path.join(here, name)
            with contextlib.suppress(OSError):
                os.unlink(path) if os.path.islink(path) else os.rmdir(path)
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def free_bytes(folder: Path) -> int | None:
    """Return the room on the file system of ``folder`` or its nearest parent; None if unknown."""
    for place in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return None


def iter_names(folder: Path) -> Iterable[str]:
    """Yield the names in ``folder``, sorted, without temporary ones; none when it is missing.

    Raises:
        UnavailableError: it cannot be read.
    """
    return (name for name in _list_names(folder) if not name.startswith(STAGED_PREFIX))


def iter_staged_names(folder: Path) -> Iterable[str]:
    """Yield the temporary names in ``folder`` as :func:`iter_names` does the others."""
    return (name for name in _list_names(folder) if name.startswith(STAGED_PREFIX))


def _list_names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UnavailableError(
            f"{folder} cannot be read: {error.strerror}.",
            code="not-readable",
            hints=("Give yourself the right to read it, then run the same command again.",),
        ) from error
