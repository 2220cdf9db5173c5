"""Packs as files: where they lie, what they hold, reading from them."""

from __future__ import annotations

import errno
import os
import re
import stat
import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from jupyter_mlops.errors import IntegrityError, UnavailableError
from jupyter_mlops.files.durable import iter_names
from jupyter_mlops.formats.chunking import CHUNK_MAX_BYTES, iter_cuts
from jupyter_mlops.formats.index import PackEntry, Place
from jupyter_mlops.formats.manifest import ChunkRef
from jupyter_mlops.formats.pack import (
    RECORD_HEADER_BYTES,
    Codec,
    RecordInfo,
    RecordKind,
    decode_footer,
    decode_named,
    decode_record,
    scan_records,
    verify_records,
)
from jupyter_mlops.ids import Hash, hash_bytes

_PACK_NAME = re.compile(r"([0-9a-f]{64})\.(pack|plain)")
_RECORD = "pack"
_PLAIN = "plain"
_CUT_BYTES = 8 << 20
_RUN_BYTES = 1 << 20
_ROW = struct.Struct(">32s?Q")
_OPEN = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)
_NO_PACK = {
    number
    for name in ("ENOENT", "ENOTDIR", "EISDIR", "ELOOP", "ENXIO", "ESTALE")
    if (number := getattr(errno, name, None)) is not None
}
"""What the system says where there is no file, or not any more on the server that had it."""


def pack_path(folder: Path, pack: Hash, plain: bool) -> Path:
    """Return where the pack of that name lies in the store at ``folder``."""
    name = pack.hex()
    return folder / "packs" / name[:2] / f"{name}.{_PLAIN if plain else _RECORD}"


def encode_packs(packs: Iterable[PackEntry]) -> bytes:
    """Return packs as bytes, from which :func:`decode_packs` makes them again."""
    rows = sorted(_ROW.pack(hash, plain, size_bytes) for hash, plain, size_bytes in packs)
    return b"".join(rows)


def decode_packs(encoded: bytes) -> list[PackEntry]:
    """Return the packs that :func:`encode_packs` made ``encoded`` of; none where it did not."""
    if len(encoded) % _ROW.size:
        return []
    return [PackEntry(Hash(hash), plain, size) for hash, plain, size in _ROW.iter_unpack(encoded)]


def list_packs(
    folder: Path, known: Collection[tuple[Hash, bool]] = frozenset()
) -> Iterator[PackEntry]:
    """Yield every pack in the store at ``folder``, with the size that it has on disk.

    Those ``known``, by name and whether they are plain, are not looked at.
    """
    top = folder / "packs"
    for prefix in iter_names(top):
        for name in iter_names(top / prefix):
            matched = _PACK_NAME.fullmatch(name)
            if matched and matched[1].startswith(prefix):
                key = (Hash(bytes.fromhex(matched[1])), matched[2] == _PLAIN)
                if key in known:
                    continue
                try:
                    found = os.lstat(top / prefix / name)
                except OSError:
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield PackEntry(*key, found.st_size)


class PackFile:
    """A pack open for reading; a context manager; thread-safe where the system has ``pread``.

    Raises:
        FileNotFoundError: there is no such pack; a link, a pipe or a folder is none.
        UnavailableError: it may not be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.origin = path.name
        try:
            self.fd = os.open(path, _OPEN)
        except OSError as error:
            if error.errno in _NO_PACK:
                raise FileNotFoundError(error.errno, error.strerror, str(path)) from error
            raise UnavailableError(
                f"The pack {path} cannot be read: {error.strerror}.",
                code="store-unreadable",
                hints=("Give yourself the right to read it, then run the same command again.",),
            ) from error
        found = os.fstat(self.fd)
        if not stat.S_ISREG(found.st_mode):
            os.close(self.fd)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        self.size_bytes = found.st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self.fd)

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes at ``offset``, fewer at the end of the pack.

        Memory is taken for what the pack holds, whatever the two say.

        Raises:
            IntegrityError: the disk cannot read them.
        """
        length = min(length, self.size_bytes - offset)
        try:
            parts = []
            while length > 0:
                part = _read_at(self.fd, length, offset)
                if not part:
                    break
                parts.append(part)
                offset += len(part)
                length -= len(part)
        except OSError as error:
            raise IntegrityError(
                f"The disk cannot read the pack {self.path}: {error.strerror}.",
                code="pack-unreadable",
                hints=("jupyter mlops repair",),
            ) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)


def stored_span(place: Place) -> tuple[int, int]:
    """Return offset and length of the bytes on disk that ``place`` needs."""
    header = 0 if place.plain else RECORD_HEADER_BYTES
    return place.offset, place.stored_bytes + header


def decode_place(
    view: bytes | memoryview, base_offset: int, place: Place, id: Hash, origin: str
) -> bytes:
    """Return the verified plain bytes of a record; ``view`` begins at ``base_offset`` of the pack.

    Raises:
        IntegrityError: the bytes are not that record.
    """
    if not place.plain:
        return decode_record(view, place.info(id), origin=origin, base_offset=base_offset)
    start = place.offset - base_offset
    content = bytes(view[start : start + place.plain_bytes])
    if len(content) != place.plain_bytes or hash_bytes(content) != id:
        raise IntegrityError(
            f"The chunk at byte {place.offset} of the pack {origin} is damaged.",
            code="record-damaged",
            hints=("jupyter mlops repair",),
        )
    return content


def decode_run(
    view: bytes | memoryview,
    base_offset: int,
    run: Sequence[tuple[Hash, Place]],
    origin: str,
) -> list[bytes]:
    """Return what :func:`decode_place` does of many records, each proved by the id that names it.

    Raises:
        IntegrityError: the bytes of one are not that record.
    """
    return [
        decode_place(view, base_offset, place, id, origin)
        if place.plain
        else decode_named(view, place.info(id), origin=origin, base_offset=base_offset)
        for id, place in run
    ]


def read_pack_table(path: Path, *, plain: bool) -> list[RecordInfo]:
    """Return what a pack holds, from its own bytes: its footer, its records, or by cutting it.

    Raises:
        IntegrityError: the pack is damaged; of a record pack without a footer nothing can be told
            before that.
    """
    with PackFile(path) as pack:
        if plain:
            return plain_table(_cut_plain(pack))
        try:
            return decode_footer(pack.read, pack.size_bytes, origin=pack.origin)
        except IntegrityError:
            found: list[RecordInfo] = []
            try:
                for info in scan_records(pack.read(0, pack.size_bytes), origin=pack.origin):
                    found.append(info)
            except IntegrityError:
                if not found:
                    raise
            return found


def plain_table(refs: Iterable[ChunkRef]) -> list[RecordInfo]:
    """Return what a plain pack holds whose chunks are ``refs`` in order."""
    table = []
    seen = set()
    offset = 0
    for id, length in refs:
        if id not in seen:
            seen.add(id)
            table.append(RecordInfo(RecordKind.CHUNK, id, Codec.RAW, offset, length, length))
        offset += length
    return table


def verify_pack(
    path: Path, *, plain: bool, refs: Sequence[ChunkRef] | None = None
) -> list[RecordInfo]:
    """Return what a pack from elsewhere holds, each record as whole as a reader wants it.

    Args:
        path: the pack, whose name its bytes are known to bear out.
        plain: whether it is a plain one.
        refs: the chunks of a plain pack as far as somebody says so; it is cut where they are not.

    Raises:
        IntegrityError: something is damaged, or is none of what a pack may hold.
    """
    with PackFile(path) as pack:
        if plain:
            if refs and _is_made_of(pack, refs):
                return plain_table(refs)
            return plain_table(_cut_plain(pack))
        table = decode_footer(pack.read, pack.size_bytes, origin=pack.origin)
        run: list[RecordInfo] = []
        for info, following in zip(table, [*table[1:], None], strict=True):
            run.append(info)
            end = info.offset + RECORD_HEADER_BYTES + info.stored_bytes
            if following is None or end - run[0].offset >= _RUN_BYTES:
                view = pack.read(run[0].offset, end - run[0].offset)
                verify_records(
                    view, run, origin=pack.origin, base_offset=run[0].offset, foreign=True
                )
                run = []
        return table


def _is_made_of(pack: PackFile, refs: Sequence[ChunkRef]) -> bool:
    offset = 0
    for id, length in refs:
        if hash_bytes(pack.read(offset, length)) != id:
            return False
        offset += length
    return offset == pack.size_bytes


def _cut_plain(pack: PackFile) -> Iterator[ChunkRef]:
    offset = 0
    while offset < pack.size_bytes:
        view = memoryview(pack.read(offset, _CUT_BYTES + CHUNK_MAX_BYTES))
        last = offset + len(view) >= pack.size_bytes
        for length in iter_cuts(view, last=last):
            yield ChunkRef(hash_bytes(view[:length]), length)
            offset += length
            view = view[length:]


def _read_at(fd: int, length: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(fd, length, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, length)
