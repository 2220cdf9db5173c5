"""The one place that writes in the working tree: beneath its root, whole files, no links."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jupyter_mlops.errors import ConflictError, NotFoundError, UnavailableError
from jupyter_mlops.files.batch import Batch
from jupyter_mlops.files.beneath import Folder, Way, open_parent, refuse_bad_path
from jupyter_mlops.files.durable import clear_staging, disk_error, open_staging
from jupyter_mlops.files.walk import FileStat, stat_of
from jupyter_mlops.formats.entry import Mode

_MOVE_AWAY = "Move it elsewhere, then run the same command again."


class WorkTree:
    """The files under ``root``, named by relative paths with ``/``.

    Each path is refused unless ``formats.names.check_path`` lets it pass and no part of it is a
    link (ConflictError, code ``path-refused`` or ``link-on-the-way``). What is written is durable
    when the call returns, and a reader sees the old file or the whole of the new one. ``staging``
    is a folder for files that are being written, used where it is on the same file system;
    elsewhere they stand beside their destination.
    """

    def __init__(self, root: Path, staging: Path | None = None) -> None:
        self.root = root
        self.staging = staging

    def stat(self, path: str) -> FileStat | None:
        """Return the stat of the file or link at ``path``; None where there is nothing."""
        with suppress(NotFoundError, FileNotFoundError), self._at(path) as (folder, name):
            return stat_of(name, folder.stat(name), os.path.join(folder.path, name))
        return None

    def read(self, path: str, *, limit_bytes: int | None = None) -> bytes:
        """Return the bytes of the file at ``path``.

        Raises:
            NotFoundError: there is no such file.
            ConflictError: it, or a folder on the way, is a link; or it has more than
                ``limit_bytes``.
            UnavailableError: it cannot be read.
        """
        content = self.read_head(path, None if limit_bytes is None else limit_bytes + 1)
        if limit_bytes is not None and len(content) > limit_bytes:
            raise ConflictError(
                f"{self.root / path} is larger than the {limit_bytes} bytes that such a file may"
                " have.",
                code="file-too-big",
                hints=(_MOVE_AWAY,),
            )
        return content

    def read_head(self, path: str, most_bytes: int | None) -> bytes:
        """Return the first ``most_bytes`` of the file at ``path``, or all of it.

        Raises as :meth:`read` does, but however large the file is.
        """
        with self._at(path) as (folder, name):
            full = os.path.join(folder.path, name)
            try:
                fd = folder.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            except OSError as error:
                if error.errno == errno.ENOENT:
                    raise NotFoundError(
                        f"There is no file {full}.", code="path-not-found"
                    ) from error
                if error.errno == errno.ELOOP:
                    raise _link(full) from error
                raise _not_readable(full, error) from error
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                os.close(fd)
                raise ConflictError(
                    f"{full} is not a file.", code="not-a-file", hints=(_MOVE_AWAY,)
                )
            try:
                with open(fd, "rb") as file:
                    return file.read(-1 if most_bytes is None else most_bytes)
            except OSError as error:
                raise _not_readable(full, error) from error

    def write_file(self, path: str, data: bytes, mode: Mode = Mode.FILE) -> None:
        """Write ``data`` as the whole of ``path``, making missing folders; durable on return.

        Raises:
            ConflictError: the path is refused, or a folder stands there.
            UnavailableError: the disk did not take it.
        """
        with self.open_batch(path) as batch:
            fd = batch.open_file(path, mode)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(fd, view) :]
            except OSError as error:
                raise disk_error(error, self.root / path) from error
            finally:
                os.close(fd)
            batch.apply()

    def rename(self, old: str, new: str) -> None:
        """Give the file or folder at ``old`` the name ``new``, making folders that are missing.

        Durable on return.

        Raises:
            NotFoundError: there is nothing at ``old``.
            ConflictError: a path is refused, or something is at ``new``.
            UnavailableError: the disk refuses, or the two are on different file systems.
        """
        refuse_bad_path(old)
        refuse_bad_path(new)
        with self._at(old) as (source, name):
            source.stat(name)
        if "/" in new:
            self.make_folder(new.rpartition("/")[0])
        with self._at(old) as (source, name), self._at(new) as (target, new_name):
            full = os.path.join(target.path, new_name)
            if os.path.lexists(full):
                raise ConflictError(f"There is something at {full} already.", code="path-exists")
            try:
                target.rename_in(os.path.join(source.path, name), new_name)
                target.sync()
                source.sync()
            except FileNotFoundError as error:
                raise NotFoundError(
                    f"There is no file {self.root / old}.", code="path-not-found"
                ) from error
            except OSError as error:
                raise disk_error(error, full) from error

    def make_folder(self, path: str) -> None:
        """Make the folder ``path`` and its missing parents; nothing happens when it exists."""
        refuse_bad_path(path)
        with Way(self.root) as way:
            try:
                way.to(path, make=True).sync()
                while path:
                    path = path.rpartition("/")[0]
                    way.to(path).sync()
            except OSError as error:
                raise disk_error(error, self.root / path) from error

    def unlink(self, path: str) -> bool:
        """Remove the file or link at ``path``, durably; return whether it was there.

        Raises:
            ConflictError: the path is refused, or a folder stands there.
        """
        with suppress(NotFoundError), self._at(path) as (folder, name):
            full = os.path.join(folder.path, name)
            try:
                folder.unlink(name)
                folder.sync()
            except FileNotFoundError:
                return False
            except OSError as error:
                if error.errno in {errno.EISDIR, errno.EPERM} and os.path.isdir(full):
                    raise _is_folder(full) from error
                raise disk_error(error, full) from error
            return True
        return False

    def remove_empty_folders(self, path: str, *, stop: str = "") -> None:
        """Remove ``path`` and then its parents while they are empty, never ``stop`` or the root."""
        refuse_bad_path(path)
        while path and path != stop:
            try:
                with open_parent(self.root, path) as (folder, name):
                    folder.remove_folder(name)
            except NotFoundError:
                pass
            except OSError as error:
                if error.errno != errno.ENOENT:
                    return
            path = path.rpartition("/")[0]

    @contextmanager
    def open_batch(self, near: str) -> Iterator[Batch]:
        """Yield a :class:`Batch` of changes at and under ``near``, made by its ``apply``.

        What was staged and not applied is removed on exit.

        Raises:
            UnavailableError: nothing can be staged.
        """
        with (
            open_staging(self._staging_for(near)) as staging,
            Batch(self.root, staging.path, near) as batch,
        ):
            yield batch

    def clear(self, near: str = "") -> int:
        """Remove what dead writers left in the staging folder and in the folder of ``near``."""
        count = 0 if self.staging is None else clear_staging(self.staging)
        places = {self._nearest_folder(near), self._nearest_folder(near.rpartition("/")[0])}
        return count + sum(clear_staging(place) for place in sorted(places))

    def _staging_for(self, near: str) -> Path:
        """Return a folder on the file system of ``near`` that no change at ``near`` touches."""
        place = self._nearest_folder(near)
        device = os.stat(place).st_dev
        if self.staging is not None:
            beside = self.staging
            while not beside.exists():
                beside = beside.parent
            if os.stat(beside).st_dev == device:
                return self.staging
        above = self._nearest_folder(near.rpartition("/")[0])
        return above if os.stat(above).st_dev == device else place

    def _nearest_folder(self, near: str) -> Path:
        """Return the folder, real and beneath the root, that is nearest to ``near``."""
        if near:
            refuse_bad_path(near)
        with Way(self.root) as way:
            folder = near
            while folder:
                with suppress(NotFoundError, ConflictError):
                    return Path(way.to(folder).path)
                folder = folder.rpartition("/")[0]
            return Path(way.to("").path)

    @contextmanager
    def _at(self, path: str) -> Iterator[tuple[Folder, str]]:
        refuse_bad_path(path)
        try:
            with open_parent(self.root, path) as opened:
                yield opened
        except FileNotFoundError as error:
            raise NotFoundError(
                f"There is no file {self.root / path}.", code="path-not-found"
            ) from error
        except PermissionError as error:
            raise disk_error(error, self.root / path) from error


def _not_readable(full: str, error: OSError) -> UnavailableError:
    return UnavailableError(
        f"{full} cannot be read: {error.strerror}.",
        code="not-readable",
        hints=("Give yourself the right to read it, then run the same command again.",),
    )


def _link(full: str) -> ConflictError:
    return ConflictError(
        f"{full} is a link; nothing is read or written through links.",
        code="link-on-the-way",
        hints=("Replace the link by a real file, then run the same command again.",),
    )


def _is_folder(full: str) -> ConflictError:
    return ConflictError(
        f"{full} is a folder where a file is to be written.",
        code="not-a-file",
        hints=(_MOVE_AWAY,),
    )
