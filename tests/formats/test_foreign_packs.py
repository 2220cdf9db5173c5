"""Records from elsewhere: what is let pass is what a reader takes, and all that we write passes."""

from __future__ import annotations

import random

import pytest
import zstandard

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.pack import (
    Codec,
    RecordKind,
    decode_footer,
    decode_record,
    verify_records,
)
from jupyter_mlops.ids import hash_bytes
from tests.formats.samples import Record, raw_chunk
from tests.hostile.corpus import mutated
from tests.hostile.test_stores import hostile_pack

SIZES = (1000, 128 << 10, (128 << 10) + 1, 3 << 20)


def _squeezed(content: bytes, *, write_checksum: bool = False) -> Record:
    frame = zstandard.ZstdCompressor(write_checksum=write_checksum).compress(content)
    return RecordKind.CHUNK, hash_bytes(content), Codec.ZSTD, len(content), frame


def _contents(size_bytes: int) -> list[bytes]:
    """Return what becomes runs, compressed blocks and raw ones."""
    mixed = random.Random(1).randbytes(size_bytes // 2) + bytes(size_bytes - size_bytes // 2)
    return [bytes(size_bytes), b"some text " * (size_bytes // 10), mixed]


@pytest.mark.parametrize("size_bytes", SIZES)
@pytest.mark.parametrize("write_checksum", [True, False])
def test_frames_of_every_sort_pass(size_bytes: int, write_checksum: bool) -> None:
    records = [
        _squeezed(content, write_checksum=write_checksum) for content in _contents(size_bytes)
    ]
    pack = hostile_pack([raw_chunk(b"raw"), *records])
    verify_records(pack, decode_footer(pack, origin="pack"), origin="pack", foreign=True)


@pytest.mark.parametrize("behind", [b"x", b"\0" * 40, zstandard.ZstdCompressor().compress(b"x")])
def test_a_frame_with_something_behind_it_is_refused(behind: bytes) -> None:
    kind, id, codec, plain_bytes, frame = _squeezed(bytes(5000))
    pack = hostile_pack([(kind, id, codec, plain_bytes, frame + behind)])
    infos = decode_footer(pack, origin="pack")
    verify_records(pack, infos, origin="pack")
    with pytest.raises(IntegrityError):
        verify_records(pack, infos, origin="pack", foreign=True)


def test_what_passes_can_be_read() -> None:
    """Frames are damaged before their record is given a checksum, so that nothing else tells."""
    passed = refused = 0
    frames = [_squeezed(content)[4] for content in _contents(2000)]
    for frame in mutated(7, frames, 3000):
        for plain_bytes in (2000, max(len(frame) + 1, 100)):
            record = (RecordKind.FILE, hash_bytes(b"id"), Codec.ZSTD, plain_bytes, frame)
            pack = hostile_pack([record])
            try:
                infos = decode_footer(pack, origin="pack")
                verify_records(pack, infos, origin="pack", foreign=True)
            except (IntegrityError, UnsupportedError):
                refused += 1
                continue
            passed += 1
            decode_record(pack, infos[0], origin="pack")
    assert refused > 100
    assert passed > 10
