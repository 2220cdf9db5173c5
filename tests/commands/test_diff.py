from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.commands.diff import PathDiff, diff
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import NotFoundError, UsageError
from tests.support.data_project import DataProject


@pytest.fixture
def two(data_project: DataProject) -> DataProject:
    """Two committed states: a file modified, added, deleted, renamed."""
    data_project.write("data/kept.csv", b"kept")
    data_project.write("data/changed.csv", b"1")
    data_project.write("data/old name.csv", b"renamed")
    data_project.write("data/gone.csv", b"gone")
    data_project.write("model.bin", b"m1")
    data_project.snapshot("data", "model.bin", commit=True)
    data_project.write("data/changed.csv", b"2")
    (data_project.root / "data/old name.csv").rename(data_project.root / "data/new name.csv")
    data_project.remove("data/gone.csv")
    data_project.write("data/added.csv", b"added")
    data_project.write("other.bin", b"o")
    data_project.snapshot("data", "other.bin", commit=True)
    return data_project


CHANGES = PathDiff(
    "data",
    added=("added.csv",),
    deleted=("gone.csv",),
    modified=("changed.csv",),
    renamed=(("old name.csv", "new name.csv"),),
)


def test_between_two_revisions(two: DataProject) -> None:
    paths = diff(two.open(), "HEAD~1", "HEAD").paths
    assert paths == (CHANGES, PathDiff("other.bin", ("",), (), (), ()))


def test_the_other_way_round(two: DataProject) -> None:
    back = diff(two.open(), "HEAD", "HEAD~1", ("data",)).paths
    assert back[0].added == CHANGES.deleted
    assert back[0].renamed == (("new name.csv", "old name.csv"),)


def test_paths_narrow_it(two: DataProject) -> None:
    assert [one.path for one in diff(two.open(), "HEAD~1", "HEAD", ("other.bin",)).paths] == [
        "other.bin"
    ]


def test_against_the_working_tree(two: DataProject) -> None:
    assert diff(two.open()).paths == ()
    two.write("model.bin", b"changed")
    assert diff(two.open()).paths == (PathDiff("model.bin", (), (), ("",), ()),)
    assert diff(two.open(), "HEAD~1").paths[0] == CHANGES


def test_before_the_first_commit_all_is_new(data_project: DataProject) -> None:
    data_project.git("update-ref", "-d", "HEAD")
    data_project.write("model.bin", b"m")
    data_project.snapshot("model.bin")
    assert diff(data_project.open()).paths == (PathDiff("model.bin", ("",), (), (), ()),)


def test_an_unknown_revision(two: DataProject) -> None:
    with pytest.raises(NotFoundError) as caught:
        diff(two.open(), "nonsense")
    assert caught.value.code == "unknown-revision"


def test_what_a_person_reads(two: DataProject) -> None:
    text = render_text(diff(two.open(), "HEAD~1", "HEAD").describe(), width=100, colour=False)
    assert "old name.csv → new name.csv" in text
    assert "other.bin" in text
    same = diff(two.open(), "HEAD", "HEAD").describe()
    assert "Nothing changed" in render_text(same, width=100, colour=False)


def test_rows_of_tables(data_project: DataProject) -> None:
    data_project.write("data/train.csv", b"id,age\n1,20\n2,30\n")
    data_project.write("data/notes.json", b'[{"text": "a"}]')
    data_project.write("data/model.json", b'{"weights": 1}')
    data_project.write("data/plain.bin", b"1")
    data_project.snapshot("data", commit=True)
    data_project.write("data/train.csv", b"id,age\n2,31\n3,40\n")
    data_project.write("data/notes.json", b'[{"text": "a"}, {"text": "\\u001b[31m"}]')
    data_project.write("data/model.json", b'{"weights": 2}')
    data_project.write("data/plain.bin", b"2")
    assert diff(data_project.open()).paths[0].rows is None
    found = diff(data_project.open(), rows=True)
    tables = {one.file: one.changes for one in found.paths[0].rows or ()}
    assert tables.keys() == {"train.csv", "notes.json"}
    train = tables["train.csv"]
    assert (train.added, train.removed, train.changed) == (1, 1, 1)
    assert len(found.unknown) == 1
    assert found.unknown[0].startswith("The rows of data/model.json were not compared: ")
    text = render_text(found.describe(), width=100, colour=False)
    assert "data/train.csv: 1 row added, 1 removed, 1 changed of 2" in text
    assert "age 30 → 31" in text
    assert "\x1b" not in text
    assert diff(data_project.open(), "HEAD", rows=True, limit=0).paths[0].rows != ()
    data_project.snapshot("data", commit=True)
    assert diff(data_project.open(), "HEAD~1", "HEAD", rows=True).paths == found.paths


def test_rows_that_are_not_here_are_said_to_be_missing(
    data_project: DataProject, tmp_path: Path
) -> None:
    data_project.write("train.csv", b"id,age\n1,20\n")
    data_project.snapshot("train.csv", commit=True)
    data_project.write("train.csv", b"id,age\n1,21\n")
    data_project.snapshot("train.csv", commit=True)
    clone = DataProject(data_project.clone(tmp_path / "clone").root)
    found = diff(clone.open(), "HEAD~1", "HEAD", rows=True)
    assert found.paths == (PathDiff("train.csv", (), (), ("",), (), ()),)
    assert found.unknown[0].startswith("The rows of train.csv were not compared. ")


@pytest.mark.parametrize("limit", [-1, 1_001])
def test_a_limit_that_is_none(two: DataProject, limit: int) -> None:
    with pytest.raises(UsageError) as caught:
        diff(two.open(), rows=True, limit=limit)
    assert caught.value.code == "bad-value"
