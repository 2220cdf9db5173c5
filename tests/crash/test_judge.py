"""What a project is judged by: Git's own objects, whole and under their names."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mlops.git.trees import open_tree
from tests.crash.judge import read_state
from tests.support.damage import change
from tests.support.data_project import DataProject, make_data_project
from tests.support.git_objects import ObjectsTree


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> DataProject:
    """A project with one snapshot."""
    project = make_data_project(tmp_path_factory.mktemp("kept") / "project")
    project.write("data/deep/a.csv", "a\n")
    project.snapshot("data", commit=True)
    return project


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_a_commit_is_read_as_git_reads_it(kept: DataProject, packed: bool, tmp_path: Path) -> None:
    project = kept.copy(tmp_path / "copy")
    if packed:
        project.git("gc", "--quiet")
    expected = open_tree(project.open().git, project.head())
    found = ObjectsTree(project.root / ".git", project.head())
    names = list(expected.iter_paths())
    assert list(found.iter_paths()) == names
    assert list(found.read_many(names)) == list(expected.read_many(names))


def _empty(path: Path) -> None:
    change(path, bytearray.clear)


def _put_another(path: Path) -> None:
    other = next(one for one in path.parents[1].glob("??/*") if one != path)
    path.unlink()
    shutil.copy(other, path)


@pytest.mark.parametrize("damage", [Path.unlink, _empty, _put_another])
@pytest.mark.parametrize("what", ["", "^{tree}", ":data.mlops"])
def test_an_object_that_is_not_there_whole_is_found(
    kept: DataProject, damage: Callable[[Path], None], what: str
) -> None:
    snapshot = kept.git("for-each-ref", "--format=%(objectname)", "refs/mlops/snapshots").strip()
    oid = kept.git("rev-parse", f"{snapshot}{what}").strip()
    path = kept.root / ".git/objects" / oid[:2] / oid[2:]
    whole = path.read_bytes()
    damage(path)
    with pytest.raises(AssertionError, match=f"Git's object {oid} is"):
        read_state(kept.root, statuses=False)
    path.unlink(missing_ok=True)
    path.write_bytes(whole)
    read_state(kept.root, statuses=False)
