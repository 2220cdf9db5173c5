"""What the stat cache remembers of the working tree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_mlops.files.stat_cache import read_stat_cache
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.snapshots.scan import Scanner
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
    entry = present.entries["a"]
    other = entry._replace(hash=hash_bytes(b"another"))
    assert Scanner(ws).find_unkept(replace(present, entries={"a": other})) == ["a"]
    assert Scanner(ws).find_unkept(replace(present, entries={"b": entry})) == ["b"]


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
