"""Tracked data as plain files, in a folder or a bucket, for programs that know nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from blake3 import blake3

from jupyter_mlops.errors import ConflictError, IntegrityError, NotFoundError
from jupyter_mlops.files.durable import Staging
from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.progress import Progress
from jupyter_mlops.storage.backend import Backend
from jupyter_mlops.sync.external import NO_HASH
from jupyter_mlops.sync.view import View

_IN_MEMORY_BYTES = 8 << 20
_BLOCK_BYTES = 1 << 20


class Exported(NamedTuple):
    """How many files were written, bytes in them, and which were left out, as they were erased."""

    files: int
    size_bytes: int
    erased: tuple[str, ...]


def export_files(
    view: View,
    paths: Sequence[str],
    backend: Backend,
    staging: Staging,
    progress: Progress,
    *,
    without: str = "",
) -> Exported:
    """Put every file at or under ``paths`` into an empty place; links as the files they lead to.

    Of several files, those are left out whose content was erased.

    Args:
        view: what is exported.
        paths: project-relative; all tracked data where none is named.
        backend: the place.
        staging: where a big file is whole before it goes there.
        progress: is told the bytes.
        without: what is taken off the beginning of each path.

    Raises:
        ConflictError: something is there already (code ``destination-not-empty``).
        NotFoundError: there is nothing at one of ``paths``, or content is on neither end; the only
            file was erased (code ``content-erased``).
        IntegrityError: a file is not what its pointer says; those before it were written.
        UnavailableError: the place failed.
    """
    if next(iter(backend.iter_objects()), None) is not None:
        raise ConflictError(
            f"{backend.place} is not empty, so nothing was written there.",
            code="destination-not-empty",
            hints=("Name an empty folder or prefix, or one that is not there yet.",),
        )
    files = []
    for path in paths or ("",):
        found = list(view.iter_files(path))
        if not found and view.find(path) is None:
            raise NotFoundError(
                f"Nothing is tracked at {path} in that revision.", code="path-not-found"
            )
        files += found
    total = sum(entry.size_bytes for _, entry in files)
    with progress.task(f"Writing to {backend.place}", total) as task:
        erased: list[str] = []
        for path, entry in files:
            try:
                file = view.open(path)
            except NotFoundError as error:
                if error.code != "content-erased" or len(files) == 1:
                    raise
                erased.append(path)
                total -= entry.size_bytes
                continue
            with file as source:
                name = path.removeprefix(without).lstrip("/") or path.rpartition("/")[2]
                hasher = blake3()
                if entry.size_bytes <= _IN_MEMORY_BYTES:
                    content = source.read()
                    hasher.update(content)
                    _check(path, view.follow(path), hasher.digest())
                    backend.put(name, content)
                else:
                    with staging.create() as copy:
                        while block := source.read(_BLOCK_BYTES):
                            hasher.update(block)
                            copy.write(block)
                        _check(path, view.follow(path), hasher.digest())
                        backend.put(name, copy.path)
            task.advance(entry.size_bytes)
    return Exported(len(files) - len(erased), total, tuple(erased))


def _check(path: str, entry: Entry, found: bytes) -> None:
    """Let pass if a file has its hash as a whole, and not its pieces alone theirs.

    Of external data none is known: what was read is what was recorded.
    """
    if entry.hash not in (found, NO_HASH):
        raise IntegrityError(
            f"The content of {path} is not that of its pointer, so it was not written.",
            code="content-damaged",
            hints=("jupyter mlops check --read-data",),
        )
