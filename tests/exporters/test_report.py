"""``jupyter nbconvert --to mlops-report`` as a program."""

from __future__ import annotations

import json

import pytest

from tests.exporters.conftest import convert, make_notebook
from tests.support.project import Project

TAGGED = {"tags": ["report"]}


@pytest.mark.slow
def test_a_notebook_that_is_run_becomes_the_report_of_its_project(ours: Project) -> None:
    ours.write("mlops.toml", '[[gate]]\nmetric = "metrics/train.json:acc"\nmin = 0.9\n')
    ours.write("metrics/train.json", '{"acc": 0.95}')
    ours.commit("Begin")
    source = "import jupyter_mlops\njupyter_mlops.log(acc=0.1)\nprint('seen in this run')"
    ours.write("train.ipynb", make_notebook((source, None), metadata=TAGGED))
    ours.commit("A notebook")
    before = ours.read("train.ipynb")
    done = convert(
        ours.root, "--execute", "train.ipynb", to="jupyter_mlops.exporters.report.ReportExporter"
    )
    assert done.status == 1, done.stderr
    assert "mlops-report: 1 notebook" in done.stderr
    text = ours.read("train.mlops-report.md").decode()
    assert text.startswith("## train")
    assert "❌ Gates · 1 of 1 gate broken" in text
    assert "seen in this run" in text
    assert json.loads(ours.read("metrics/train.json")) == {"acc": 0.1}
    assert ours.read("train.ipynb") == before
