"""What the stat cache remembers of the working tree."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from jupyter_mlops.errors import ConflictError
from jupyter_mlops.files.stat_cache import read_stat_cache
from jupyter_mlops.files.walk import FileStat
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.folders import Folder
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.snapshots.scan import Present, Scanner, hash_only
from tests.support.data_project import STATE, DataProject
from tests.support.later import LATER, run_at


def test_the_cache_forgets_files_that_are_gone(data_project: DataProject) -> None:
    for name in ("a", "b", "c"):
        data_project.write(f"data/{name}", name)
    data_project.write("data-2/a", "of another folder")
    run_at(data_project.root, LATER, "snapshot", "data", "data-2")
    assert len(read_stat_cache(data_project.root / STATE / "stat-cache")) == 4
    (data_project.root / "data/b").unlink()
    run_at(data_project.root, LATER, "snapshot")
    assert len(read_stat_cache(data_project.root / STATE / "stat-cache")) == 3


@pytest.mark.parametrize("how", ["pack", "all packs"])
def test_content_that_has_gone_is_kept_again_though_the_file_is_unchanged(
    data_project: DataProject, how: str
) -> None:
    contents = {"data/a": b"one", "data/b": b"another"}
    for name, content in contents.items():
        data_project.write(name, content)
        run_at(data_project.root, LATER, "snapshot", "data")
    packs = sorted((data_project.root / ".git/mlops/packs").glob("*/*"))
    for pack in packs[: 1 if how == "pack" else None]:
        pack.unlink()
    assert any(lacks(data_project, content) for content in contents.values())
    run_at(data_project.root, LATER, "snapshot")
    assert not any(lacks(data_project, content) for content in contents.values())


def test_what_is_known_to_be_kept_is_not_looked_for(data_project: DataProject) -> None:
    data_project.write("data/a", b"one")
    run_at(data_project.root, LATER, "snapshot", "data")
    ws = data_project.open()
    present = Scanner(ws).look("data")
    assert present is not None
    assert Scanner(ws).find_unkept(present) == []
    other = present.entries["a"]._replace(hash=hash_bytes(b"another"))
    assert Scanner(ws).find_unkept(present.with_entries({"a": other})) == ["a"]
    data_project.write("data/sub/b", b"another")
    beside = Scanner(ws).look("data")
    assert beside is not None
    assert Scanner(ws).find_unkept(beside) == ["sub/b"]


def test_only_what_has_changed_is_hashed(data_project: DataProject) -> None:
    for name in ("a", "b", "one/a", "one/two/a", "three/a"):
        data_project.write(f"data/{name}", name)
    run_at(data_project.root, LATER, "snapshot", "data")
    ws = data_project.open()
    asked: list[str] = []

    def hash_files(folder: Path, stats: Sequence[FileStat]) -> list[Entry]:
        asked.extend(found.path for found in stats)
        return hash_only(folder, stats)

    def look() -> Present:
        asked.clear()
        present = Scanner(ws).look("data", hash_files)
        assert present is not None
        return present

    before = look()
    assert asked == []
    assert before.content == Entry(Mode.FOLDER, Folder.of(before.entries).hash, 0)
    data_project.write("data/one/two/a", "x")
    data_project.write("data/one/new", "x")
    (data_project.root / "data/three/a").unlink()
    (data_project.root / "data/b").chmod(0o755)
    after = look()
    assert asked == ["b", "one/new", "one/two/a"]
    assert after.content == Entry(Mode.FOLDER, Folder.of(after.entries).hash, 0)
    assert list(after.entries) == ["a", "b", "one/a", "one/new", "one/two/a", "three"]
    assert after.entries["b"].mode is Mode.EXECUTABLE
    assert (after.file_count, after.size_bytes) == (5, 1 + 1 + 5 + 1 + 1)


def test_a_folder_is_as_it_is_remembered_only_with_all_its_folders(
    data_project: DataProject,
) -> None:
    data_project.write("data/sub/a", "1")
    data_project.write("data/b", "2")
    run_at(data_project.root, LATER, "snapshot", "data")
    ws = data_project.open()
    old = Scanner(ws).look("data")
    assert old is not None
    assert old.content.hash == Folder.of(old.entries).hash
    data_project.write("data/sub/a", "3")
    new = Scanner(ws).look("data")
    assert new is not None
    assert new.content.hash == Folder.of(new.entries).hash != old.content.hash


def lacks(project: DataProject, content: bytes) -> bool:
    return bool(
        missing(project.open().store, [Entry(Mode.FILE, hash_bytes(content), len(content))])
    )


def test_a_folder_is_seen_as_it_is(data_project: DataProject) -> None:
    data_project.write("data/a", "1")
    (data_project.root / "data/empty").mkdir()
    present = Scanner(data_project.open()).look("data")
    assert present is not None
    assert (present.is_folder, sorted(present.entries), present.size_bytes) == (
        True,
        ["a", "empty"],
        1,
    )
    assert Scanner(data_project.open()).look("nothing") is None


def test_content_that_was_lost_and_taken_again_is_found_in_one_segment_of_both(
    data_project: DataProject,
) -> None:
    for trial in range(4):  # names of packs are hashes: either may come first
        data_project.write("data/a", f"content {trial}")
        data_project.snapshot("data")
        for pack in (data_project.root / ".git/mlops/packs").glob("*/*"):
            pack.unlink()
        data_project.write("data/b", f"beside {trial}")
        data_project.snapshot("data")
        for number in range(9):  # segments are merged
            data_project.write("data/c", f"{trial} {number}")
            data_project.snapshot("data")
        files = data_project.files("data")
        data_project.remove("data")
        data_project.restore()
        assert data_project.files("data") == files


@pytest.mark.parametrize("year", [1500, 2300, 2446])
def test_any_time_of_a_file_will_do(data_project: DataProject, year: int) -> None:
    data_project.write("data/a", "x")
    data_project.snapshot("data")
    seconds = (year - 1970) * 31_556_952
    os.utime(data_project.root / "data/a", (seconds, seconds))
    assert data_project.state("data") == "clean"
    data_project.write("data/b", "y")
    data_project.snapshot("data")
    data_project.remove("data/b")
    data_project.restore()
    assert data_project.files("data") == {"a": b"x", "b": b"y"}


def test_a_name_that_a_drive_might_have_is_refused_in_any_folder(data_project: DataProject) -> None:
    data_project.write("data/sub/a:b", "x")
    with pytest.raises(ConflictError) as caught:
        data_project.snapshot("data")
    assert caught.value.code == "name-refused"


def test_a_tracked_file_that_became_a_link_is_refused(data_project: DataProject) -> None:
    data_project.write("model.bin", "x")
    data_project.write("other", "mine")
    data_project.snapshot("model.bin")
    data_project.remove("model.bin")
    (data_project.root / "model.bin").symlink_to("other")
    for command in (data_project.snapshot, data_project.restore):
        with pytest.raises(ConflictError) as caught:
            command()
        assert caught.value.code == "path-is-link"
    assert data_project.read("other") == b"mine"
