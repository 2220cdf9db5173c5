from __future__ import annotations

import json
import re
import struct
import threading
from pathlib import Path

from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from pyfastcdc.py.constants import GEAR, MASKS

from jupyter_mlops.formats.chunking import (
    CHUNK_MAX_BYTES,
    CHUNK_MEAN_BYTES,
    CHUNK_MIN_BYTES,
    NORMALIZATION,
    iter_cuts,
)
from tests.formats.samples import GOLDEN, chunking_vectors, seeded_bytes
from tests.support import second_reader

PAGE = (Path(__file__).parents[2] / "docs/formats/chunking.md").read_text()
CONTENT = seeded_bytes("cuts", 2_000_000)


def test_the_golden_cuts_have_not_moved() -> None:
    assert chunking_vectors() == json.loads((GOLDEN / "chunking.json").read_text())


def test_the_page_states_the_parameters() -> None:
    table = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", PAGE, re.MULTILINE))
    assert table["shortest chunk"].startswith(f"{CHUNK_MIN_BYTES:,} bytes")
    assert table["mean wanted, where the mask changes"].startswith(f"{CHUNK_MEAN_BYTES:,} bytes")
    assert table["longest chunk"].startswith(f"{CHUNK_MAX_BYTES:,} bytes")
    assert table["normalization"] == str(NORMALIZATION)
    bits = CHUNK_MEAN_BYTES.bit_length() - 1
    small, large = MASKS[bits + NORMALIZATION], MASKS[bits - NORMALIZATION]
    assert table[f"mask before the mean, {small.bit_count()} bits"] == f"`{small:#018x}`"
    assert table[f"mask after the mean, {large.bit_count()} bits"] == f"`{large:#018x}`"
    gear = blake3(struct.pack(">256Q", *GEAR)).hexdigest()
    assert table["its BLAKE3, each number big-endian"] == f"`{gear}`"


def test_the_second_reader_cuts_alike() -> None:
    contents = (
        seeded_bytes("second", 400_000),
        bytes(300_000),
        "".join(f"{n},{n * n}\n" for n in range(30_000)).encode(),
        seeded_bytes("odd", CHUNK_MIN_BYTES + 1),
    )
    for content in contents:
        table = second_reader.read_plain_pack(content)
        assert [chunk["size_bytes"] for chunk in table] == list(iter_cuts(content))


def test_lengths_stay_within_their_bounds() -> None:
    cuts = list(iter_cuts(CONTENT))
    assert sum(cuts) == len(CONTENT)
    assert all(CHUNK_MIN_BYTES <= length <= CHUNK_MAX_BYTES for length in cuts[:-1])
    assert list(iter_cuts(bytes(CHUNK_MAX_BYTES * 2))) == [CHUNK_MAX_BYTES] * 2


def test_a_short_file_is_one_chunk_and_an_empty_one_has_nothing_to_cut() -> None:
    assert list(iter_cuts(bytes(CHUNK_MIN_BYTES))) == [CHUNK_MIN_BYTES]
    assert list(iter_cuts(b"")) == []


@settings(max_examples=20)
@given(st.lists(st.integers(1, 700_000), min_size=1, max_size=6))
def test_a_file_cut_part_by_part_is_cut_as_a_whole(lengths: list[int]) -> None:
    whole = list(iter_cuts(CONTENT))
    cuts: list[int] = []
    begin = end = 0
    for length in lengths:
        end = min(end + length, len(CONTENT))
        part = list(iter_cuts(memoryview(CONTENT)[begin:end], last=False))
        cuts += part
        begin += sum(part)
        assert end - begin < CHUNK_MAX_BYTES
    cuts += iter_cuts(memoryview(CONTENT)[begin:])
    assert cuts == whole


def test_an_edit_moves_only_the_cuts_around_it() -> None:
    edited = CONTENT[:1_000_000] + b"inserted" + CONTENT[1_000_000:]
    before = {CONTENT[end - 64 : end] for end in _ends(CONTENT)}
    after = {edited[end - 64 : end] for end in _ends(edited)}
    assert len(after - before) <= 2


def test_cutting_in_threads_gives_the_same() -> None:
    expected = list(iter_cuts(CONTENT))
    found: list[list[int]] = []
    threads = [
        threading.Thread(target=lambda: found.append(list(iter_cuts(CONTENT)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def _ends(content: bytes) -> list[int]:
    ends = [0]
    for length in iter_cuts(content):
        ends.append(ends[-1] + length)
    return ends[1:-1]
