from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.tracking.place import Place, resolve_place
from tests.support.project import Project


def test_a_project_gets_values_at_its_root_and_series_in_its_store(project: Project) -> None:
    (project.root / "notebooks").mkdir()
    place = resolve_place(project.root / "notebooks")
    assert (place.root, place.commit, place.branch) == (project.root, project.head(), "main")
    assert place.runs_dir == project.root / ".git/mlops/runs"
    assert place.state_dir == project.root / ".git/mlops-worktree/runs"
    assert place.staging == project.root / ".git/mlops-worktree/staging"


def test_a_linked_worktree_shares_the_series(project: Project, tmp_path: Path) -> None:
    linked = project.worktree(tmp_path / "linked", "HEAD")
    place = resolve_place(linked.root)
    assert place.root == linked.root
    assert place.runs_dir == project.root / ".git/mlops/runs"
    assert place.state_dir != project.root / ".git/mlops-worktree/runs"


def test_outside_of_a_project_there_is_only_the_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert resolve_place(tmp_path) == resolve_place(tmp_path) == Place(tmp_path)
    assert Place(tmp_path).runs_dir is None
    assert len(caplog.records) == 1


def test_the_source_is_told_where_it_is_in_the_project(project: Project, tmp_path: Path) -> None:
    script = project.write("src/train.py", "")
    place = resolve_place(project.root)
    assert place.find_source(str(script)) == "src/train.py"
    outside = tmp_path / "outside.py"
    outside.write_text("")
    assert place.find_source(str(outside)) is None
    assert place.find_source(str(project.root / "gone.py")) is None
    assert place.find_source(None) is None
