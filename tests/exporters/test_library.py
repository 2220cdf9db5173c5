"""The exporter without an application: nothing printed, no exit, nothing written."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from traitlets.config import Config

from jupyter_mlops.errors import UsageError
from jupyter_mlops.reports.report import Report
from tests.exporters.conftest import (
    RUN_IN_ORDER,
    STRIPPED,
    check,
    make_exporter,
    make_notebook,
    rules,
)
from tests.notebooks.conftest import OLD, code, notebook_bytes
from tests.support.project import Project

OUT_OF_ORDER = make_notebook(("a = 1", 2), ("a", 1))


def write(folder: Path, content: bytes, name: str = "a.ipynb") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_it_prints_nothing_and_never_exits(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, OUT_OF_ORDER)
    output, resources = make_exporter().from_filename(str(path))
    assert "executed-out-of-order" in output
    assert resources["output_extension"] == ".mlops-check.txt"
    assert isinstance(resources["mlops_check"]["report"], Report)
    assert capfd.readouterr() == ("", "")
    assert os.listdir(tmp_path) == ["a.ipynb"]


def test_a_run_in_order_is_fine(tmp_path: Path) -> None:
    assert rules(check(write(tmp_path, RUN_IN_ORDER))) == []


def test_another_order_is_found(tmp_path: Path) -> None:
    report = check(write(tmp_path, OUT_OF_ORDER))
    assert rules(report) == ["executed-out-of-order"]
    assert report["findings"][0]["cell"] == {"index": 1, "id": "c2"}
    assert report["executed"] is False


def test_gaps_are_found(tmp_path: Path) -> None:
    path = write(tmp_path, make_notebook(("1", 1), ("2", None), ("3", 3)))
    assert rules(check(path)) == ["executed-with-gaps"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty."),
        (b" \n", "is empty."),
        (b'{"cells": [', "is not JSON."),
        (b"\xff\xfe", "is not JSON."),
        (b"<<<<<<< HEAD\n", "is not JSON."),
        (b"[1]", "is JSON, but not a notebook."),
        (b"[" * 100_000, "is not JSON."),
        (b'{"cells": [], "metadata": {}}', "is a notebook of version None"),
        (b'{"cells": [], "metadata": {}, "nbformat": 9}', "is a notebook of version 9"),
        (b'{"cells": 1, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', ""),
        (b'{"cells": [1], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', ""),
        (notebook_bytes([], kernelspec={}), "does not follow its format: "),
        (notebook_bytes([{"cell_type": "code", "id": "a"}]), ""),
        (json.dumps(OLD).encode(), "is of nbformat 3"),
    ],
)
def test_what_is_no_notebook_is_a_finding(tmp_path: Path, content: bytes, why: str) -> None:
    (found,) = check(write(tmp_path, content))["findings"]
    assert found["rule"] == "notebook-invalid"
    assert why in found["why"]


def test_files_that_cannot_be_read_are_findings(tmp_path: Path) -> None:
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "device.ipynb").symlink_to("/dev/null")
    (tmp_path / "lost.ipynb").symlink_to(tmp_path / "nowhere")
    for name in ("folder", "device", "lost", "absent"):
        assert rules(check(tmp_path / f"{name}.ipynb")) == ["notebook-invalid"]
    (found,) = check(tmp_path / "device.ipynb")["findings"]
    assert found["why"].endswith("is not a file.")


def test_no_cells_no_findings(tmp_path: Path) -> None:
    assert rules(check(write(tmp_path, make_notebook()))) == []


@pytest.mark.filterwarnings("error")
def test_cells_without_ids_are_fine(tmp_path: Path) -> None:
    content = notebook_bytes([{"cell_type": "markdown", "metadata": {}, "source": "text"}])
    assert rules(check(write(tmp_path, content))) == []


HOSTILE = "<script>\x1b[2J\u202e\x9b"


def test_hostile_names_and_ids_are_shown_escaped(tmp_path: Path) -> None:
    path = write(tmp_path, OUT_OF_ORDER.replace(b'"c2"', json.dumps(HOSTILE[:9]).encode()))
    renamed = path.rename(tmp_path / "a\n<b>\x1b[31m.ipynb")
    output, _ = make_exporter().from_filename(str(renamed))
    assert "\x1b" not in output
    assert output.startswith(f"{tmp_path}/a\\n<b>\\x1b[31m.ipynb: ")
    assert check(renamed)["notebook"] == str(renamed)


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = write(tmp_path, OUT_OF_ORDER, os.fsdecode(b"\xff.ipynb"))
    output, _ = make_exporter().from_filename(str(path))
    output.encode("utf-8")
    assert "\\udcff.ipynb: 1 finding" in output
    assert check(path)["notebook"] == str(path)


def test_a_notebook_in_memory_is_checked_alone() -> None:
    node = nbformat.reads(OUT_OF_ORDER.decode(), as_version=4)
    before = nbformat.writes(node)
    output, _ = make_exporter().from_notebook_node(node)
    assert "executed-out-of-order" in output
    assert "has no file, so Git and the project were not looked at." in output
    assert nbformat.writes(node) == before


def test_a_notebook_in_memory_is_no_file_by_chance(plain: Project) -> None:
    plain.write("Notebook.ipynb", RUN_IN_ORDER)
    node = nbformat.reads(RUN_IN_ORDER.decode(), as_version=4)
    with contextlib.chdir(plain.root):
        output, _ = make_exporter().from_notebook_node(node)
    assert "outputs-in-git" not in output


def test_a_notebook_in_memory_may_be_that_of_a_file(plain: Project) -> None:
    plain.write("a.ipynb", RUN_IN_ORDER)
    plain.commit("with outputs")
    node = nbformat.reads(STRIPPED.decode(), as_version=4)
    resources = {"metadata": {"name": "a", "path": str(plain.root)}}
    output, _ = make_exporter().from_notebook_node(node, resources)
    assert "outputs-in-git" in output


def test_a_stream_has_the_name_of_its_file(plain: Project) -> None:
    path = plain.write("a.ipynb", RUN_IN_ORDER)
    exporter = make_exporter()
    with path.open(encoding="utf-8") as stream:
        output, _ = exporter.from_file(stream)
    assert "outputs-in-git" in output
    nameless, _ = exporter.from_file(io.StringIO(RUN_IN_ORDER.decode()))
    assert nameless.startswith("(standard input): no findings\n")


def test_a_stream_that_is_not_utf8_is_a_finding() -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"\xff"), encoding="utf-8")
    output, _ = make_exporter().from_file(stream)
    assert "notebook-invalid" in output


def test_outside_of_git_one_note_is_enough(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    exporter = make_exporter()
    first, _ = exporter.from_filename(str(write(tmp_path, STRIPPED)))
    second, _ = exporter.from_filename(str(write(tmp_path / "folder", STRIPPED)))
    assert first.count("note: ") == 1
    assert second == f"{tmp_path}/folder/a.ipynb: no findings\n"


@pytest.mark.parametrize(
    "options", [{"format": "yaml"}, {"config": Config({"CheckExporter": {"fromat": "json"}})}]
)
def test_options_are_validated(tmp_path: Path, options: dict[str, Any]) -> None:
    exporter = make_exporter(**options)
    with pytest.raises(UsageError) as caught:
        exporter.from_filename(str(write(tmp_path, STRIPPED)))
    assert caught.value.code == "check-option"


def test_the_configuration_chooses_the_format(tmp_path: Path) -> None:
    exporter = make_exporter(config=Config({"CheckExporter": {"format": "json"}}))
    output, resources = exporter.from_filename(str(write(tmp_path, STRIPPED)))
    assert json.loads(output)["findings"] == []
    assert resources["output_extension"] == ".mlops-check.json"


def test_the_rules_and_formats_of_the_command(tmp_path: Path) -> None:
    path = write(tmp_path, make_notebook(("later", None), ("later = 1", None), ("1", 3)))
    assert rules(check(path)) == ["name-before-definition", "executed-with-gaps"]
    assert rules(check(path, ignore=["executed-*"])) == ["name-before-definition"]
    exporter = make_exporter(format="sarif", select=["executed-*"])
    output, resources = exporter.from_filename(str(path))
    (result,) = json.loads(output)["runs"][0]["results"]
    assert result["ruleId"] == "executed-with-gaps"
    assert resources["output_extension"] == ".mlops-check.sarif"


@pytest.mark.parametrize(
    "options",
    [
        {"select": ["no-such"]},
        {"repeat": 0},
        {"parameters": ["1=2"]},
        {"tolerance": -1.0},
        {"repeat": 2},
        {"fast": True, "config": Config({"ExecutePreprocessor": {"enabled": True}})},
    ],
)
def test_values_without_a_meaning_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        make_exporter(**options).from_filename(str(write(tmp_path, STRIPPED)))


def test_fast_looks_at_no_pointer_file(ours: Project) -> None:
    path = write(ours.root, STRIPPED)
    ours.write("data.csv.mlops", "not valid")
    ours.git("add", "--all")
    assert rules(check(path)) == ["pointer-unresolvable"]
    assert rules(check(path, fast=True)) == []


def execute(**options: Any) -> Config:
    """Return what lets nbconvert run notebooks."""
    return Config({"ExecutePreprocessor": {"enabled": True} | options})


def test_the_project_says_which_kernel_runs_notebooks(ours: Project) -> None:
    path = write(ours.root, STRIPPED)
    ours.write("mlops.toml", '[checks]\nkernel = "of-the-project"\n')
    for options, kernel in (({}, "of-the-project"), ({"kernel_name": "mine"}, "mine")):
        (found,) = check(path, config=execute(**options))["findings"]
        assert f"there is no kernel {kernel!r} here" in found["why"]


@pytest.mark.slow
def test_the_project_says_how_long_a_cell_may_take(ours: Project) -> None:
    waits = make_notebook(("import threading; threading.Event().wait()", None))
    path = write(ours.root, waits)
    ours.write("mlops.toml", "[checks]\ntimeout = 1\n")
    (found,) = check(path, config=execute())["findings"]
    assert "CellTimeoutError" in found["why"]


@pytest.mark.slow
def test_outputs_may_differ_by_what_is_said(tmp_path: Path) -> None:
    stream = {"output_type": "stream", "name": "stdout", "text": "loss 1.0\n"}
    cell = code("print('loss 1.04')", id="a", execution_count=1, outputs=[stream])
    path = write(tmp_path, notebook_bytes([cell]))
    assert rules(check(path, config=execute(), tolerance=0.1)) == []
    assert rules(check(path, config=execute(), tolerance=0.01)) == ["output-drift"]
