from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.files.stat_cache import (
    GRANULARITY_NS,
    FolderRows,
    StatCache,
    is_settled,
    make_rows,
    read_stat_cache,
)
from jupyter_mlops.files.walk import FileStat, stat_file
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.ids import Hash, hash_bytes

_HASH = hash_bytes(b"content")
_OTHER = hash_bytes(b"another")
_STAMP = hash_bytes(b"a listing")
_OLD = 1_700_000_000_000_000_000
_STAT = FileStat("x", Mode.FILE, 7, _OLD, _OLD, 42)
_LATER = _OLD + 10 * GRANULARITY_NS


def _record(
    cache: StatCache, *names: str, content: Hash = _HASH, top: str = "data", prefix: str = ""
) -> FolderRows:
    stats = {name: _STAT._replace(path=prefix + name) for name in names}
    rows = make_rows(stats, dict.fromkeys(names, content), stamp=_STAMP)
    cache.record(top, prefix, rows)
    return rows


_KINDS = {Mode.FILE: 0o100644, Mode.EXECUTABLE: 0o100755, Mode.SYMLINK: 0o120777}


def _ask(cache: StatCache, name: str, found: FileStat, top: str = "data") -> Hash | None:
    """Return what the cache knows of a file that was seen like this."""
    rows = cache.find(top, "")
    seen = [(name, _KINDS[found.mode], found[2:])]
    matched = rows.match(seen) if rows is not None else {}
    return rows.read_hash(matched[name]) if rows is not None and name in matched else None


def test_an_unchanged_file_is_answered_for() -> None:
    cache = StatCache()
    _record(cache, "x")
    assert _ask(cache, "x", _STAT) == _HASH
    assert _ask(cache, "y", _STAT) is None
    assert _ask(cache, "x", _STAT, top="data-2") is None


def test_each_difference_makes_the_entry_silent() -> None:
    cache = StatCache()
    _record(cache, "x")
    for change in ("size_bytes", "mtime_ns", "ctime_ns", "inode"):
        other = _STAT._replace(**{change: getattr(_STAT, change) + 1})
        assert _ask(cache, "x", other) is None, change
    for mode in (Mode.EXECUTABLE, Mode.SYMLINK):
        assert _ask(cache, "x", _STAT._replace(mode=mode)) is None


@pytest.mark.parametrize("mode", _KINDS)
def test_a_file_of_each_mode_is_answered_for(mode: Mode) -> None:
    cache = StatCache()
    found = _STAT._replace(mode=mode)
    cache.record("data", "", make_rows({"x": found}, {"x": _HASH}))
    assert _ask(cache, "x", found) == _HASH


def test_a_time_that_64_bits_do_not_hold_is_never_remembered_wrongly() -> None:
    far = _STAT._replace(mtime_ns=2**64, ctime_ns=-(2**64))
    rows = make_rows({"x": far}, {"x": _HASH})
    assert rows.match([("x", 0o100644, far[2:])]) == {}


def test_a_file_written_just_before_it_was_read_is_not_settled() -> None:
    for read_at in (_OLD, _OLD + GRANULARITY_NS, _OLD - 5 * GRANULARITY_NS):
        assert not is_settled(_STAT, read_at)
    assert is_settled(_STAT, _OLD + GRANULARITY_NS + 1)
    assert not is_settled(_STAT._replace(ctime_ns=_OLD + 1), _OLD + GRANULARITY_NS + 1)


def test_a_listing_stands_for_its_files_only_where_each_is_remembered() -> None:
    cache = StatCache()
    stats = {name: _STAT for name in ("x", "y")}
    rows = make_rows(stats, dict.fromkeys(stats, _HASH), stamp=_STAMP)
    cache.record("data", "", rows, unsettled={"y"})
    there = cache.find("data", "")
    assert there is not None
    assert (there.stamp, there.names, there.size_bytes) == (b"", ["x"], 7)
    assert (_ask(cache, "x", _STAT), _ask(cache, "y", _STAT)) == (_HASH, None)
    cache.record("data", "", rows)
    assert cache.find("data", "") is rows


def test_what_is_unchanged_is_taken_over() -> None:
    stats = {name: _STAT._replace(path=name, inode=at) for at, name in enumerate("abcd")}
    hashes = {name: hash_bytes(name.encode()) for name in stats}
    former = make_rows(stats, hashes)
    new = _STAT._replace(path="b", mode=Mode.EXECUTABLE, size_bytes=100)
    rows = make_rows(
        {"b": new, "aa": _STAT},
        {"b": _OTHER, "aa": _HASH},
        former=former,
        unchanged={"d": 3, "a": 0},
    )
    assert rows.names == ["a", "aa", "b", "d"]
    assert rows.read_entries() == {
        "a": Entry(Mode.FILE, hashes["a"], 7),
        "aa": Entry(Mode.FILE, _HASH, 7),
        "b": Entry(Mode.EXECUTABLE, _OTHER, 100),
        "d": Entry(Mode.FILE, hashes["d"], 7),
    }
    assert rows.size_bytes == 121
    assert rows.read_stat("in/", 3) == stats["d"]._replace(path="in/d")


def test_an_edit_of_the_same_size_with_its_mtime_put_back_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"before")
    os.utime(file, ns=(_OLD, _OLD))
    cache = StatCache()
    rows = make_rows({"file": stat_file(file)}, {"file": hash_bytes(b"before")})
    cache.record("data", "", rows)
    assert _ask(cache, "file", stat_file(file)) is not None

    file.write_bytes(b"after!")
    os.utime(file, ns=(_OLD, _OLD))

    assert _ask(cache, "file", stat_file(file)) is None


_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
_FILES = st.tuples(
    st.sampled_from([Mode.FILE, Mode.EXECUTABLE, Mode.SYMLINK]),
    st.integers(0, 2**62),
    st.integers(-(2**62), 2**62),
    st.integers(0, 2**62),
    st.integers(0, 2**64 - 1),
)
_CONTENTS = st.binary(min_size=32, max_size=32)
_FOLDERS = st.dictionaries(_NAMES, st.tuples(_FILES, _CONTENTS), min_size=1)


@given(st.dictionaries(_NAMES, _FOLDERS))
@settings(max_examples=50)
def test_what_was_written_is_read_back(
    tmp_path: Path,
    folders: Mapping[str, Mapping[str, tuple[tuple[Mode, int, int, int, int], bytes]]],
) -> None:
    cache = StatCache()
    for top, files in folders.items():
        stats = {name: FileStat(f"in/{name}", *found) for name, (found, _) in files.items()}
        hashes = {name: Hash(content) for name, (_, content) in files.items()}
        cache.record(top, "in/", make_rows(stats, hashes, stamp=_STAMP))
    cache.write(tmp_path / "cache")
    again = read_stat_cache(tmp_path / "cache") if folders else StatCache()
    assert len(again) == sum(map(len, folders.values()))
    for top, files in folders.items():
        rows = again.find(top, "in/")
        assert rows is not None
        assert rows == cache.find(top, "in/")
        places = {name: at for at, name in enumerate(rows.names)}
        for name, (found, content) in files.items():
            assert rows.read_stat("in/", places[name]) == FileStat(f"in/{name}", *found)
            entry = Entry(found[0], Hash(content), found[1])
            assert rows.read_entry(places[name]) == rows.read_entries()[name] == entry
        assert rows.size_bytes == sum(found[1] for found, _ in files.values())
        assert list(rows.iter_contents()) == [
            (entry.hash, entry.size_bytes) for entry in rows.read_entries().values()
        ]


def _is_empty(file: Path) -> bool:
    return len(read_stat_cache(file)) == 0


def test_a_damaged_cache_is_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "cache"
    cache = StatCache()
    _record(cache, "x")
    cache.write(file)
    whole = file.read_bytes()
    assert len(read_stat_cache(file)) == 1
    for place in range(len(whole)):
        file.unlink()
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert _is_empty(file), place
        file.write_bytes(whole[:place])
        assert _is_empty(file), place
    assert _is_empty(tmp_path / "nowhere")
    assert _is_empty(tmp_path)


def test_a_cache_with_a_right_checksum_and_nonsense_in_it_is_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "cache"
    cache = StatCache()
    _record(cache, "x")
    cache.write(file)
    whole = file.read_bytes()
    body = whole[24:]
    nonsense = [b"\x93\x91\xa1\xff", b"\x91" * 100_000, b"\x92\xc4\x00\x91\x80"]
    name = body.index(b"\x91\xa1x")  # a list of one name
    nonsense.append(body[:name] + b"\x90" + body[name + 3 :])
    nonsense.append(body[:name] + b"\x92\xa1x\xa1x" + body[name + 3 :])
    nonsense.append(body[: name - 1] + b"\x03" + body[name:])  # the mode
    for one in nonsense:
        file.unlink()
        file.write_bytes(whole[:8] + hash_bytes(one)[:16] + one)
        assert _is_empty(file), one[:8]


def test_folders_that_are_gone_can_be_forgotten(tmp_path: Path) -> None:
    cache = StatCache()
    for prefix in ("", "a/", "a/b/"):
        _record(cache, "x", prefix=prefix)
    _record(cache, "x", top="database")
    cache.write(tmp_path / "cache")
    cache.retain("data", ["", "a/b/"])
    assert [cache.find("data", prefix) is None for prefix in ("", "a/", "a/b/")] == [
        False,
        True,
        False,
    ]
    assert cache.find("database", "") is not None
    cache.write(tmp_path / "cache")
    assert len(read_stat_cache(tmp_path / "cache")) == 3


def test_what_is_recorded_of_a_folder_takes_the_place_of_what_was() -> None:
    cache = StatCache()
    _record(cache, "a", "b")
    _record(cache, "b", "c")
    rows = cache.find("data", "")
    assert rows is not None
    assert rows.names == ["b", "c"]


def test_a_mark_is_for_one_content_of_a_file() -> None:
    cache = StatCache()
    rows = _record(cache, "a", "b")
    assert rows.find_unmarked() == ["a", "b"]
    cache.mark_kept("data", "")
    assert rows.find_unmarked() == []
    rows = make_rows({"a": _STAT}, {"a": _OTHER}, former=rows, unchanged={"b": 1})
    assert rows.find_unmarked() == ["a"]
    cache.record("data", "", rows)
    cache.clear_marks(b"")
    assert rows.find_unmarked() == ["a", "b"]


def test_files_that_were_written_are_known_to_the_next_command(tmp_path: Path) -> None:
    cache = StatCache()
    _record(cache, "a", "b", "c")
    cache.mark_kept("data", "")
    new = _STAT._replace(inode=43)
    cache.record_later("data", "a", new, _OTHER)
    cache.record_later("data", "b", new._replace(mtime_ns=time.time_ns()), _OTHER)
    cache.record_later("data", "sub/d", new._replace(path="sub/d"), _OTHER)
    cache.record_later("model.bin", "", new._replace(path="model.bin"), _OTHER)
    cache.write(tmp_path / "cache")
    again = read_stat_cache(tmp_path / "cache")
    assert len(again) == 4
    assert _ask(again, "a", new) == _OTHER
    assert _ask(again, "b", new) is None
    assert _ask(again, "c", _STAT) == _HASH
    assert _ask(again, "", new, top="model.bin") == _OTHER
    rows = again.find("data", "")
    assert rows is not None
    assert (rows.stamp, rows.find_unmarked()) == (b"", ["a"])
    assert again.find("data", "sub/") is not None


def test_nothing_new_is_not_written(tmp_path: Path) -> None:
    StatCache().write(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    cache = StatCache()
    _record(cache, "a")
    cache.write(tmp_path / "cache")
    (tmp_path / "cache").unlink()
    _record(cache, "a")
    cache.write(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
