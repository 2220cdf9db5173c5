from __future__ import annotations

import pytest

from jupyter_mlops.commands.diff import PathDiff, diff
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import NotFoundError
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
