"""Where the demo does not write."""

from __future__ import annotations

from pathlib import Path

from tests.support.project import Project


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    place = Project(tmp_path)
    mine = place.write("mine/thesis.txt", "forty years of work")
    done = place.mlops("demo", "mine")
    assert done.returncode == 4
    assert "nothing was written" in done.stderr
    assert [path.name for path in mine.parent.iterdir()] == ["thesis.txt"]


def test_a_repository_that_is_no_demo_is_left_alone(project: Project) -> None:
    done = project.mlops("demo", ".")
    assert done.returncode == 4
    assert project.git("status", "--porcelain", "--ignored") == ""
