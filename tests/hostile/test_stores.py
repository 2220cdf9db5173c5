"""Packs, index segments and manifests put into the store, under a right name and a wrong one."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pytest
import zstandard
from blake3 import blake3

from jupyter_mlops.formats.erasure import EMPTY_FILE, Erasure, encode_erasure
from jupyter_mlops.formats.index import IndexView, PackEntry, encode_index
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH
from jupyter_mlops.formats.pack import Codec, RecordInfo, RecordKind
from jupyter_mlops.ids import Hash, format_hash, hash_bytes
from tests.formats.samples import Record, raw_chunk
from tests.hostile.arena import Arena, Case
from tests.hostile.conftest import Attack
from tests.hostile.corpus import HEAD, PATHS, mutated, tree_bytes, words

pytestmark = pytest.mark.slow

_COMMANDS = words("restore", "status", "snapshot", "diff HEAD", "undo", "doctor")
_ID = hash_bytes(b"what nobody has")
_ROW = struct.Struct(">BBHIIQ32s")


def hostile_pack(records: Iterable[Record], **wrong: int) -> bytes:
    """Return a pack with right checksums, whatever its records and its footer claim."""
    body, rows = b"mlopsPK\0", b""
    count = 0
    for kind, id, codec, plain_bytes, payload in records:
        head = struct.pack(">BBHII32s", kind, codec, 0, plain_bytes, len(payload), id)
        stored = wrong.get("stored", len(payload))
        offset = wrong.get("offset", len(body))
        rows += _ROW.pack(kind, codec, 0, plain_bytes, stored, offset, id)
        body += head + blake3(head + payload).digest(8) + payload
        count += 1
    end = wrong.get("end", len(body))
    count = wrong.get("count", count)
    checksum = blake3(rows + struct.pack(">QI", end, count)).digest(16)
    return body + b"mlopsFT\0" + rows + struct.pack(">QI16s8s", end, count, checksum, b"mlopsEN\0")


def _bomb(size_bytes: int, *, told: bool = True) -> bytes:
    compressor = zstandard.ZstdCompressor(level=3, write_content_size=told)
    made = compressor.compressobj(size=size_bytes if told else -1)
    block = bytes(1024**2)
    parts = [made.compress(block) for _ in range(size_bytes // len(block))]
    return b"".join([*parts, made.flush()])


def _packs() -> dict[str, bytes]:
    chunk = RecordKind.CHUNK
    frame = zstandard.ZstdCompressor().compress(bytes(1000))
    big = _bomb(64 * 1024**2)
    found = {
        "empty": b"",
        "header alone": b"mlopsPK\0",
        "newer": b"mlopsPK\1" + bytes(200),
        "NULs": bytes(5000),
        "bytes under another id": hostile_pack([(chunk, _ID, Codec.RAW, 3, b"abc")]),
        "claims more": hostile_pack([(chunk, _ID, Codec.ZSTD, 16 * 1024**2, frame)]),
        "claims less": hostile_pack([(chunk, _ID, Codec.ZSTD, 900, frame)]),
        "claims all": hostile_pack([(chunk, _ID, Codec.ZSTD, 2**32 - 1, frame)]),
        "a bomb": hostile_pack([(chunk, _ID, Codec.ZSTD, 9999, big)]),
        "a bomb that says so": hostile_pack([(chunk, _ID, Codec.ZSTD, 64 * 1024**2, big)]),
        "a bomb of a manifest": hostile_pack(
            [(RecordKind.FILE, _ID, Codec.ZSTD, 64 * 1024**2, big)]
        ),
        "a bomb of a folder": hostile_pack([(RecordKind.TREE, _ID, Codec.ZSTD, 64 * 1024**2, big)]),
        "a bomb of outputs": hostile_pack(
            [(RecordKind.OUTPUTS, _ID, Codec.ZSTD, 64 * 1024**2, big)]
        ),
        "size untold": hostile_pack(
            [(chunk, _ID, Codec.ZSTD, 1024**2, _bomb(1024**2, told=False))]
        ),
        "two frames": hostile_pack([(chunk, _ID, Codec.ZSTD, 1000, frame + frame)]),
        "no frame": hostile_pack([(chunk, _ID, Codec.ZSTD, 1000, b"\0" * 50)]),
        "kind unknown": hostile_pack([(9, _ID, Codec.RAW, 3, b"abc")]),  # type: ignore[list-item]
        "codec unknown": hostile_pack([(chunk, _ID, 9, 3, b"abc")]),  # type: ignore[list-item]
        "footer outside": hostile_pack([raw_chunk(b"abc")], offset=2**63),
        "footer within itself": hostile_pack([raw_chunk(b"abc")], end=8),
        "footer beyond": hostile_pack([raw_chunk(b"abc")], end=2**64 - 1),
        "counts all": hostile_pack([raw_chunk(b"abc")], count=2**32 - 1),
        "counts nothing": hostile_pack([raw_chunk(b"abc")], count=0),
        "overlapping": hostile_pack([raw_chunk(b"abc"), raw_chunk(b"abd")], offset=8),
        "stores all": hostile_pack([raw_chunk(b"abc")], stored=2**32 - 1),
        "no records": hostile_pack([]),
        "a manifest of nothing": hostile_pack([(RecordKind.FILE, _ID, Codec.RAW, 20, bytes(20))]),
        "a manifest of itself": hostile_pack([_manifest([(_ID, 2**32 - 1)] * 1000)]),
        "a manifest too short": hostile_pack([_manifest([(hash_bytes(b"b\n"), 2)] * 5)]),
    }
    for number, path in enumerate(PATHS):
        tree = tree_bytes([(path, 1, 2, hash_bytes(b"b\n"))])
        found[f"folder of {number} {path[:20]!r}"] = hostile_pack(
            [(RecordKind.TREE, hash_bytes(tree), Codec.RAW, len(tree), tree)]
        )
    return found


def _manifest(chunks: list[tuple[Hash, int]]) -> Record:
    rows = b"".join(size.to_bytes(4, "big") + id for id, size in chunks)
    body = struct.pack(">8sQI", b"mlopsFI\0", sum(size for _, size in chunks), len(chunks)) + rows
    return RecordKind.FILE, _ID, Codec.RAW, len(body), body


def _put(pack: bytes, *, plain: bool = False, wrong: bool = False) -> Callable[[Arena], object]:
    """Return what lays a pack into the store and lets pointers ask for what it claims to hold."""

    def plant(arena: Arena) -> None:
        name = hash_bytes(pack + b"x" if wrong else pack).hex()
        kind = "plain" if plain else "pack"
        arena.project.write(f".git/mlops/packs/{name[:2]}/{name}.{kind}", pack)
        tree = _tree_id(pack)
        pointer = (
            f'{HEAD}kind = "file"\nhash = "{format_hash(_ID)}"\nsize_bytes = 3\nmode = "100644"\n'
            if tree is None
            else f'{HEAD}kind = "tree"\nmanifest = "{format_hash(tree)}"\n'
        )
        arena.project.write("model.bin.mlops" if tree is None else "data.mlops", pointer)

    return plant


def _tree_id(pack: bytes) -> Hash | None:
    """Return the id of the first record where it is a folder's manifest."""
    return Hash(pack[20:52]) if pack[8:9] == bytes([RecordKind.TREE]) else None


@pytest.mark.parametrize("part", range(2))
def test_packs(attack: Attack, scale: int, part: int) -> None:
    packs = _packs()
    cases = []
    for number, (name, pack) in enumerate(packs.items()):
        commands = tuple(_COMMANDS[(number + step) % 6] for step in range(min(6, scale - 1)))
        cases.append(Case(name, _put(pack), (("restore",), *commands)))
        if number % 3 == 0:
            cases.append(
                Case(f"{name}, misnamed", _put(pack, wrong=True), (("restore",), *commands))
            )
        elif number % 3 == 1:
            cases.append(Case(f"{name}, plain", _put(pack, plain=True), (("restore",), *commands)))
    small = [pack for pack in packs.values() if 0 < len(pack) < 5000]
    for number, pack in enumerate(mutated(3, small, 20 * scale)):
        cases.append(Case(f"mutation {number}", _put(pack), (("restore",),)))
    attack(cases[part::2])


def _segments(template: bytes) -> dict[str, bytes]:
    chunk, raw = RecordKind.CHUNK, Codec.RAW
    entry = PackEntry(hash_bytes(b"no such pack"), False, 2**63)
    row = RecordInfo(chunk, _ID, raw, 8, 3, 3)
    good = encode_index([entry], [(0, row)])
    head = struct.pack(">8sIII", b"mlopsIX\0", 0, 1, 1)
    found = {
        "empty": b"",
        "NULs": bytes(500),
        "newer": b"mlopsIX\1" + bytes(500),
        "a pack that is not there": good,
        "cut short": good[:-1],
        "longer": good + b"x",
        "counts all": good.replace(head, struct.pack(">8sIII", b"mlopsIX\0", 0, 1, 2**32 - 1)),
        "packs without end": good.replace(
            head, struct.pack(">8sIII", b"mlopsIX\0", 0, 2**32 - 1, 1)
        ),
        "fan-out without end": good.replace(head, struct.pack(">8sIII", b"mlopsIX\0", 2**31, 1, 1)),
        "wrong checksum": good[:-1] + bytes([good[-1] ^ 1]),
    }
    view = IndexView(template, origin="x")
    for pack in view.packs:
        for name, place in {
            "beyond": (2**63 + 5, 3, 3),
            "beyond all": (2**64 - 1, 2**32 - 1, 2**32 - 1),
            "stores all": (8, 2**32 - 1, 2**32 - 1),
            "claims all": (8, 3, 2**32 - 1),
            "within another": (9, 3, 3),
            "before": (0, 3, 3),
        }.items():
            for codec in Codec:
                offset, stored, plain = place
                for kind in (chunk, RecordKind.FILE):
                    info = RecordInfo(kind, _ID, codec, offset, stored, plain)
                    found[f"{name} {pack.plain} {codec} {kind}"] = encode_index([pack], [(0, info)])
    return found


def _put_segment(which: str, *, wrong: bool) -> Callable[[Arena], object]:
    def plant(arena: Arena) -> None:
        index = arena.project.root / ".git/mlops/index"
        segment = _segments(next(index.glob("*.idx")).read_bytes())[which]
        name = hash_bytes(segment + b"x" if wrong else segment).hex()
        arena.project.write(f".git/mlops/index/{name}.idx", segment)
        arena.project.write(
            "model.bin.mlops",
            f'{HEAD}kind = "file"\nhash = "{format_hash(_ID)}"\nsize_bytes = 3\nmode = "100644"\n',
        )

    return plant


def test_segments(attack: Attack, template: object, scale: int) -> None:
    names = list(_segments(encode_index([PackEntry(EMPTY_TREE_HASH, False, 9)], [])))
    cases = [
        Case(
            f"{name}{', misnamed' * wrong}",
            _put_segment(name, wrong=wrong),
            words("restore", "snapshot"),
        )
        for number, name in enumerate(names)
        for wrong in (False, True)
        if scale > 1 or number % 2 == wrong
    ]
    attack(cases)


def _erasures() -> dict[str, bytes]:
    """Return erasures by what is wrong, or hostile, with them."""
    at = datetime(2026, 1, 31, tzinfo=UTC)
    text = "\x1b]0;owned\x07\n../../.git"
    good = encode_erasure(Erasure(at, text, text, erased=(hash_bytes(b"b\n"), _ID)))
    return {
        "all that is here": good,
        "lifts what nobody erased": encode_erasure(Erasure(at, "", lifted=(_ID,))),
        "empty": b"",
        "NULs": bytes(5000),
        "nested": b"[" * 100_000,
        "newer": good.replace(b'"format": 0', b'"format": 1'),
        "cut short": good[:-2],
        "the empty file": good.replace(format_hash(_ID).encode(), format_hash(EMPTY_FILE).encode()),
        "a time without end": good.replace(b"2026", b"9999"),
        "digits without end": good.replace(b'"format": 0', b'"format": ' + b"9" * 5000),
    }


def _put_erasure(erasure: bytes, *, wrong: bool) -> Callable[[Arena], object]:
    def plant(arena: Arena) -> None:
        name = hash_bytes(erasure + b"x" if wrong else erasure).hex()
        arena.project.write(f".git/mlops/erased/{name}.json", erasure)

    return plant


def test_erasures(attack: Attack, scale: int) -> None:
    commands = (("restore",), ("check",), ("erase", "model.bin", "--yes"), ("snapshot",))
    attack(
        [
            Case(f"{name}{', misnamed' * wrong}", _put_erasure(erasure, wrong=wrong), commands)
            for number, (name, erasure) in enumerate(_erasures().items())
            for wrong in (False, True)
            if scale > 1 or not wrong or number % 3 == 0
        ]
    )


def test_few_folders_that_claim_to_be_without_end(attack: Attack) -> None:
    """Each level names the next one twice and more: a kilobyte that would unfold to any size."""

    def build(levels: int, width: int) -> bytes:
        records: list[Record] = []
        below, mode = hash_bytes(b"b\n"), 1
        for _ in range(levels):
            tree = tree_bytes(
                [(f"{n:03}", mode, 2 if mode == 1 else 0, below) for n in range(width)]
            )
            records.append((RecordKind.TREE, hash_bytes(tree), Codec.RAW, len(tree), tree))
            below, mode = hash_bytes(tree), 4
        records.reverse()
        return hostile_pack(records)

    shapes = {"wide": (6, 100), "deep": (2000, 1), "binary": (60, 2), "both": (30, 30)}
    attack(
        [
            Case(name, _put(build(*shape)), words("restore", "status"))
            for name, shape in shapes.items()
        ]
    )
