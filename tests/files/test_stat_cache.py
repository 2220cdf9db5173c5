from __future__ import annotations

import os
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops.files.stat_cache import GRANULARITY_NS, StatCache, read_stat_cache
from jupyter_mlops.files.walk import FileStat, stat_file
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.ids import Hash, hash_bytes

_HASH = hash_bytes(b"content")
_OLD = 1_700_000_000_000_000_000
_STAT = FileStat("x", Mode.FILE, 7, _OLD, _OLD, 42)
_LATER = _OLD + 10 * GRANULARITY_NS


def _ask(cache: StatCache, path: str, found: FileStat) -> Hash | None:
    return cache.lookup(path, {"": found}).get("")


def test_an_unchanged_old_file_is_answered_for() -> None:
    cache = StatCache()
    cache.record("x", _STAT, _HASH, _LATER)
    assert _ask(cache, "x", _STAT) == _HASH
    assert _ask(cache, "y", _STAT) is None


def test_each_difference_makes_the_entry_silent() -> None:
    cache = StatCache()
    cache.record("x", _STAT, _HASH, _LATER)
    for change in ("size_bytes", "mtime_ns", "ctime_ns", "inode"):
        other = _STAT._replace(**{change: getattr(_STAT, change) + 1})
        assert _ask(cache, "x", other) is None, change


def test_a_file_written_just_before_it_was_read_is_hashed_again() -> None:
    cache = StatCache()
    for checked in (_OLD, _OLD + GRANULARITY_NS, _OLD - 5 * GRANULARITY_NS):
        cache.record("x", _STAT, _HASH, checked)
        assert _ask(cache, "x", _STAT) is None
    cache.record("x", _STAT, _HASH, _OLD + GRANULARITY_NS + 1)
    assert _ask(cache, "x", _STAT) == _HASH


def test_an_edit_of_the_same_size_with_its_mtime_put_back_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"before")
    os.utime(file, ns=(_OLD, _OLD))
    seen = stat_file(file)
    cache = StatCache()
    cache.record("file", seen, hash_bytes(b"before"), time.time_ns() + 10 * GRANULARITY_NS)
    assert _ask(cache, "file", stat_file(file)) is not None

    file.write_bytes(b"after!")
    os.utime(file, ns=(_OLD, _OLD))

    assert _ask(cache, "file", stat_file(file)) is None


_STATS = st.builds(
    FileStat,
    st.just("x"),
    st.just(Mode.FILE),
    st.integers(0, 2**62),
    st.integers(0, 2**62),
    st.integers(0, 2**62),
    st.integers(0, 2**64 - 1),
)
_PATHS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(st.dictionaries(_PATHS, st.tuples(_STATS, st.binary(min_size=32, max_size=32))))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_what_was_written_is_read_back(
    tmp_path: Path, rows: dict[str, tuple[FileStat, bytes]]
) -> None:
    cache = StatCache()
    for path, (found, content) in rows.items():
        cache.record(path, found, Hash(content), 2**63 - 1)
    cache.write(tmp_path / "cache")
    again = read_stat_cache(tmp_path / "cache") if rows else StatCache()
    assert len(again) == len(rows)
    for path, (found, content) in rows.items():
        assert _ask(again, path, found) == content


def test_a_damaged_cache_is_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "cache"
    cache = StatCache()
    cache.record("x", _STAT, _HASH, _LATER)
    cache.write(file)
    whole = file.read_bytes()
    assert len(read_stat_cache(file)) == 1
    for place in range(len(whole)):
        file.unlink()
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert len(read_stat_cache(file)) == 0, place
        file.write_bytes(whole[:place])
        assert len(read_stat_cache(file)) == 0, place
    assert len(read_stat_cache(tmp_path / "nowhere")) == 0
    assert len(read_stat_cache(tmp_path)) == 0


def test_a_cache_with_a_right_checksum_and_nonsense_in_it_is_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "cache"
    cache = StatCache()
    cache.record("x", _STAT, _HASH, _LATER)
    cache.write(file)
    whole = file.read_bytes()
    for body in (b"\x93\x91\xa1\xff", b"\x91" * 100_000, b"\x93\x91\xa1x\xc4\x00\xc4\x00"):
        file.unlink()
        file.write_bytes(whole[:8] + hash_bytes(body)[:16] + body)
        assert len(read_stat_cache(file)) == 0, body[:8]


def test_entries_of_files_that_are_gone_can_be_forgotten(tmp_path: Path) -> None:
    cache = StatCache()
    for path in ("data/a", "data/b", "database", "data"):
        cache.record(path, _STAT, hash_bytes(path.encode()), _LATER)
    cache.retain("data", {"b"})
    left = {p for p in ("data/a", "data/b", "database", "data") if _ask(cache, p, _STAT)}
    assert left == {"data/b", "database"}
    assert _ask(cache, "database", _STAT) == hash_bytes(b"database")
    cache.record("data/c", _STAT, _HASH, _LATER)
    assert _ask(cache, "data/c", _STAT) == _HASH


def test_the_files_of_a_folder_are_answered_for_together() -> None:
    cache = StatCache()
    for path in ("data/a", "data/sub/b", "data/c", "a"):
        cache.record(path, _STAT, hash_bytes(path.encode()), _LATER)
    stats = {"a": _STAT, "sub/b": _STAT, "c": _STAT._replace(inode=43), "new": _STAT}
    assert cache.lookup("data", stats) == {
        "a": hash_bytes(b"data/a"),
        "sub/b": hash_bytes(b"data/sub/b"),
    }


def test_a_mark_is_for_one_content_of_a_file() -> None:
    cache = StatCache()
    for path in ("data/a", "data/b", "file"):
        cache.record(path, _STAT, _HASH, _LATER)
    cache.mark_kept("data", ["a", "new"])
    cache.mark_kept("file", [""])
    assert cache.find_unmarked("data", {"a": _HASH, "b": _HASH, "new": _HASH}) == {"b", "new"}
    assert cache.find_unmarked("data", {"a": hash_bytes(b"another")}) == {"a"}
    assert cache.find_unmarked("file", {"": _HASH}) == set()
    cache.record("data/a", _STAT, _HASH, _LATER)
    assert cache.find_unmarked("data", {"a": _HASH}) == {"a"}


def test_nothing_new_is_not_written(tmp_path: Path) -> None:
    StatCache().write(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
