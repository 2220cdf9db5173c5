"""Files as records, as far as the store lacks them: read, cut, named, compressed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.formats.manifest import ChunkRef, FileManifest, encode_file_manifest
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import Hash, hash_bytes, new_hasher
from jupyter_mlops.objects.chunker import cut_bytes, iter_blocks
from jupyter_mlops.objects.compress import compress, compress_many
from jupyter_mlops.objects.packing import Record, make_record
from jupyter_mlops.objects.source import open_source, read_error, read_small

SMALL_BYTES = 1 << 20
"""The largest file that is read whole."""


class Encoder:
    """Makes the records that ``is_known`` does not know; as thread-safe as that is."""

    def __init__(self, is_known: Callable[[RecordKind, Hash], bool]) -> None:
        self._is_known = is_known

    def encode(
        self, kind: RecordKind, id: Hash, content: bytes | memoryview, records: list[Record]
    ) -> None:
        """Add one record to ``records`` if it is not known."""
        if not self._is_known(kind, id):
            codec, payload = compress(content)
            records.append(make_record(kind, id, codec, len(content), payload))

    def encode_small(self, paths: Iterable[str], records: list[Record]) -> list[Entry]:
        """Read files of at most about SMALL_BYTES; add their records to ``records``.

        Raises:
            ConflictError: one is no file any more, or kept changing while it was read.
            NotFoundError: one vanished.
            UnavailableError: one cannot be read.
        """
        entries = []
        chunks: list[tuple[Hash, bytes | memoryview]] = []
        for path in paths:
            content, mode = read_small(path)
            id = hash_bytes(content)
            lengths = cut_bytes(content)
            if len(lengths) == 1:
                chunks.append((id, content))
            else:
                refs = _cut(memoryview(content), lengths, chunks)
                self.encode_manifest(id, refs, records)
            entries.append(Entry(mode, id, len(content)))
        self.encode_named(chunks, records)
        return entries

    def encode_chunks(
        self, view: memoryview, lengths: Sequence[int], records: list[Record]
    ) -> list[ChunkRef]:
        """Name the chunks that ``view`` begins with; add their records to ``records``.

        A record may refer to ``view``.
        """
        chunks: list[tuple[Hash, bytes | memoryview]] = []
        refs = _cut(view, lengths, chunks)
        self.encode_named(chunks, records)
        return refs

    def encode_manifest(self, id: Hash, refs: Sequence[ChunkRef], records: list[Record]) -> None:
        """Add the record that lists the chunks of a file; one of a single chunk needs none."""
        if len(refs) > 1 and not self._is_known(RecordKind.FILE, id):
            records.append(manifest_record(id, refs))

    def encode_named(
        self, chunks: Iterable[tuple[Hash, bytes | memoryview]], records: list[Record]
    ) -> None:
        """Add the records of chunks whose names are known; a record may refer to its chunk."""
        new = [one for one in chunks if not self._is_known(RecordKind.CHUNK, one[0])]
        payloads = compress_many([content for _, content in new])
        for (id, content), (codec, payload) in zip(new, payloads, strict=True):
            records.append(make_record(RecordKind.CHUNK, id, codec, len(content), payload))


def _cut(
    view: memoryview, lengths: Sequence[int], chunks: list[tuple[Hash, bytes | memoryview]]
) -> list[ChunkRef]:
    """Name the chunks that ``view`` begins with, and add them to ``chunks``."""
    refs = []
    start = 0
    for length in lengths:
        part = view[start : start + length]
        start += length
        id = hash_bytes(part)
        refs.append(ChunkRef(id, length))
        chunks.append((id, part))
    return refs


def manifest_record(id: Hash, refs: Sequence[ChunkRef]) -> Record:
    """Return the record that lists the chunks of the file ``id``."""
    size_bytes = sum(ref.size_bytes for ref in refs)
    encoded = encode_file_manifest(FileManifest(size_bytes, tuple(refs)))
    codec, payload = compress(encoded)
    return make_record(RecordKind.FILE, id, codec, len(encoded), payload)


def iter_records(
    encoder: Encoder, path: str, size_bytes: int, buffer: bytearray
) -> Iterator[list[Record]]:
    """Yield the records that ``encoder`` makes of a file; each list is done with before the next.

    ``buffer`` has BLOCK_BYTES and is used again. Raises as :meth:`Encoder.encode_small`.
    """
    records: list[Record] = []
    if size_bytes <= SMALL_BYTES:
        encoder.encode_small([path], records)
        yield records
        return
    hasher = new_hasher()
    refs: list[ChunkRef] = []
    with open_source(path) as source:
        try:
            for block in iter_blocks(source.fd, lambda: buffer):
                view = memoryview(block.buffer)
                hasher.update(view[: sum(block.lengths)])
                records = []
                refs += encoder.encode_chunks(view, block.lengths, records)
                yield records
        except OSError as error:
            raise read_error(path, error) from error
    records = []
    encoder.encode_manifest(Hash(hasher.digest()), refs, records)
    yield records
