from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.metrics.read import FILE_LIMIT_BYTES, read_metrics
from jupyter_mlops.metrics.working_tree import WorkingTree


def test_only_the_folders_of_the_patterns_are_walked(tmp_path: Path) -> None:
    for path in ("metrics/a.json", "metrics/deep/b.json", "data/c.json", "d.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    tree = WorkingTree(tmp_path, ("metrics/**/*.json",))
    assert list(tree.iter_paths()) == ["metrics/a.json", "metrics/deep/b.json"]
    assert dict(tree.read_many(["metrics/a.json", "gone"])) == {"metrics/a.json": b"metrics/a.json"}
    assert tree.read("metrics/deep/b.json") == b"metrics/deep/b.json"
    with pytest.raises(NotFoundError):
        tree.read("metrics/none.json")


def test_of_a_file_that_is_too_large_no_more_is_read_than_shows_it(tmp_path: Path) -> None:
    with (tmp_path / "x.json").open("wb") as file:
        file.truncate(4 * FILE_LIMIT_BYTES)
    tree = WorkingTree(tmp_path, ("*.json",))
    assert len(tree.read("x.json")) == FILE_LIMIT_BYTES + 1
    (problem,) = read_metrics(tree, ("*.json",)).problems
    assert problem.why == "it is larger than 8 MiB"


def test_a_missing_folder_is_empty(tmp_path: Path) -> None:
    assert list(WorkingTree(tmp_path, ("metrics/**/*.json",)).iter_paths()) == []


def test_a_linked_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.json").write_text("{}")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/metrics").symlink_to(tmp_path / "outside")
    assert list(WorkingTree(tmp_path / "project", ("metrics/*.json",)).iter_paths()) == []
