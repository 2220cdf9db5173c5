from __future__ import annotations

import json
import math

import pytest

from jupyter_mlops.commands.run import encode_result
from jupyter_mlops.commands.runs_show import runs_show
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.formats.run import Ended, Line, Metrics, Note, Params, Tags
from tests.support.data_project import DataProject
from tests.support.series import NOON, metrics, write_series

ONE, TWO = "k7abc234mnop", "ztrwhd6ahgae"


def write(project: DataProject, *lines: Line, run: str = "gbm", run_id: str = ONE) -> None:
    write_series(project.root / ".git/mlops/runs", run, run_id, *lines)


def test_a_run_is_shown_against_what_is_committed(data_project: DataProject) -> None:
    data_project.write("metrics/gbm.json", '{"loss": 0.5, "acc": 0.875, "same": 1, "other": 3}')
    data_project.commit("Numbers")
    data_project.write("metrics/gbm.json", '{"loss": 100}')
    write(data_project, *metrics({"loss": [1, 0.25], "acc": [0.5, 0.75], "same": [1], "n": [1]}))
    shown = runs_show(data_project.open(), "gbm")
    told = {one.name: (one.last, one.committed, one.better) for one in shown.series}
    assert told == {
        "loss": (0.25, 0.5, True),
        "acc": (0.75, 0.875, False),
        "same": (1, 1, None),
        "n": (1, None, None),
    }
    data_project.write("metrics/gbm.json", '{"loss": 0.125}')
    data_project.commit("Better")
    assert runs_show(data_project.open(), "gbm").series[0].committed == 0.125


def test_before_the_first_commit_nothing_is_compared(data_project: DataProject) -> None:
    data_project.git("update-ref", "-d", "HEAD")
    write(data_project, *metrics({"loss": [1, 0.25]}))
    (series,) = runs_show(data_project.open(), "gbm").series
    assert (series.committed, series.better) == (None, None)


def test_a_long_series_keeps_its_spikes_in_few_points(data_project: DataProject) -> None:
    values = [0.5] * 2000
    values[777] = 9.0
    write(data_project, *metrics({"loss": values}))
    (series,) = runs_show(data_project.open(), "gbm", points=20).series
    assert len(series.steps) == len(series.values) <= 20
    assert (series.steps[0], series.steps[-1], series.points) == (0, 1999, 2000)
    assert dict(zip(series.steps, series.values, strict=True))[777] == 9.0


def test_the_leading_metrics_come_first_and_others_are_named(data_project: DataProject) -> None:
    names = [*(f"x{at}" for at in range(50)), "loss", "val_loss", "acc", "test/acc"]
    write(data_project, Metrics(NOON, 0, dict.fromkeys(names, 1.0)))
    shown = runs_show(data_project.open(), "gbm", limit=5)
    assert [one.name for one in shown.series] == ["val_loss", "test/acc", "loss", "acc", "x0"]
    assert shown.others[0] == "x1"
    assert len(shown.others) == 40
    assert "Other metrics, shown with --metric NAME: x1, x2" in render_text(shown.describe())


def test_metrics_are_chosen_by_name_or_by_the_end_of_it(data_project: DataProject) -> None:
    write(data_project, Metrics(NOON, 0, {"a.loss": 1, "b.loss": 2, "loss": 3, "acc": 4}))
    ws = data_project.open()

    def chosen(*names: str) -> list[str]:
        return [one.name for one in runs_show(ws, "gbm", metric=names).series]

    assert chosen("acc", "loss") == ["acc", "loss"]
    assert chosen("b.loss") == ["b.loss"]
    with pytest.raises(MlopsError, match="has logged no metric 'gone'") as caught:
        chosen("gone")
    assert caught.value.hints == (f"jupyter mlops runs show {ONE}",)


def test_a_failed_run_says_why_and_what_it_knew(data_project: DataProject) -> None:
    lines = (
        Params(NOON, {"depth": 3, "layers": [1, 2], "text": "x" * 5000}),
        Tags(NOON, ("base", "base", "wide")),
        Note(NOON, "a try"),
        *metrics({"loss": [3, 2, 1]}),
        Ended(NOON + 5, "failed", "ValueError: \x1b[31mno"),
    )
    write(data_project, *lines)
    shown = runs_show(data_project.open(), "gbm")
    assert shown.params == {"depth": 3, "layers": "[1, 2]", "text": "x" * 1000}
    assert (shown.tags, shown.notes) == (("base", "wide"), ("a try",))
    text = render_text(shown.describe())
    assert "gbm · failed · 5.0 s · step 2 · on main" in text
    assert r"ValueError: \x1b[31mno" in text
    assert "█▅▁" in text


def test_hostile_names_steer_no_terminal(data_project: DataProject) -> None:
    write(data_project, *metrics({"lo\x1b[2Jss": [1]}))
    shown = runs_show(data_project.open(), "gbm")
    assert "\x1b" not in render_text(shown.describe())
    assert shown.series[0].label == r"lo\x1b[2Jss"


def test_what_is_no_number_is_null_in_json(data_project: DataProject) -> None:
    write(data_project, *metrics({"loss": [1, math.nan, math.inf, 2, math.nan]}))
    shown = runs_show(data_project.open(), "gbm")
    (series,) = json.loads(encode_result(shown))["series"]
    assert series["values"] == [1, None, None, 2, None]
    assert series["last"] is None
    assert "NaN" in render_text(shown.describe())


def test_a_run_that_logged_no_metric(data_project: DataProject) -> None:
    write(data_project, Note(NOON, "nothing"))
    assert "It has logged no metric." in render_text(
        runs_show(data_project.open(), "gbm").describe()
    )


@pytest.mark.parametrize("wrong", [{"points": 3}, {"points": 10_001}, {"limit": 0}])
def test_what_cannot_be_asked(data_project: DataProject, wrong: dict[str, int]) -> None:
    write(data_project)
    with pytest.raises(MlopsError, match="must be between") as caught:
        runs_show(data_project.open(), "gbm", **wrong)  # type: ignore[arg-type]
    assert caught.value.code == "bad-value"
