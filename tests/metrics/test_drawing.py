from __future__ import annotations

from dataclasses import fields, replace

from jupyter_mlops.metrics.chart import Level, plan_chart
from jupyter_mlops.metrics.drawing import METRICS_LIMIT, MULTIPLES, VALUES_LIMIT, plan_drawing
from tests.metrics.conftest import Story, grow, snapshot


def test_dots_stand_in_columns_of_equal_length(branched: Story) -> None:
    history = branched.read([snapshot("s", "f1", acc=0.3)], main="m3", feat="f2", tags={"v1": "b"})
    drawing = plan_drawing(plan_chart(history, {}))
    dots = drawing.dots
    lengths = {len(getattr(dots, column.name)) for column in fields(dots)}
    assert lengths == {len(history.points)} == {len(drawing.metrics[0].values)}
    at = dots.snapshot.index("s")
    assert (drawing.branches[dots.branch[at]], dots.others[at]) == ("feat", 0)
    assert dots.commit[dots.previous[at]] == "f1"
    assert (drawing.authors[dots.author[0]], dots.author[at]) == ("Ada", -1)
    assert [(dots.commit[tags.dot], tags.names) for tags in drawing.tags] == [("b", ("v1",))]
    assert (drawing.branches, drawing.styled) == (("main", "feat"), 2)
    assert dots.branch[dots.commit.index("g1")] == -1


def test_production_is_drawn_where_it_has_the_metric(branched: Story) -> None:
    history = branched.read(main="m3", feat="f2")
    name = plan_chart(history, {}).metrics[0].name
    drawings = [
        plan_drawing(plan_chart(history, {}, production=Level("v1", values)))
        for values in ({name: 0.4}, {name: float("nan")}, {"other": 0.4})
    ]
    assert [drawing.metrics[0].production for drawing in drawings] == [0.4, None, None]
    assert {drawing.production for drawing in drawings} == {"v1"}
    assert plan_drawing(plan_chart(history, {})).production is None


def test_lines_and_edges_name_dots(branched: Story) -> None:
    chart = plan_chart(branched.read(main="m3", feat="f2"), {})
    drawing = plan_drawing(chart)
    commits = drawing.dots.commit
    assert [commits[at] for at in drawing.lines[0]] == ["a", "b", "m1", "m2", "m3"]
    merged = [
        (commits[parent], commits[child])
        for parent, child, merge in zip(*(getattr(drawing.edges, n) for n in _EDGE), strict=True)
        if merge
    ]
    assert merged == [("f1", "m1"), ("g2", "m2"), ("f2", "m3")]


_EDGE = ("parent", "child", "merge")


def test_a_page_holds_only_as_many_values_as_it_can() -> None:
    few = plan_drawing(plan_chart(grow(10, float, metrics=METRICS_LIMIT + 3), {}))
    assert (len(few.metrics), few.left_out) == (METRICS_LIMIT, 3)
    many = plan_drawing(plan_chart(grow(VALUES_LIMIT // 12, float, metrics=20), {}))
    assert (len(many.metrics), many.left_out) == (12, 8)
    chart = plan_chart(grow(10, float, metrics=METRICS_LIMIT), {})
    endless = replace(chart, dots=chart.dots * (VALUES_LIMIT // 10))
    assert len(plan_drawing(endless).metrics) == MULTIPLES


def test_numbers_that_cannot_be_drawn_are_null() -> None:
    odd = [float("nan"), float("inf"), 10**400, 1.5]
    drawing = plan_drawing(plan_chart(grow(4, odd.__getitem__), {}))
    assert drawing.metrics[0].values == (None, None, None, 1.5)


def test_endless_texts_are_cut(story: Story) -> None:
    story.commit("a", acc=1)
    story.commits[0] = replace(story.commits[0], subject="x" * 10**6, author="y" * 10**6)
    history = story.read(branches={"b" * 5000: "a"}, tags={"t" * 5000: "a"})
    drawing = plan_drawing(plan_chart(history, {}))
    texts = (*drawing.dots.subject, *drawing.authors, *drawing.branches, *drawing.tags[0].names)
    assert max(map(len, texts)) <= 200
    assert all(text.endswith("…") for text in texts)
