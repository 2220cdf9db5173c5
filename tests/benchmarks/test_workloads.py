"""Workloads have the size that they say, and their next versions change as much as they say."""

from __future__ import annotations

import os
from pathlib import Path

from tests.benchmarks.workloads import (
    change_one_file,
    change_small_files,
    edit_csv,
    edit_in_place,
    hash_files,
    make_csv,
    make_noise,
    make_small_files,
)

COUNT = 300


def _read(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_an_edited_table_has_one_percent_changed_and_one_percent_more(tmp_path: Path) -> None:
    make_csv(tmp_path / "one", 8 << 20)
    edit_csv(tmp_path / "one", tmp_path / "two")
    old = (tmp_path / "one").read_bytes().splitlines()
    new = (tmp_path / "two").read_bytes().splitlines()
    assert 1.005 < len(new) / len(old) < 1.015
    assert 0.98 < len(set(old) & set(new)) / len(old) < 0.995
    assert {len(line.split(b",")) for line in new} == {len(old[0].split(b","))}


def test_an_edit_in_place_keeps_the_length(tmp_path: Path) -> None:
    make_noise(tmp_path / "file", 2_000_000)
    before = (tmp_path / "file").read_bytes()
    edit_in_place(tmp_path / "file", 5)
    after = (tmp_path / "file").read_bytes()
    assert len(before) == len(after) == 2_000_000
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    # Of noise, ten bytes in 256 are digits.
    assert 0.005 < changed / 2_000_000 * 25.6 < 0.011


def test_small_files_change_by_one_percent(tmp_path: Path) -> None:
    make_small_files(tmp_path / "data", COUNT)
    first = _read(tmp_path / "data")
    assert len(first) == COUNT
    assert {4096 <= len(content) <= 12288 for content in first.values()} == {True}
    change_small_files(tmp_path / "data", COUNT, 2)
    second = _read(tmp_path / "data")
    assert first.keys() == second.keys()
    assert sum(first[path] != second[path] for path in first) == COUNT // 100
    change_one_file(tmp_path / "data", COUNT, 3)
    third = _read(tmp_path / "data")
    assert sum(second[path] != third[path] for path in second) == 1


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_small_files(tmp_path / name, COUNT)
        change_small_files(tmp_path / name, COUNT, 2)
    assert hash_files(tmp_path / "one") == hash_files(tmp_path / "two")
    change_small_files(tmp_path / "two", COUNT, 3)
    assert hash_files(tmp_path / "one") != hash_files(tmp_path / "two")


def test_a_hash_of_files_tells_names_and_contents_apart(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(b"1")
    first = hash_files(tmp_path / "data")
    os.rename(tmp_path / "data" / "a", tmp_path / "data" / "b")
    renamed = hash_files(tmp_path / "data")
    (tmp_path / "data" / "b").write_bytes(b"2")
    assert len({first, renamed, hash_files(tmp_path / "data")}) == 3
