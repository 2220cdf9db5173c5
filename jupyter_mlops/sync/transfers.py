"""Packs and records that come from a remote, many at once, each verified before it is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from blake3 import blake3

from jupyter_mlops.errors import IntegrityError, NotFoundError
from jupyter_mlops.files.durable import StagedFile, Staging
from jupyter_mlops.formats.index import Place
from jupyter_mlops.formats.manifest import ChunkRef
from jupyter_mlops.formats.pack import RecordInfo
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.collect import take_record
from jupyter_mlops.objects.packing import Record
from jupyter_mlops.objects.packs import stored_span, verify_pack
from jupyter_mlops.storage.backend import ByteRange
from jupyter_mlops.storage.content import Advance
from jupyter_mlops.sync.listing import PackKey, pack_object
from jupyter_mlops.sync.remote import TRANSFERS, Remote

BLOCK_BYTES = 8 << 20
"""How much one request asks for."""

_BIG_BYTES = 3 * BLOCK_BYTES
_VERIFIED_AT_ONCE = 2

Arrival = tuple[StagedFile, Sequence[RecordInfo]]
"""A pack under a temporary name, and what it holds."""

_T = TypeVar("_T")


def pack_of(place: Place) -> PackKey:
    """Return the pack that a place is in."""
    return place.pack, place.plain


class Transfers:
    """Asks a remote for much at once, of which no more is in memory than is under way.

    Args:
        remote: who is asked.
        staging: where packs are written.
        pool: of TRANSFERS threads.
        tables: the chunks of files by the files' hashes, as far as manifests tell them so far.
    """

    def __init__(
        self,
        remote: Remote,
        staging: Staging,
        pool: ThreadPoolExecutor,
        tables: Mapping[Hash, Sequence[ChunkRef]],
    ) -> None:
        self._remote = remote
        self._staging = staging
        self._pool = pool
        self._tables = tables

    def fetch_packs(
        self, keys: Sequence[PackKey], advance: Advance
    ) -> Iterator[tuple[PackKey, Arrival | None]]:
        """Yield each pack, staged and verified, with its table; None where it is another one.

        Small packs come many at once, of a big one many blocks, while those before it are verified.
        """
        big = [key for key in keys if self._remote.packs[key] > _BIG_BYTES]
        small = [key for key in keys if self._remote.packs[key] <= _BIG_BYTES]
        yield from self.each(self._fetch_small, small, advance)
        arrived: deque[tuple[PackKey, Future[Arrival | None]]] = deque()
        for key in big:
            blocks = self.each(self._read_block, list(self._blocks_of(key)), advance)
            staged = self._stage(key, (block for _, block in blocks))
            arrived.append((key, self._pool.submit(self._verify, key, staged)))
            if len(arrived) == _VERIFIED_AT_ONCE:
                first, future = arrived.popleft()
                yield first, future.result()
        for first, future in arrived:
            yield first, future.result()

    def _fetch_small(self, key: PackKey, advance: Advance) -> Arrival | None:
        blocks = (self._read_block(block, advance) for block in self._blocks_of(key))
        return self._verify(key, self._stage(key, blocks))

    def _blocks_of(self, key: PackKey) -> Iterator[tuple[PackKey, ByteRange]]:
        size_bytes = self._remote.packs[key]
        for offset in range(0, size_bytes, BLOCK_BYTES):
            yield key, ByteRange(offset, min(BLOCK_BYTES, size_bytes - offset))

    def _read_block(self, block: tuple[PackKey, ByteRange], advance: Advance) -> bytes | None:
        """Return a part of a pack; None where there is no such part."""
        key, span = block
        try:
            (read,) = self._remote.backend.read_ranges(pack_object(*key), [span])
        except (NotFoundError, IntegrityError):
            return None
        advance(span.size_bytes)
        return read

    def _stage(self, key: PackKey, blocks: Iterable[bytes | None]) -> StagedFile | None:
        """Write a pack under a temporary name; None where its bytes are not those of its name."""
        staged = self._staging.create()
        hasher = blake3()
        try:
            for block in blocks:
                if block is None:
                    staged.discard()
                    return None
                hasher.update(block)
                staged.write(block)
        except BaseException:
            staged.discard()
            raise
        if hasher.digest() != key[0]:
            staged.discard()
            return None
        return staged

    def _verify(self, key: PackKey, staged: StagedFile | None) -> Arrival | None:
        """Make a pack durable and return it with its table; None where a record is damaged.

        Raises:
            IntegrityError: this machine's disk cannot read it, of which the remote is not guilty.
        """
        if staged is None:
            return None
        try:
            refs = self._tables.get(key[0]) if key[1] else None
            table = verify_pack(staged.path, plain=key[1], refs=refs)
            staged.sync()
        except IntegrityError as error:
            staged.discard()
            if error.code == "pack-unreadable":
                raise
            return None
        except BaseException:
            staged.discard()
            raise
        staged.close()
        return staged, table

    def each(
        self, work: Callable[[_T, Advance], Any], items: Sequence[_T], advance: Advance
    ) -> Iterator[tuple[_T, Any]]:
        """Yield each item with what ``work`` makes of it, as many at once as may be in memory."""
        under_way: deque[tuple[_T, Future[Any]]] = deque()
        for item in items:
            under_way.append((item, self._pool.submit(work, item, advance)))
            if len(under_way) > TRANSFERS:
                first, future = under_way.popleft()
                yield first, future.result()
        for first, future in under_way:
            yield first, future.result()

    def read_run(
        self, run: list[tuple[Hash, Place]], advance: Advance
    ) -> list[tuple[Place, Record]]:
        """Return those records of one pack that verify, with their places."""
        spans = [stored_span(place) for _, place in run]
        name = pack_object(*pack_of(run[0][1]))
        try:
            read = self._remote.backend.read_ranges(name, [ByteRange(*span) for span in spans])
        except (NotFoundError, IntegrityError):
            return []
        records = []
        for (id, place), stored in zip(run, read, strict=True):
            with suppress(IntegrityError):
                records.append((place, take_record(stored, place, id, name)))
            advance(place.stored_bytes)
        return records
