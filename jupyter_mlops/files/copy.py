"""New files that may be lost in a power cut, copies by copy-on-write where that can be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_mlops.files.clone import try_clone
from jupyter_mlops.files.durable import CREATE_FLAGS, disk_error, make_folder

_COPY_BYTES = 1024**2


def copy_into(source: Path, target: Path) -> None:
    """Copy the file or folder ``source`` to ``target``, where nothing is yet; nothing is synced.

    Of a folder, links to folders, what is no file, Git's own folders, and the one that ``target``
    is in are left out.

    Raises:
        OSError: ``source`` cannot be opened.
        UnavailableError: it cannot be read on, or the disk did not take it.
    """
    if not source.is_dir():
        _copy_file(source, target)
        return
    make_folder(target)
    around = os.path.realpath(target.parent)
    for folder, folders, names in os.walk(source):
        folders[:] = [
            name
            for name in folders
            if name.lower() != ".git" and os.path.realpath(os.path.join(folder, name)) != around
        ]
        here = target / os.path.relpath(folder, source)
        make_folder(here)
        for name in names:
            if os.path.isfile(os.path.join(folder, name)):
                _copy_file(Path(folder, name), here / name)


def write_new(target: Path, content: bytes) -> None:
    """Write a file where nothing is yet; nothing is synced.

    Raises:
        UnavailableError: the disk did not take it.
    """
    with _open_new(target) as fd:
        _write(fd, content)


def _copy_file(source: Path, target: Path) -> None:
    with open(source, "rb") as file, _open_new(target) as fd:
        if not try_clone(file.fileno(), fd):
            while part := file.read(_COPY_BYTES):
                _write(fd, part)


@contextmanager
def _open_new(target: Path) -> Iterator[int]:
    try:
        fd = os.open(target, CREATE_FLAGS, 0o644)
        try:
            yield fd
        finally:
            os.close(fd)
    except OSError as error:
        raise disk_error(error, target) from error


def _write(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
