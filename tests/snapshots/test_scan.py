"""What the stat cache remembers of the working tree."""

from __future__ import annotations

from jupyter_mlops.files.stat_cache import read_stat_cache
from jupyter_mlops.snapshots.scan import Scanner
from tests.support.data_project import STATE, DataProject


def test_the_cache_forgets_files_that_are_gone(data_project: DataProject) -> None:
    for name in ("a", "b", "c"):
        data_project.write(f"data/{name}", name)
    data_project.write("data-2/a", "of another folder")
    data_project.snapshot("data", "data-2")
    assert len(read_stat_cache(data_project.root / STATE / "stat-cache")) == 4
    (data_project.root / "data/b").unlink()
    data_project.snapshot()
    assert len(read_stat_cache(data_project.root / STATE / "stat-cache")) == 3


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
