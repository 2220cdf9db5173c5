"""A pull request's story: a branch that improves, one that breaks a gate, one without its data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_mlops.commands.report import report
from jupyter_mlops.commands.report_composed import ReportFormat, ReportResult
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.errors import NotFoundError
from tests.support.data_project import DataProject, make_data_project

CONFIG = """
[[gate]]
metric = "metrics/train.json:acc"
against = "base"
tolerance = 0.01

[report]
sections = ["KNOWN.md", "missing.md"]
"""


def cell(kind: str, source: str, tags: list[str], **more: object) -> dict[str, object]:
    return {"id": "c", "cell_type": kind, "source": source, "metadata": {"tags": tags}} | more


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DataProject:
    made = make_data_project(tmp_path_factory.mktemp("report") / "project")
    made.write("mlops.toml", CONFIG)
    made.write("data/train.csv", "id,age\n" + "".join(f"{i},{i % 7}\n" for i in range(50)))
    made.write("metrics/train.json", '{"acc": 0.9, "same": 1}')
    made.write("params/train.json", '{"depth": 4}')
    made.write("KNOWN.md", "# Known\n\n**Slow** on <old> data.")
    made.snapshot("data")
    made.commit("Begin")
    made.git("branch", "-M", "main")
    return made


@pytest.fixture
def project(made: DataProject, tmp_path: Path) -> DataProject:
    return made.copy(tmp_path / "project")


def _report(
    project: DataProject, base: str | None = None, format: ReportFormat = "text"
) -> ReportResult:
    return report(open_here(project.root), base=base, format=format)


def _branch(project: DataProject, accuracy: float) -> None:
    project.git("switch", "-q", "-c", "feature")
    project.write("metrics/train.json", json.dumps({"acc": accuracy, "same": 1}))
    project.write("params/train.json", '{"depth": 6}')
    project.commit("Deeper")


def test_a_branch_that_improves(project: DataProject) -> None:
    _branch(project, 0.95)
    result = _report(project)
    assert result.exit_status == 0
    assert result.base == project.git("rev-parse", "main").strip()
    [accuracy, same] = result.metrics
    assert (accuracy.base, accuracy.value, accuracy.better) == (0.9, 0.95, True)
    assert accuracy.history == (0.9, 0.95)
    assert not same.moved
    assert [(one.kind, one.change) for one in result.differences] == [("parameter", "4 → 6")]
    assert "All checks and gates hold" in result.text
    assert "missing.md" in result.text and "**Slow**" in result.text


def test_a_branch_that_breaks_a_gate(project: DataProject) -> None:
    _branch(project, 0.8)
    result = _report(project, format="md")
    assert result.exit_status == 1
    [gate] = result.gates
    assert (gate.rule, gate.subject) == ("gate-broken", "metrics/train.json:acc")
    assert "❌ Gates · 1 of 1 gate broken" in result.text
    assert "▼ -0.1 worse" in result.text


def test_a_branch_whose_data_is_nowhere(project: DataProject) -> None:
    _branch(project, 0.95)
    pointer = project.read("data.mlops").decode()
    digits = pointer.partition('hash = "blake3:')[2][:64]
    project.write("data.mlops", pointer.replace(digits, "0" * 64))
    project.commit("Point to what nobody has")
    result = _report(project)
    assert result.exit_status == 1
    assert "pointer-unresolvable" in {one.rule for one in result.findings}


def test_a_branch_that_deletes_a_metric(project: DataProject) -> None:
    _branch(project, 0.95)
    project.git("rm", "-q", "metrics/train.json")
    project.commit("Delete")
    result = _report(project)
    assert result.exit_status == 1
    assert [one.rule for one in result.gates] == ["gate-without-metric"]
    assert {row.value for row in result.metrics} == {None}


def test_cells_with_the_tag_are_sections(project: DataProject) -> None:
    printed = {"output_type": "stream", "name": "stdout", "text": ["three ``` ticks"]}
    cells = [
        cell("markdown", "What we *learned*", ["report"]),
        cell("markdown", "Not this", []),
        cell("code", "print()", ["report"], outputs=[printed], execution_count=None),
    ]
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
    for one in cells:
        del one["id"]
    project.write("study.ipynb", json.dumps(notebook))
    project.commit("Study")
    text = _report(project, format="md").text
    assert "What we *learned*" in text and "Not this" not in text
    assert "````text\nthree ``` ticks\n````" in text


def test_a_page_stands_alone(project: DataProject) -> None:
    _branch(project, 0.95)
    text = _report(project, format="html").text
    assert "<strong>Slow</strong> on &lt;old&gt; data" in text
    assert "http" not in text.replace("http-equiv", "")


def test_json_has_the_values(project: DataProject) -> None:
    _branch(project, 0.8)
    told = json.loads(_report(project, format="json").text)
    assert told["metrics"][0]["delta"] == pytest.approx(-0.1)
    assert told["gates"][0]["limit"] == pytest.approx(0.89)


def test_at_the_first_commit_there_is_no_base(tmp_path: Path) -> None:
    project = make_data_project(tmp_path / "project")
    project.write("metrics/train.json", '{"acc": 0.9}')
    result = _report(project)
    assert result.base is None
    assert [row.value for row in result.metrics] == [0.9]
    assert "the commit before" in result.text and "there is none" in result.text


def test_a_base_that_does_not_exist(project: DataProject) -> None:
    with pytest.raises(NotFoundError) as caught:
        _report(project, base="nowhere")
    assert caught.value.code == "base-not-found"
    assert "nowhere" in caught.value.message
