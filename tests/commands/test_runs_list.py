from __future__ import annotations

import pytest

from jupyter_mlops.commands.runs_list import runs_list
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import UsageError
from jupyter_mlops.formats.run import Ended, Line, Metrics, Params
from tests.support.data_project import DataProject
from tests.support.series import NOON, metrics, this_process, write_series

ONE, TWO, THREE = "k7abc234mnop", "ztrwhd6ahgae", "qqqqqqqqqqqq"


@pytest.fixture
def logged(data_project: DataProject) -> DataProject:
    """Three runs: one that is done, one that died, and a newer one of the same name that runs."""
    runs = data_project.root / ".git/mlops/runs"
    lines = metrics({"speed": [1, 2], "loss": [0.5, 0.25], "val_acc": [0.5, 0.75]})
    write_series(runs, "forest", ONE, *lines, Ended(NOON + 90, "done"), began_at=NOON)
    write_series(runs, "gbm", TWO, *lines, began_at=NOON + 1)
    going: list[Line] = [Params(NOON, {"train.epochs": 20}), Metrics(NOON + 9, 0, {"epoch": 7})]
    write_series(runs, "gbm", THREE, *going, began_at=NOON + 2, owner=this_process())
    return data_project


def test_runs_are_told_with_their_state_and_leading_metrics_first(logged: DataProject) -> None:
    newest, died, done = runs_list(logged.open()).runs
    assert (newest.id, newest.state, newest.progress) == (THREE, "running", "epoch 7/20")
    assert newest.elapsed_seconds > 3600
    assert (died.id, died.state, died.elapsed_seconds) == (TWO, "died", 0)
    assert (done.state, done.elapsed_seconds, done.progress) == ("done", 90, "step 1")
    assert list(done.values.items()) == [("val_acc", 0.75), ("loss", 0.25), ("speed", 2)]
    assert (done.name, done.branch, done.source) == ("forest", "main", "forest.py")


def test_one_looks_for_a_state_and_for_the_latest_of_each_name(logged: DataProject) -> None:
    ws = logged.open()
    assert [run.id for run in runs_list(ws, state=("died", "done")).runs] == [TWO, ONE]
    assert [run.id for run in runs_list(ws, latest=True).runs] == [THREE, ONE]
    assert [run.id for run in runs_list(ws, latest=True, state=("died",)).runs] == []
    assert [run.id for run in runs_list(ws, limit=1).runs] == [THREE]


def test_a_list_reads_as_a_table(logged: DataProject) -> None:
    told = logged.root / ".git/mlops/runs/bad"
    told.mkdir()
    (told / "20260131T120000.000000Z-1.jsonl").write_text("?\n")
    shown = render_text(runs_list(logged.open()).describe(), width=200)
    row = next(line for line in shown.splitlines() if "forest" in line)
    assert "done" in row
    assert "1 min 30 s" in row
    assert "val_acc 0.75, loss 0.25" in row
    assert f"jupyter mlops runs show {THREE}" in shown
    assert "Left out bad/20260131T120000.000000Z-1.jsonl" in shown


def test_where_nothing_was_logged_one_is_told_how(data_project: DataProject) -> None:
    shown = render_text(runs_list(data_project.open()).describe())
    assert "There are no such runs." in shown
    assert "mlops.log(" in shown


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 501}, {"state": ("over",)}])
def test_what_cannot_be_asked(data_project: DataProject, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="must be") as caught:
        runs_list(data_project.open(), **wrong)  # type: ignore[arg-type]
    assert caught.value.code == "bad-value"
