"""Projects of DVC's as they are: what is shown is what DVC itself shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.commands.candidates import list_candidates
from jupyter_mlops.commands.check_notebooks import check_notebooks
from jupyter_mlops.commands.checked_runs import ProjectRuns
from jupyter_mlops.commands.metrics_diff import metrics_diff
from jupyter_mlops.commands.metrics_history import MetricsHistoryResult, metrics_history
from jupyter_mlops.commands.metrics_show import metrics_show
from jupyter_mlops.commands.params_diff import params_diff
from jupyter_mlops.commands.workspace import Workspace, open_here, open_workspace
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.metrics.dvc import read_dvc_files
from tests.support.project import Project, make_project

FIXTURE = Path(__file__).parents[1] / "metrics" / "dvc"
EXPECTED: dict[str, dict[str, dict[str, Any]]] = json.loads(
    (FIXTURE / "expected.json").read_text("utf-8")
)


@pytest.fixture
def theirs(tmp_path: Path) -> Project:
    """A clone of the project that DVC made, with an empty ``mlops.toml``."""
    project = Project(tmp_path)
    project.git("clone", "--quiet", str(FIXTURE / "project.bundle"), "project")
    project = Project(tmp_path / "project")
    project.git("fetch", "--quiet", str(FIXTURE / "project.bundle"), "refs/exps/*:refs/exps/*")
    project.write("mlops.toml", "")
    return project


def flatten(files: Mapping[str, object]) -> dict[str, object]:
    """Return the leaves by full name, as DVC tells them."""
    found: dict[str, object] = {}

    def add(prefix: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                add(f"{prefix}.{key}" if not prefix.endswith(":") else f"{prefix}{key}", inner)
        else:
            found[prefix] = value

    for path, value in files.items():
        add(f"{path}:", value)
    return found


def numbers(commit: str) -> dict[str, object]:
    told = flatten(EXPECTED[commit]["metrics"])
    return {name: value for name, value in told.items() if not isinstance(value, str)}


def read(project: Project) -> MetricsHistoryResult:
    return metrics_history(open_workspace(project.root))


def commits(project: Project) -> list[str]:
    return project.git("rev-list", "--reverse", "main").split()


def open_project(project: Project) -> Workspace:
    return open_workspace(project.root)


def test_every_commit_has_the_metrics_that_dvc_shows(theirs: Project) -> None:
    for commit in EXPECTED:
        assert metrics_show(open_project(theirs), commit).values == numbers(commit)
    assert metrics_show(open_project(theirs)).values == numbers(theirs.head())


def test_history_has_the_same(theirs: Project) -> None:
    points = read(theirs).points
    told = [numbers(commit) for commit in commits(theirs)]
    shown = [dict(point.values) for point in points if point.snapshot is None]
    assert shown == [
        after for before, after in zip([{}, *told], told, strict=False) if after != before
    ]
    assert read(theirs).points == points


def test_experiments_stand_at_the_commit_that_they_were_begun_on(theirs: Project) -> None:
    found = {point.dvc_experiment: point for point in read(theirs).points if point.dvc_experiment}
    assert found.keys() == {"tall-oak", "low-birch"}
    for name, point in found.items():
        assert point.commit == theirs.head()
        assert point.subject == f"{name} (DVC experiment)"
        assert point.branches == ("main",)
        (commit,) = (one for one in EXPECTED if one.startswith(point.snapshot or "none"))
        assert dict(point.values) == numbers(commit)
        assert metrics_show(open_project(theirs), point.snapshot).values == numbers(commit)
    assert found["tall-oak"].values["pipeline/scores.json:acc"] == 0.9


def test_params_are_those_that_dvc_shows(theirs: Project) -> None:
    first = commits(theirs)[0]
    changes = params_diff(open_project(theirs), first, "HEAD").changes
    shown = {change.name: change.new for change in changes if change.new is not None}
    assert flatten(EXPECTED[theirs.head()]["params"]).items() <= shown.items()


def test_the_working_tree_is_read_as_a_commit_is(theirs: Project) -> None:
    assert metrics_diff(open_project(theirs)).changes == ()
    assert params_diff(open_project(theirs)).changes == ()
    theirs.write("pipeline/scores.json", '{"acc": 1}')
    theirs.write(
        "pipeline/params.yaml", "lr: 9\nmodel: {depth: 4, name: tree}\nparts: [east, west]\n"
    )
    changed = metrics_diff(open_project(theirs)).changes
    assert {(one.name, one.new) for one in changed} == {
        ("pipeline/scores.json:acc", 1),
        ("pipeline/scores.json:val.loss", None),
    }
    (param,) = params_diff(open_project(theirs)).changes
    assert (param.name, param.old, param.new) == ("pipeline/params.yaml:lr", 0.2, 9)


def test_plots_that_are_named_at_a_tree(theirs: Project) -> None:
    workspace = open_project(theirs)
    named = {
        commit: [one.pattern for one in read_dvc_files(open_tree(workspace.git, commit)).plots]
        for commit in commits(theirs)
    }
    assert list(named.values())[:2] == [[], ["curve.csv"]]
    assert named[theirs.head()] == ["dvclive/plots/metrics", "pipeline/curve.csv"]


def test_dvc_is_left_aside_on_request(theirs: Project) -> None:
    theirs.write("mlops.toml", "[metrics]\ndvc = false\n[params]\ndvc = false\n")
    assert read(theirs).points == ()
    assert metrics_show(open_project(theirs)).values == {}
    assert params_diff(open_project(theirs), commits(theirs)[0], "HEAD").changes == ()


def test_a_file_counts_as_long_as_it_is_named(project: Project) -> None:
    project.write("mlops.toml", "")
    project.write("m.json", '{"acc": 1}')
    project.commit("Not named")
    project.write("dvc.yaml", "metrics: [m.json]\n")
    named = project.commit("Named")
    assert [point.commit for point in read(project).points] == [named]
    project.write("dvc.yaml", "metrics: [other.json]\n")
    project.write("other.json", '{"loss": 2}')
    other = project.commit("Another one")
    project.write("m.json", '{"acc": 3}')
    project.commit("Not named again")
    assert [(point.commit, dict(point.values)) for point in read(project).points] == [
        (named, {"m.json:acc": 1}),
        (other, {"other.json:loss": 2}),
    ]


def test_checks_know_which_files_dvc_names(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    project.write("mlops.toml", "")
    project.write("dvc.yaml", "metrics:\n- scores.json\n")
    project.write("scores.py", "print('first')\n")
    project.write("scores.json", '{"acc": 0.8}')
    project.commit("Begin")
    project.write("scores.py", "print('second')\n")
    project.commit("Other code")
    [report] = check_notebooks(open_here(project.root)).reports
    assert [found.rule for found in report.findings] == ["metrics-of-other-code"]
    runs = ProjectRuns(open_project(project))
    runs.prepare()
    assert runs.list_written() == frozenset()
    project.write("scores.json", '{"acc": 0.91}')
    assert runs.read_values() == {"scores.json:acc": 0.91}
    assert list_candidates("metric", "", project.root) == ["acc", "scores.json:acc"]
