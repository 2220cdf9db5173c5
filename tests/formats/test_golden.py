from __future__ import annotations

import dataclasses

import pytest

from jupyter_mlops.formats.bars import parse_bars
from jupyter_mlops.formats.erasure import decode_erasure
from jupyter_mlops.formats.index import IndexView, verify
from jupyter_mlops.formats.manifest import decode_file_manifest, decode_tree
from jupyter_mlops.formats.pack import decode_footer, decode_record, scan_records
from jupyter_mlops.formats.pointer import decode_pointer
from jupyter_mlops.formats.run import parse_line
from jupyter_mlops.formats.snapshot import decode_snapshot_record
from jupyter_mlops.ids import format_hash, hash_bytes
from jupyter_mlops.notebooks.journal import decode_journal
from tests.formats.samples import (
    BARS,
    DIGITS,
    ERASURE,
    GOLDEN,
    INFOS,
    MANIFEST,
    PACKS,
    PLAIN,
    POINTERS,
    RECORDS,
    SERIES,
    SNAPSHOT,
    TREE,
    golden_files,
)
from tests.support import second_reader

FILES = golden_files()


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_what_is_written_today_is_what_was_written(name: str) -> None:
    assert FILES[name] == golden(name)


def test_no_golden_vector_is_forgotten() -> None:
    written = {path.name for path in GOLDEN.iterdir() if not path.name.startswith(".")}
    assert set(FILES) == written


@pytest.mark.parametrize("name", POINTERS)
def test_pointers_say_what_they_said(name: str) -> None:
    assert decode_pointer(golden(name), origin=name) == POINTERS[name]
    second_reader.read_pointer(golden(name))


def test_manifests_say_what_they_said() -> None:
    assert decode_tree(golden("folder.tree"), origin="t") == TREE
    assert decode_tree(golden("empty.tree"), origin="t") == {}
    assert decode_file_manifest(golden("plain.manifest"), origin="f") == MANIFEST
    names = [entry["name"] for entry in second_reader.read_tree(golden("folder.tree"))]
    assert names == sorted(TREE)
    assert second_reader.read_file_manifest(golden("plain.manifest"))["size_bytes"] == len(PLAIN)


def test_the_pack_holds_what_it_held() -> None:
    pack = golden("records.pack")
    assert decode_footer(pack, origin="p") == INFOS == list(scan_records(pack, origin="p"))
    plains = [decode_record(pack, info, origin="p") for info in INFOS]
    assert plains == [DIGITS if i == 2 else payload for i, (*_, payload) in enumerate(RECORDS)]
    assert [record["plain"] for record in second_reader.read_record_pack(pack)] == plains


def test_the_index_leads_where_it_led() -> None:
    view = IndexView(golden("segment.idx"), origin="i")
    verify(view)
    pack = golden("records.pack")
    by_hash = {PACKS[0].hash: pack, PACKS[1].hash: PLAIN}
    assert len(view) == len(INFOS) + len(MANIFEST.chunks)
    for content, place in view:
        end = place.offset + place.stored_bytes
        if place.plain:
            assert hash_bytes(by_hash[place.pack][place.offset : end]) == content
        else:
            assert content in [info.id for info in INFOS if info.offset == place.offset]
    verify(IndexView(golden("empty.idx"), origin="i"))
    assert len(second_reader.read_index(golden("segment.idx"))["records"]) == len(view)
    assert second_reader.read_index(golden("empty.idx")) == {"packs": [], "records": []}


def test_a_plain_pack_is_its_file_and_its_chunk_table_is_made_by_cutting() -> None:
    table = second_reader.read_plain_pack(PLAIN)
    assert [(bytes.fromhex(c["hash"]), c["size_bytes"]) for c in table] == list(MANIFEST.chunks)


def test_the_erasure_says_what_it_said() -> None:
    erasure = decode_erasure(golden("erasure.json"), origin="e")
    assert erasure == dataclasses.replace(ERASURE, erased=tuple(sorted(ERASURE.erased)))
    read = second_reader.read_erasure(golden("erasure.json"))
    assert read["erased"] == [format_hash(id) for id in erasure.erased]


def test_the_snapshot_says_what_it_said() -> None:
    record = decode_snapshot_record(golden("snapshot.json"), origin="s")
    assert repr(record) == repr(SNAPSHOT)


def test_the_journal_says_what_it_said() -> None:
    first, second = decode_journal(golden("journal.jsonl"), origin="j")
    assert [(run.number, run.cell_id, run.outcome) for run in first.runs] == [
        (1, None, None),
        (2, "a", "ok"),
        (3, "b", "failed"),
        (4, "\x1b", "ok"),
        (5, "c", None),
    ]
    assert (len(first.runs[3].source), second.is_stopped) == (65_536, True)
    lines = second_reader.read_journal(golden("journal.jsonl"))
    kinds = [[line["what"] for line in journal] for journal in lines]
    ran = ["source", "run", "end"]
    assert kinds == [
        ["session", "notebook", "source", "run", *ran * 3, "source", "run"],
        ["session", "stop"],
    ]
    assert lines[0][3] == {"what": "run", "number": 1, "hash": lines[0][2]["hash"]}


def test_the_series_says_what_it_said() -> None:
    lines = golden("series.jsonl").splitlines(keepends=True)
    parsed = [parse_line(line, origin="r") for line in lines]
    assert list(map(repr, parsed)) == list(map(repr, SERIES))
    read = second_reader.read_series(golden("series.jsonl"))
    assert len(read) == len(SERIES)
    assert [line["step"] for line in read if "values" in line] == [0, 0.5, -1]


def test_bars_say_what_they_said() -> None:
    assert parse_bars(golden("gates.lock.toml")) == BARS
    told = second_reader.read_bars(golden("gates.lock.toml"))
    assert told == {name: (bar.value, bar.commit) for name, bar in BARS.items()}
