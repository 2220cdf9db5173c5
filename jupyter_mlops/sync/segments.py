"""Index segments of a remote: fetched once, and believed when they are what their names say."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from jupyter_mlops.errors import IntegrityError, UnavailableError
from jupyter_mlops.files.durable import make_folder, open_staged, publish_all, write_atomic
from jupyter_mlops.formats.index import IndexView, Place, verify
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.storage.backend import Backend, ByteRange
from jupyter_mlops.sync.listing import PackKey

IN_MEMORY_BYTES = 64 << 20
"""The largest segment that is read at once."""

_BLOCK_BYTES = 16 << 20


class Segment(NamedTuple):
    """A segment; ``name`` is that of its object, empty where it was made here."""

    view: IndexView
    sizes: dict[PackKey, int]
    name: str

    @classmethod
    def of(cls, encoded: bytes | mmap.mmap, origin: str, name: str = "") -> Segment:
        """Return the segment that ``encoded`` is; ``origin`` names it in errors."""
        view = IndexView(encoded, origin=origin)
        return cls(view, {(pack.hash, pack.plain): pack.size_bytes for pack in view.packs}, name)

    @classmethod
    def verified(cls, encoded: bytes | mmap.mmap, hash: Hash, name: str) -> Segment:
        """Return a segment that has the hash which is its name, and is the one encoding of it."""
        if f"{hash.hex()}.idx" != name.rpartition("/")[2]:
            raise IntegrityError(
                f"The bytes of the index segment {name} are not those of that name.",
                code="index-damaged",
                hints=("jupyter mlops push",),
            )
        segment = cls.of(encoded, name, name)
        verify(segment.view)
        return segment

    def bears_out(self, place: Place, believes: Callable[[PackKey, int], bool]) -> bool:
        """Return whether the pack of a place, at the size that this segment tells, is believed."""
        key = (place.pack, place.plain)
        return believes(key, self.sizes[key])


def read_kept(path: Path, name: str) -> Segment | None:
    """Return the segment that a cache keeps at ``path``, None where it does not have it whole."""
    mapped = _map_file(path)
    if mapped is None or blake3(mapped).hexdigest() != path.stem:
        return None
    return Segment.of(mapped, name, name)


def fetch_segment(backend: Backend, name: str, size_bytes: int, path: Path) -> Segment:
    """Return a segment, verified before the cache has it at ``path``; a large one is mapped there.

    Raises:
        NotFoundError: it is gone.
        IntegrityError: the remote has something else under its name.
        UnavailableError: the remote failed; or the cache cannot be written, and has to be.
    """
    if size_bytes <= IN_MEMORY_BYTES:
        encoded = backend.read(name, limit_bytes=IN_MEMORY_BYTES)
        segment = Segment.verified(encoded, hash_bytes(encoded), name)
        with suppress(UnavailableError):
            write_atomic(path, encoded, durable=False)
        return segment
    make_folder(path.parent)
    with open_staged(path.parent) as staged:
        hasher = blake3()
        for offset in range(0, size_bytes, _BLOCK_BYTES):
            span = ByteRange(offset, min(_BLOCK_BYTES, size_bytes - offset))
            (block,) = backend.read_ranges(name, [span])
            hasher.update(block)
            staged.write(block)
        mapped = _map_file(staged.path) or b""
        segment = Segment.verified(mapped, Hash(hasher.digest()), name)
        publish_all([(staged, path)], overwrite=True)
    return segment


def _map_file(path: Path) -> mmap.mmap | None:
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # there is none, or an empty one
        return None
