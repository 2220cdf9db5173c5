"""File systems in a certain state: without room, without the right to write, without power."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

if sys.platform != "win32":
    import fcntl

import pytest

Kind = Literal["ext4", "xfs"]

_MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-m", "0"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-m", "reflink=1"),
}
_SIZES = {"ext4": 256 << 20, "xfs": 1 << 30}
_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), of ext4 and xfs alike
_NO_LOG_FLUSH = 2


class Disk:
    """A file system in a file, which can lose power; made by :func:`open_disk`."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.image = image
        self.folder = folder
        self._mounted = False

    def mount(self) -> None:
        """Put it at its folder."""
        _run("mount", "-o", "loop", str(self.image), str(self.folder))
        self._mounted = True

    def unmount(self) -> None:
        """Take it away, with all that was written on it."""
        if self._mounted:
            _run("umount", str(self.folder))
            self._mounted = False

    def sync(self) -> None:
        """Make all that was written so far durable."""
        _run("sync", "--file-system", str(self.folder))

    def lose_power(self, *, journal_first: bool = False) -> None:
        """Lose what was not made durable, and come up again.

        With ``journal_first`` another program has just made a file of its own durable, which
        commits the journal and with it names whose content may not be there yet.
        """
        if journal_first:
            other = os.open(self.folder / ".other", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
            try:
                os.write(other, b"x")
                os.fsync(other)
            finally:
                os.close(other)
        here = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(here, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(here)
        self.unmount()
        self.mount()


class NoDisk(Exception):
    """No file system can be made and mounted here; says why."""


@contextmanager
def open_disk(kind: Kind, place: Path, size_bytes: int | None = None) -> Iterator[Disk]:
    """Yield a new file system of ``kind``, mounted in ``place``; it is gone afterwards.

    Raises:
        NoDisk: That is not possible or not allowed here.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NoDisk("a file system in a file needs Linux and root")
    if shutil.which(_MAKE[kind][0]) is None:
        raise NoDisk(f"there is no {_MAKE[kind][0]} here")
    place.mkdir(parents=True, exist_ok=True)
    image = place / f"{kind}.image"
    folder = place / kind
    try:
        with open(image, "wb") as file:
            file.truncate(size_bytes or _SIZES[kind])
        _run(*_MAKE[kind], str(image))
        folder.mkdir()
        disk = Disk(image, folder)
        try:
            disk.mount()
        except AssertionError as error:
            raise NoDisk(f"no {kind} can be mounted here") from error
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True)
        image.unlink(missing_ok=True)


@contextmanager
def make_disk(kind: Kind, place: Path) -> Iterator[Disk]:
    """Yield what :func:`open_disk` does; a test that cannot have it says that it did not run."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(open_disk(kind, place))
        except NoDisk as error:
            pytest.skip(f"not run: {error}")
        yield disk


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)


@contextmanager
def mount_tmpfs(folder: Path, size: str) -> Iterator[None]:
    """Put an empty file system of ``size`` (``4m``) at ``folder``, where that is allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("not run: a small tmpfs needs Linux and root")
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("not run: no tmpfs can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def make_read_only(folder: Path) -> Iterator[None]:
    """Take the right to write at and below ``folder`` away, from root as well."""
    if os.geteuid() != 0:
        folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        modes = [(path, path.stat().st_mode) for path in folders]
        for path, mode in modes:
            path.chmod(mode & ~0o222)
        try:
            yield
        finally:
            for path, mode in modes:
                path.chmod(mode)
        return
    bind = subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True)
    if bind.returncode:
        pytest.skip("not run: nothing can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
