from __future__ import annotations

import json

from jupyter_mlops.commands.params_diff import params_diff
from jupyter_mlops.commands.run import encode_result
from jupyter_mlops.commands.workspace import open_workspace
from tests.support.project import Project


def test_any_scalars_of_any_files(project: Project) -> None:
    project.write("mlops.toml", '[params]\nfiles = ["params.yaml", "params/*.json"]\n')
    project.write("params.yaml", "lr: 1e-3\nmodel:\n  name: gbm\n  layers: [8, 8]\n")
    project.commit("first")
    project.write("params.yaml", "lr: 1e-4\nmodel:\n  name: gbm\n  layers: [8, 16]\n")
    project.write("params/extra.json", '{"on": true}')
    encoded = json.loads(encode_result(params_diff(open_workspace(project.root))))
    assert (encoded["old"], encoded["new"]) == ("HEAD", None)
    assert encoded["changes"] == [
        {"name": "params.yaml:lr", "old": 0.001, "new": 0.0001},
        {"name": "params.yaml:model.layers", "old": "[8,8]", "new": "[8,16]"},
        {"name": "params/extra.json:on", "old": None, "new": True},
    ]


def test_equal_revisions(project: Project) -> None:
    project.write("mlops.toml", "")
    result = params_diff(open_workspace(project.root), "HEAD", "HEAD")
    assert result.changes == ()
    assert "No parameter differs between HEAD and HEAD." in str(result.describe())
