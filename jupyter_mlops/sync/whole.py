"""Whether packs of a remote are what their names say: every byte is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from blake3 import blake3

from jupyter_mlops.errors import IntegrityError, NotFoundError
from jupyter_mlops.formats.index import PackEntry
from jupyter_mlops.progress import Task
from jupyter_mlops.storage.backend import ByteRange
from jupyter_mlops.sync.listing import pack_object
from jupyter_mlops.sync.remote import TRANSFERS, Remote

_BLOCK_BYTES = 8 << 20


def find_broken(
    remote: Remote, packs: Iterable[PackEntry], task: Task | None = None
) -> list[PackEntry]:
    """Return those of ``packs`` that are not what their names say, and note them on the remote.

    Raises:
        UnavailableError: the remote failed.
    """
    listed = list(packs)
    broken = []
    with ThreadPoolExecutor(TRANSFERS, thread_name_prefix="mlops-whole") as pool:
        try:
            for pack, whole in zip(
                listed, pool.map(lambda pack: _is_whole(remote, pack, task), listed), strict=True
            ):
                if not whole:
                    remote.note_damaged(pack.hash, pack.plain)
                    broken.append(pack)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return broken


def iter_blocks(remote: Remote, pack: PackEntry) -> Iterator[bytes]:
    """Yield the bytes of a pack as they are there.

    Raises:
        NotFoundError: it is gone.
        IntegrityError: it is shorter than it should be.
    """
    name = pack_object(pack.hash, pack.plain)
    for offset in range(0, pack.size_bytes, _BLOCK_BYTES):
        length = min(_BLOCK_BYTES, pack.size_bytes - offset)
        yield remote.backend.read_ranges(name, [ByteRange(offset, length)])[0]


def _is_whole(remote: Remote, pack: PackEntry, task: Task | None) -> bool:
    hasher = blake3()
    try:
        for block in iter_blocks(remote, pack):
            hasher.update(block)
            if task is not None:
                task.advance(len(block))
    except (NotFoundError, IntegrityError):
        return False
    return hasher.digest() == pack.hash
