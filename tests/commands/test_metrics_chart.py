from __future__ import annotations

import json

import bokeh
import pytest

from jupyter_mlops.commands.metrics_chart import MetricsChartResult, metrics_chart
from jupyter_mlops.commands.metrics_history import metrics_history
from jupyter_mlops.commands.run import encode_result
from jupyter_mlops.commands.workspace import open_workspace
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import NotFoundError
from tests.support.project import Project


@pytest.fixture
def measured(project: Project) -> Project:
    """A project with two metrics on two branches."""
    project.write("mlops.toml", "")
    for branch, acc in (("main", 0.5), ("main", 0.6), ("idea", 0.7)):
        if branch == "idea":
            project.git("switch", "--quiet", "-c", "idea")
        project.write("metrics/train.json", json.dumps({"acc": acc, "seconds": 3}))
        project.commit(f"Reach {acc}")
    return project


def chart(project: Project, **options: object) -> MetricsChartResult:
    return metrics_chart(open_workspace(project.root), **options)  # type: ignore[arg-type]


def test_a_page_gets_the_figure_and_its_data(measured: Project) -> None:
    result = chart(measured)
    assert result.bokeh == bokeh.__version__
    assert result.item is not None
    assert list(result.drawing.branches) == ["main", "idea"]
    (acc,) = result.drawing.metrics
    assert (acc.name, acc.values) == ("metrics/train.json:acc", (0.5, 0.6, 0.7))
    assert result.current == "idea"
    assert json.loads(encode_result(result))["drawing"]["columns"] == 3


def test_one_metric_is_drawn_and_all_are_named(measured: Project) -> None:
    result = chart(measured, metric=("metrics/train.json:seconds",), limit=2)
    assert [metric.label for metric in result.drawing.metrics] == ["seconds"]
    assert [metric.label for metric in result.metrics] == ["acc", "seconds"]
    assert (len(result.drawing.dots.column), result.points) == (2, 3)


def test_metrics_are_drawn_in_the_order_in_which_they_are_named(measured: Project) -> None:
    result = chart(measured, metric=("seconds", "metrics/train.json:acc"))
    assert [metric.label for metric in result.drawing.metrics] == ["seconds", "acc"]
    assert result.item is not None
    (column,) = result.item["doc"]["roots"]
    names = [plot["attributes"]["name"] for plot in column["attributes"]["children"]]
    assert names == ["values-0-plot", "values-1-plot", "lanes-plot"]


def test_without_metrics_there_is_no_figure(project: Project) -> None:
    project.write("mlops.toml", "")
    result = chart(project)
    assert (result.item, result.metrics, result.points) == (None, (), 0)
    with pytest.raises(NotFoundError, match="branch 'gone'"):
        chart(project, branch=("gone",))


def test_what_did_not_change_has_equal_bytes(measured: Project) -> None:
    first = encode_result(chart(measured))
    assert encode_result(chart(measured)) == first
    measured.git("branch", "-D", "main")
    assert encode_result(chart(measured)) != first


def test_a_label_tells_a_metric_from_those_that_are_not_drawn(measured: Project) -> None:
    measured.write("metrics/test.json", '{"acc": 0.4}')
    measured.commit("Test")
    (drawn,) = chart(measured, metric=("metrics/test.json:acc",)).drawing.metrics
    assert drawn.label == "acc · test"


def test_the_branch_at_hand_has_a_line_though_another_holds_its_commits(measured: Project) -> None:
    measured.git("branch", "a-copy")
    assert list(chart(measured).drawing.branches) == ["main", "idea"]
    measured.git("switch", "--quiet", "a-copy")
    assert list(chart(measured).drawing.branches) == ["main", "a-copy"]


@pytest.mark.parametrize(
    ("place", "label"), [('ref = "live"', "live, "), ('file = "prod.json"', "prod.json")]
)
def test_production_has_a_value_in_the_drawing(measured: Project, place: str, label: str) -> None:
    measured.git("tag", "live", "main~1")
    measured.write("prod.json", '{"acc": 0.5}')
    measured.write("mlops.toml", f"[production]\n{place}\n")
    result = chart(measured)
    assert str(result.drawing.production).startswith(label)
    assert result.drawing.metrics[0].production == 0.5
    shown = metrics_history(open_workspace(measured.root))
    assert f"╌ production {label}" in render_text(shown.describe())


def test_a_chart_without_production_says_why(measured: Project) -> None:
    measured.write("mlops.toml", '[production]\nref = "nowhere"\n')
    result = chart(measured)
    assert result.drawing.production is None
    assert result.drawing.metrics[0].values == (0.5, 0.6, 0.7)
    assert "production" in {problem.path for problem in result.problems}
