"""Values that the golden vectors hold, and strategies for others.

``python -m tests.formats.samples`` writes ``tests/golden/`` anew. That is right only when a format
changes on purpose; the difference in Git shows what changed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blake3 import blake3
from hypothesis import strategies as st

from jupyter_mlops.formats.bars import Bar, format_bars
from jupyter_mlops.formats.chunking import iter_cuts
from jupyter_mlops.formats.entry import MAX_LINK_BYTES, MAX_SIZE_BYTES, Entry, Mode
from jupyter_mlops.formats.erasure import Erasure, encode_erasure
from jupyter_mlops.formats.index import PackEntry, encode_index
from jupyter_mlops.formats.manifest import (
    EMPTY_TREE,
    EMPTY_TREE_HASH,
    ChunkRef,
    FileManifest,
    encode_file_manifest,
    encode_tree,
)
from jupyter_mlops.formats.names import check_names, check_path
from jupyter_mlops.formats.pack import (
    PACK_HEADER,
    Codec,
    RecordInfo,
    RecordKind,
    encode_footer,
    encode_record_header,
)
from jupyter_mlops.formats.pointer import FilePointer, Pointer, TreePointer, encode_pointer
from jupyter_mlops.formats.pointer_external import ExternalObject, ExternalPointer
from jupyter_mlops.formats.pointer_source import ImportSource
from jupyter_mlops.formats.run import (
    Began,
    Ended,
    Environment,
    Kept,
    Line,
    Metrics,
    Note,
    Params,
    System,
    Tags,
    Uses,
    format_line,
)
from jupyter_mlops.formats.snapshot import (
    LeftOut,
    SnapshotPath,
    SnapshotRecord,
    encode_snapshot_record,
)
from jupyter_mlops.ids import Hash, format_hash, hash_bytes
from tests.notebooks.journals import Ran, journal_bytes

GOLDEN = Path(__file__).parents[1] / "golden"

Record = tuple[RecordKind, Hash, Codec, int, bytes]


def seeded_bytes(seed: str, count: int) -> bytes:
    """Return bytes that anyone can make: BLAKE3's extended output of ``seed``."""
    return blake3(seed.encode()).digest(count)


def build_pack(records: Sequence[Record]) -> tuple[bytes, list[RecordInfo]]:
    """Return a record pack and where its records stand."""
    parts = [PACK_HEADER]
    infos = []
    offset = len(PACK_HEADER)
    for kind, content, codec, plain_bytes, payload in records:
        head = encode_record_header(kind, content, codec, plain_bytes, payload)
        infos.append(RecordInfo(kind, content, codec, offset, len(payload), plain_bytes))
        parts += [head, payload]
        offset += len(head) + len(payload)
    return b"".join([*parts, encode_footer(infos)]), infos


def raw_chunk(content: bytes) -> Record:
    """Return a CHUNK that is stored as it is."""
    return RecordKind.CHUNK, hash_bytes(content), Codec.RAW, len(content), content


# 1,000 digits compressed once by zstd 1.5 at level 1. Another library may compress them otherwise.
DIGITS = b"0123456789" * 100
DIGITS_ZSTD = bytes.fromhex("28b52ffd60e8028d000050303132333435363738390100db5b1524")

TREE = {
    "a.txt": Entry(Mode.FILE, hash_bytes(b"a\n"), 2),
    "empty": Entry(Mode.FOLDER, EMPTY_TREE_HASH, 0),
    "link": Entry(Mode.SYMLINK, hash_bytes(b"a.txt"), 5),
    'naïve "x" 数.csv': Entry(Mode.FILE, hash_bytes(b""), 0),
    "run.sh": Entry(Mode.EXECUTABLE, hash_bytes(b"#!/bin/sh\n"), 10),
}
LISTED = {
    **{name: entry for name, entry in TREE.items() if name != "empty"},
    "sub-folder/b.txt": Entry(Mode.FILE, hash_bytes(b"b\n"), 2),
    "sub/c.txt": Entry(Mode.FILE, hash_bytes(b"c\n"), 2),
    "sub/empty": Entry(Mode.FOLDER, EMPTY_TREE_HASH, 0),
}
SOURCE = ImportSource(
    "https://github.com/us/flowers", 'data/"train".csv', "main", "6f" * 20, hash_bytes(b"")
)
POINTERS: dict[str, Pointer] = {
    "pointer-file.mlops": FilePointer(Entry(Mode.FILE, hash_bytes(b""), 0)),
    "pointer-executable.mlops": FilePointer(Entry(Mode.EXECUTABLE, hash_bytes(b"x"), 1)),
    "pointer-listed.mlops": TreePointer(entries=LISTED),
    "pointer-empty.mlops": TreePointer(entries={}),
    "pointer-manifest.mlops": TreePointer(manifest=hash_bytes(encode_tree(TREE))),
    "pointer-imported.mlops": FilePointer(Entry(Mode.FILE, hash_bytes(b""), 0), SOURCE),
    "pointer-imported-folder.mlops": TreePointer(
        entries=LISTED, source=replace(SOURCE, url="/srv/flowers", rev=None)
    ),
    "pointer-external.mlops": ExternalPointer(
        "s3://bucket/train.csv", {"": ExternalObject(3, "5d41402abc4b2a76", "3sL4kqtJlcpXro.T_")}
    ),
    "pointer-external-folder.mlops": ExternalPointer(
        "https://host/images",
        {
            'a "b".jpg': ExternalObject(0, "0-0"),
            "b/c.jpg": ExternalObject(2**63 - 1, None, "v1"),
            "b/d.jpg": ExternalObject(1),
        },
    ),
}
PLAIN = seeded_bytes("plain", 300_000)
PLAIN_CUTS = tuple(iter_cuts(PLAIN))
MANIFEST = FileManifest(
    len(PLAIN),
    tuple(
        ChunkRef(hash_bytes(PLAIN[sum(PLAIN_CUTS[:n]) :][:length]), length)
        for n, length in enumerate(PLAIN_CUTS)
    ),
)
_MANIFEST_BYTES = encode_file_manifest(MANIFEST)
_NOTEBOOK = hash_bytes(b'{"cells": []}')
RECORDS: tuple[Record, ...] = (
    raw_chunk(b""),
    raw_chunk(b"a\n"),
    (RecordKind.CHUNK, hash_bytes(DIGITS), Codec.ZSTD, len(DIGITS), DIGITS_ZSTD),
    (RecordKind.FILE, hash_bytes(PLAIN), Codec.RAW, len(_MANIFEST_BYTES), _MANIFEST_BYTES),
    (RecordKind.TREE, EMPTY_TREE_HASH, Codec.RAW, len(EMPTY_TREE), EMPTY_TREE),
    (RecordKind.OUTPUTS, _NOTEBOOK, Codec.RAW, 2, b"{}"),
    (RecordKind.OUTPUTS, _NOTEBOOK, Codec.RAW, 3, b"{ }"),
)
PACK, INFOS = build_pack(RECORDS)
PACKS = (
    PackEntry(hash_bytes(PACK), False, len(PACK)),
    PackEntry(hash_bytes(PLAIN), True, len(PLAIN)),
)
ROWS = (
    *((0, info) for info in INFOS),
    *(
        (
            1,
            RecordInfo(
                RecordKind.CHUNK, ref.hash, Codec.RAW, sum(PLAIN_CUTS[:n]), *[ref.size_bytes] * 2
            ),
        )
        for n, ref in enumerate(MANIFEST.chunks)
    ),
)
SNAPSHOT = SnapshotRecord(
    id="k7abc234mnop",
    created_at=datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC),
    name="wider-trees",
    base="0123456789abcdef0123456789abcdef01234567",
    branch="main",
    message="wider trees\nand “deeper”",
    notebook="train.ipynb",
    cells=("x = 1", "%snapshot data"),
    params={"depth": 8, "name": "größe", "rate": 0.5, "seed": None, "shuffle": True},
    metrics={"acc": 0.91, "loss": float("nan"), "n": 3.0, "worst": float("-inf")},
    environment={"python": "3.11.2"},
    command=("snapshot", "data", "-m", "x"),
    automatic=False,
    paths=(
        SnapshotPath("data", "tree", hash_bytes(encode_tree(TREE)), 4, 17),
        SnapshotPath("model.bin", "file", hash_bytes(PLAIN), 1, len(PLAIN)),
    ),
    left_out=(LeftOut("big\n\udcff.bin", "12.0 MiB, more than file_limit"),),
)


BARS = {
    'metrics/"ü".json:loss': Bar(1e-05),
    "metrics/train.json:val_acc": Bar(0.91, "0123456789abcdef" * 2 + "01234567"),
}

ERASURE = Erasure(
    at=datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC),
    by="Ada \udcff",
    reason="“by law”",
    erased=(hash_bytes(PLAIN), hash_bytes(DIGITS)),
    pieces=tuple(sorted({ref.hash for ref in MANIFEST.chunks})),
    lifted=(hash_bytes(b"lifted"),),
    here_only=False,
)


JOURNAL = journal_bytes(
    Ran("import os", at=None, outcome=None),
    Ran("x = 'ü\u2028'\n", "a"),
    Ran("1 / 0", "b", "failed"),
    Ran("y" * 70_000, "\x1b"),
    Ran("train()", "c", None),
) + journal_bytes(session="f" * 32, notebook=None, stopped=True)
"""Two sessions, the first one with every kind of run."""


_NOON = 1769860800.123456
SERIES: tuple[Line, ...] = (
    Began(
        run="train",
        id="k7abc234mnop",
        began_at=_NOON,
        owner="4711.123456.0123456789abcdef.4026531836.89abcdef",
        commit="0123456789abcdef0123456789abcdef01234567",
        branch="main",
        source="src/train.py",
    ),
    Environment(_NOON, {"python": "3.11.2", "torch": "2.4.0"}),
    Params(_NOON + 1, {"depth": 8, "rate": 0.5, "layers": [64, [32, "x"]], "seed": None}),
    Uses(_NOON + 1, "data/größe.csv", format_hash(hash_bytes(b"")), "unchanged"),
    Metrics(_NOON + 2, 0, {"loss": 0.5, "n": 3, "acc/top-1": 1e-07}),
    Metrics(_NOON + 3, 0.5, {"loss": float("nan"), "up": float("inf"), "down": float("-inf")}),
    Metrics(_NOON + 4, -1, {"“ü\u2028\x1b": -0.0}),
    System(_NOON + 15, {"cpu_percent": 97.5, "memory_bytes": 123456789}),
    Kept(_NOON + 16, "figure", "roc", "roc.svg", "image/svg+xml", 2048, 3),
    Kept(_NOON + 17, "model", "model", "model", "inode/directory", 9, None),
    Note(_NOON + 18, "wider\ntrees"),
    Tags(_NOON + 19, ("baseline", "x")),
    Ended(_NOON + 20, "failed", "ValueError: bad"),
    Ended(_NOON + 21, "done"),
)
"""One line of each kind, and those that are odd."""


def golden_files() -> dict[str, bytes]:
    """Return every golden vector by its file's name."""
    return {
        **{name: encode_pointer(pointer) for name, pointer in POINTERS.items()},
        "folder.tree": encode_tree(TREE),
        "empty.tree": EMPTY_TREE,
        "plain.manifest": _MANIFEST_BYTES,
        "records.pack": PACK,
        "segment.idx": encode_index(PACKS, ROWS),
        "empty.idx": encode_index((), ()),
        "erasure.json": encode_erasure(ERASURE),
        "gates.lock.toml": format_bars(BARS),
        "journal.jsonl": JOURNAL,
        "series.jsonl": b"".join(map(format_line, SERIES)),
        "snapshot.json": encode_snapshot_record(SNAPSHOT),
        "chunking.json": (json.dumps(chunking_vectors(), indent=1) + "\n").encode(),
    }


def chunking_vectors() -> dict[str, Any]:
    """Return cuts of data that anyone can make, by how it is made."""
    samples = {
        "BLAKE3 extended output of 'chunking', 3,000,000 bytes": seeded_bytes(
            "chunking", 3_000_000
        ),
        "the same, then one byte 0 put before it": b"\0" + seeded_bytes("chunking", 3_000_000),
        "1,000,000 bytes 0": bytes(1_000_000),
        "lines '0\\n' to '149999\\n'": "".join(f"{n}\n" for n in range(150_000)).encode(),
        "16,384 bytes of the first": seeded_bytes("chunking", 16_384),
        "16,385 bytes of the first": seeded_bytes("chunking", 16_385),
        "plain.manifest: BLAKE3 extended output of 'plain', 300,000 bytes": PLAIN,
        "empty": b"",
    }
    return {name: list(iter_cuts(content)) for name, content in samples.items()}


def _allowed(path: str) -> bool:
    try:
        check_path(path)
    except ValueError:
        return False
    return True


def _together(entries: dict[str, Any]) -> bool:
    try:
        check_names(entries.keys())
    except ValueError:
        return False
    return True


hashes = st.binary(min_size=32, max_size=32).map(Hash)
_LETTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\")
parts = (
    st.text("ab.-_ \"'#é", min_size=1, max_size=4) | st.text(_LETTERS, min_size=1, max_size=9)
).filter(_allowed)
paths = st.lists(parts, min_size=1, max_size=3).map("/".join).filter(_allowed)
file_entries = st.builds(
    Entry,
    st.sampled_from([Mode.FILE, Mode.EXECUTABLE]),
    hashes,
    st.integers(0, MAX_SIZE_BYTES),
)
entries = (
    file_entries
    | st.builds(Entry, st.just(Mode.SYMLINK), hashes, st.integers(1, MAX_LINK_BYTES))
    | st.builds(Entry, st.just(Mode.FOLDER), hashes, st.just(0))
)
trees = st.dictionaries(parts, entries, max_size=12).filter(_together)
listings = st.dictionaries(paths, entries, max_size=12).filter(_together)
_PLAIN = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\')
_texts = st.text(_PLAIN, min_size=1, max_size=20)
sources = st.none() | st.builds(
    ImportSource,
    st.sampled_from(["https://host/a", "git@host:a b", "/srv/é", "ssh://me@host:22/p"]),
    paths,
    st.none() | _texts.filter(lambda text: not text.startswith("-")),
    st.binary(min_size=20, max_size=20).map(bytes.hex)
    | st.binary(min_size=32, max_size=32).map(bytes.hex),
    hashes,
)
objects = st.builds(
    ExternalObject,
    st.integers(0, MAX_SIZE_BYTES),
    st.none() | st.text("aZ9-!#[]~", min_size=1, max_size=9),
    st.none() | st.text("aZ9._:+=/-", min_size=1, max_size=9),
)
_external_urls = st.sampled_from(["s3://bucket/a b", "ssh://me@host/~/x", "/mnt/é", "https://host"])
pointers = (
    st.builds(FilePointer, file_entries, sources)
    | st.builds(TreePointer, entries=listings, source=sources)
    | st.builds(TreePointer, manifest=hashes, source=sources)
    | st.builds(ExternalPointer, _external_urls, objects.map(lambda one: {"": one}))
    | st.builds(
        ExternalPointer,
        _external_urls,
        st.dictionaries(paths, objects, max_size=12).filter(_together),
    )
)
manifests = st.lists(
    st.builds(ChunkRef, hashes, st.integers(1, 2**32 - 1)), min_size=1, max_size=9
).map(lambda chunks: FileManifest(sum(chunk.size_bytes for chunk in chunks), tuple(chunks)))


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, content in golden_files().items():
        (GOLDEN / name).write_bytes(content)
