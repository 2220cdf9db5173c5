"""New packs for a remote, and the index segment that names them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from jupyter_mlops.files.durable import Staging
from jupyter_mlops.formats.index import PackEntry, encode_index
from jupyter_mlops.formats.pack import Codec, RecordInfo, RecordKind
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.packing import PACK_BYTES, OpenPack, Record, SealedPack, make_record
from jupyter_mlops.progress import Task
from jupyter_mlops.sync.listing import (
    pack_name,
    pack_object,
)
from jupyter_mlops.sync.remote import Remote


def pack_up(remote: Remote, staging: Staging, records: Iterable[Record]) -> Iterator[SealedPack]:
    """Yield new packs of ``records``, each verified and of no name that is in the remote's trash.

    Raises:
        UnavailableError: the disk is full or cannot be written.
    """
    distinct = _distinct_record(remote)
    new: OpenPack | None = None
    for record in records:
        if new is None:
            new = OpenPack(staging.create())
            if distinct is not None:
                new.append(distinct)
        new.append(record)
        if new.size_bytes >= PACK_BYTES:
            yield new.seal()
            new = None
    if new is not None:
        yield new.seal()


def put_pack(remote: Remote, pack: PackEntry, path: Path, task: Task) -> None:
    """Put a pack, unless the remote lists it as it should be."""
    key = (pack.hash, pack.plain)
    name = pack_object(*key)
    if remote.holds(pack):  # a push that was killed put it
        task.advance(pack.size_bytes)
    elif key in remote.packs:  # it is not what it should be
        remote.backend.put(name, path, advance=task.advance)
    else:
        remote.backend.put_new(name, path, advance=task.advance)


def name_packs(remote: Remote, tables: Mapping[PackEntry, Sequence[RecordInfo]]) -> None:
    """Let the index name packs that were put, once they are listed.

    Raises:
        UnavailableError: the remote lists one of them at another size.
    """
    remote.note_put(tables)
    numbered = list(tables)
    rows = ((number, info) for number, pack in enumerate(numbered) for info in tables[pack])
    remote.put_segment(encode_index(numbered, rows))


def _distinct_record(remote: Remote) -> Record | None:
    """Return a chunk that nothing names, and that no pack in the remote's trash begins with."""
    names = "".join(f"{pack_name(key)}\n" for key in sorted(remote.listing.marks["trash"]))
    if not names:
        return None
    content = hash_bytes(names.encode("ascii"))
    return make_record(
        RecordKind.CHUNK, hash_bytes(content), Codec.RAW, len(content), bytes(content)
    )
