from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_mlops.tracking.place import Place, ProjectSink, resolve_place
from tests.support.project import Project


def test_a_project_gets_values_at_its_root_and_series_in_its_store(project: Project) -> None:
    (project.root / "notebooks").mkdir()
    place = resolve_place(project.root / "notebooks")
    runs = project.root / ".git/mlops/runs"
    staging = project.root / ".git/mlops-worktree/staging"
    assert place == Place(project.root, runs, staging, project.head(), "main")


def test_a_linked_worktree_shares_the_series(project: Project, tmp_path: Path) -> None:
    linked = project.worktree(tmp_path / "linked", "HEAD")
    place = resolve_place(linked.root)
    assert place.root == linked.root
    assert place.runs_dir == project.root / ".git/mlops/runs"


def test_outside_of_a_project_values_stay_in_the_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = ProjectSink(resolve_place, tmp_path)
    sink.write_values("metrics/run.json", b"{}\n")
    sink.append_series("run", "{}\n")
    assert (tmp_path / "metrics/run.json").read_bytes() == b"{}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["metrics"]
    assert resolve_place(tmp_path) == Place(tmp_path)
    assert len(caplog.records) == 1


def test_a_series_begins_with_where_it_comes_from(project: Project) -> None:
    sink = ProjectSink(resolve_place, project.root)
    sink.append_series("train", '{"at":1}\n')
    sink.append_series("train", '{"at":2}\n')
    (series,) = (project.root / ".git/mlops/runs/train").glob("*.jsonl")
    header, *rest = map(json.loads, series.read_text().splitlines())
    assert header["format"] == 0
    assert (header["run"], header["commit"], header["branch"]) == ("train", project.head(), "main")
    assert rest == [{"at": 1}, {"at": 2}]


@pytest.mark.parametrize("content", [None, b"{", b"[1]", b"\xff"])
def test_nothing_is_added_to_what_is_no_table(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "m.json").write_bytes(content)
    assert ProjectSink(lambda start: Place(start), tmp_path).read_values("m.json") == {}
