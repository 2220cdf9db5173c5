from __future__ import annotations

import json

import pytest

from jupyter_mlops.commands.metrics_show import metrics_show
from jupyter_mlops.commands.run import encode_result
from jupyter_mlops.commands.workspace import open_workspace
from jupyter_mlops.document import Table
from jupyter_mlops.errors import NotFoundError
from tests.support.project import Project


def test_the_working_tree_or_a_revision(project: Project) -> None:
    project.write("mlops.toml", "")
    project.write("metrics/a.json", '{"acc": 0.5, "note": "x"}')
    commit = project.commit("first")
    project.write("metrics/a.json", '{"acc": 0.75}')
    ws = open_workspace(project.root)
    encoded = json.loads(encode_result(metrics_show(ws)))
    assert encoded["revision"] is None
    assert encoded["values"] == {"metrics/a.json:acc": 0.75}
    result = metrics_show(ws, "HEAD")
    assert (result.revision, result.commit) == ("HEAD", commit)
    assert result.values == {"metrics/a.json:acc": 0.5}
    (table,) = result.describe().blocks
    assert isinstance(table, Table)
    assert table.title == "Metrics in HEAD"
    with pytest.raises(NotFoundError):
        metrics_show(ws, "none")


def test_nothing_logged_yet(project: Project) -> None:
    project.write("mlops.toml", "")
    result = metrics_show(open_workspace(project.root))
    assert result.values == {}
    assert "There are no metrics in the working tree." in str(result.describe())
