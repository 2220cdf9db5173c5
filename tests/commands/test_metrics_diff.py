from __future__ import annotations

import json

import pytest

from jupyter_mlops.commands.metrics_diff import metrics_diff
from jupyter_mlops.commands.run import encode_result
from jupyter_mlops.commands.workspace import Workspace, open_workspace
from jupyter_mlops.document import Table
from jupyter_mlops.errors import NotFoundError
from tests.support.project import Project


@pytest.fixture
def ws(project: Project) -> Workspace:
    project.write("mlops.toml", '[metrics]\nbetter = {rows = "higher"}\n')
    project.write("metrics/m.json", '{"acc": 0.5, "loss": 1, "rows": 3, "same": 1}')
    project.commit("first")
    project.write("metrics/m.json", '{"acc": 0.75, "loss": 2, "rows": 4, "same": 1}')
    return open_workspace(project.root)


def test_head_against_the_working_tree(ws: Workspace) -> None:
    encoded = json.loads(encode_result(metrics_diff(ws)))
    assert (encoded["old"], encoded["new"]) == ("HEAD", None)
    assert encoded["changes"] == [
        {"name": "metrics/m.json:acc", "old": 0.5, "new": 0.75, "delta": 0.25, "better": True},
        {"name": "metrics/m.json:loss", "old": 1, "new": 2, "delta": 1, "better": False},
        {"name": "metrics/m.json:rows", "old": 3, "new": 4, "delta": 1, "better": True},
    ]


def test_two_revisions(ws: Workspace, project: Project) -> None:
    old = project.head()
    project.commit("second")
    result = metrics_diff(ws, old[:10], "main")
    assert (result.old, result.new, result.old_commit) == (old[:10], "main", old)
    assert len(result.changes) == 3
    (table,) = result.describe().blocks
    assert isinstance(table, Table)
    assert table.columns == ("file", "metric", old[:10], "main", "change")
    assert metrics_diff(ws).changes == ()


def test_before_the_first_commit_everything_is_new(project: Project) -> None:
    project.git("switch", "--quiet", "--orphan", "new")
    project.write("mlops.toml", "")
    project.write("metrics/m.json", '{"acc": 1}')
    (change,) = metrics_diff(open_workspace(project.root)).changes
    assert (change.old, change.new, change.delta, change.better) == (None, 1, None, None)


@pytest.mark.parametrize("revision", ["none", "--all", ""])
def test_an_unknown_revision(ws: Workspace, revision: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        metrics_diff(ws, revision)
    assert raised.value.code == "unknown-revision"


def test_a_broken_file_is_named(ws: Workspace, project: Project) -> None:
    project.write("metrics/m.json", "{")
    result = metrics_diff(ws)
    assert [problem.path for problem in result.problems] == ["metrics/m.json"]
    assert "Left out metrics/m.json: it is not JSON" in str(result.describe())
