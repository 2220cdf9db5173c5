from __future__ import annotations

import json

from jupyter_mlops.commands.status import StatusResult, status
from jupyter_mlops.document.render_text import render_text
from tests.support.data_project import DataProject


def _text(result: StatusResult) -> str:
    return render_text(result.describe(), width=100, colour=False)


def test_nothing_is_tracked_yet(data_project: DataProject) -> None:
    result = status(data_project.open())
    assert (result.branch, result.head, result.tracked) == ("main", data_project.head(), ())
    assert "jupyter mlops snapshot PATH" in _text(result)


def test_counts_and_bytes(data_project: DataProject) -> None:
    data_project.write("data/a", b"1" * 10)
    data_project.write("data/b", b"2" * 10)
    data_project.write("data/c", b"3" * 10)
    data_project.write("copy.bin", b"1" * 10)
    data_project.snapshot("data", "copy.bin")
    result = status(data_project.open())
    assert (result.not_pushed, result.only_copy_here) == (2, 30)
    assert "All data is as its pointers say." in _text(result)
    data_project.write("data/a", b"changed")
    data_project.remove("data/b")
    data_project.remove("data/c")
    data_project.write("data/d", b"4")
    (one,) = status(data_project.open(), ("data",)).tracked
    assert (one.files_changed, one.files_added, one.files_deleted) == (1, 1, 2)


def test_each_state_has_its_way_out(data_project: DataProject) -> None:
    for name in ("changed", "missing", "behind", "diverged"):
        data_project.write(name, b"1")
    data_project.snapshot("changed", "missing", "behind", "diverged", commit=True)
    for name in ("behind", "diverged"):
        data_project.write(name, b"2")
    data_project.snapshot(commit=True)
    data_project.git("reset", "--hard", "--quiet", "HEAD~1")
    data_project.write("changed", b"3")
    data_project.remove("missing")
    data_project.write("diverged", b"3")
    assert data_project.states() == {n: n for n in ("behind", "changed", "diverged", "missing")}
    text = _text(status(data_project.open()))
    assert "jupyter mlops restore" in text
    assert "jupyter mlops snapshot diverged --keep-mine" in text


def test_detached_and_unborn(data_project: DataProject) -> None:
    data_project.git("switch", "--quiet", "--detach")
    result = status(data_project.open())
    assert (result.branch, result.head) == (None, data_project.head())
    assert "detached" in _text(result)
    data_project.git("switch", "--quiet", "--orphan", "new")
    data_project.write("mlops.toml", "")
    result = status(data_project.open())
    assert (result.branch, result.head) == ("new", None)


def test_the_json_of_the_command_line(data_project: DataProject) -> None:
    data_project.write("data/a", b"1")
    data_project.snapshot("data")
    done = data_project.mlops("status", "--json")
    shown = json.loads(done.stdout)
    assert shown["branch"] == "main"
    assert shown["head"] == data_project.head()
    (one,) = shown["tracked"]
    assert one == {
        "path": "data",
        "state": "clean",
        "files_changed": 0,
        "files_added": 0,
        "files_deleted": 0,
        "size_bytes": 1,
        "in_conflict": False,
        "files_in_conflict": [],
        "external": None,
        "external_changes": None,
        "imported_from": None,
        "pushed": False,
        "pulled": True,
        "files_erased": 0,
    }
    assert shown["not_pushed"] == 1
    assert shown["only_copy_here"] == 1
    assert shown["notebooks_with_outputs"] == []
