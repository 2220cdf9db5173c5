from __future__ import annotations

import json
from dataclasses import replace

import pytest

from jupyter_mlops.document.cells import text_width
from jupyter_mlops.git.history import FileChange
from jupyter_mlops.metrics.chart import Level, plan_chart
from jupyter_mlops.metrics.history import History
from jupyter_mlops.metrics.text_chart import render_text
from tests.metrics.conftest import Story, grow, snapshot

BRANCHED = """\
● main  ■ feat  • merged, or on no branch  ○ snapshot

acc (higher is better)
 0.6 ┤                     ·········■              ···●
     │            ■········  ·●·················●··
     │           ·       ····
     │          ·     ···
     │        ··  ····              ○
     │       ·····
     │   ···●···
     │●··       ·····
0.05 ┤               ···•·················•
      ●─────●─────────────────●─────────────────●─────●
            ├─────■───────────┴─────■───────────┼─────╯
            ╰───────────•─────────────────•─────╯

○ s   feat   0.3  ▼ -0.3 worse    Snapshot
• g2        0.07  ▲ +0.02 better  About g2
● m2  main  0.55  ▲ +0.05 better  About m2
● m3  main   0.6  ▲ +0.05 better  About m3"""


def test_the_plot_the_graph_and_the_list(branched: Story) -> None:
    chart = plan_chart(branched.read([snapshot("s", "f2", acc=0.3)], main="m3", feat="f2"), {})
    text = render_text(chart, chart.metrics, width=66, listed=4)
    assert text == BRANCHED


def test_production_is_a_line_behind_the_others(branched: Story) -> None:
    history = branched.read(main="m3", feat="f2")
    level = Level("v1, 861fe23", {plan_chart(history, {}).metrics[0].name: 0.8})
    chart = plan_chart(history, {}, production=level)
    lines = render_text(chart, chart.metrics, width=80).split("\n")
    assert lines[0].endswith("  ╌ production v1, 861fe23")
    [top] = [line for line in lines if line.startswith(" 0.8 ┤")]
    assert set(top.removeprefix(" 0.8 ┤")) == {"╌"}
    assert any("●" in line for line in lines[4:10])


def test_the_newest_points_are_listed(branched: Story) -> None:
    chart = plan_chart(branched.read(main="m3", feat="f2"), {})
    text = render_text(chart, chart.metrics, listed=3)
    assert text.splitlines()[-3:] == [
        "• g2        0.07  ▲ +0.02 better  About g2",
        "● m2  main  0.55  ▲ +0.05 better  About m2",
        "● m3  main   0.6  ▲ +0.05 better  About m3",
    ]


def test_as_many_columns_as_fit(story: Story) -> None:
    names = ["c0"]
    story.commit("c0", acc=0)
    for at in range(1, 300):
        names.append(story.commit(f"c{at}", names[-1], acc=at))
    chart = plan_chart(story.read(main=names[-1]), {})
    text = render_text(chart, chart.metrics, width=60)
    assert "the newest 46 of 300 commits" in text
    assert max(map(len, text.splitlines())) <= 60
    assert "299 ┤" in text
    assert "254 ┤" in text


def test_numbers_that_cannot_be_drawn_are_listed(story: Story) -> None:
    story.commit("a", acc=float("nan"))
    chart = plan_chart(story.read(main="a"), {})
    text = render_text(chart, chart.metrics)
    assert "acc (higher is better): no numbers to draw" in text
    assert text.endswith("● a  main  NaN    About a")


def test_equal_values_are_one_row(story: Story) -> None:
    story.commit("a", acc=1, n=1)
    story.commit("b", "a", acc=1, n=2)
    chart = plan_chart(story.read(main="b"), {})
    (acc,) = (metric for metric in chart.metrics if metric.label == "acc")
    assert "1 ┤●·····●" in render_text(chart, [acc])


def test_nothing_to_draw_is_no_text(story: Story) -> None:
    assert render_text(plan_chart(story.read(), {}), []) == ""


def test_metrics_stand_above_each_other_over_one_graph_with_tags(branched: Story) -> None:
    for at, commit in enumerate(branched.commits):
        values = {"acc": at, "loss": 10 - at}
        branched.blobs[commit.commit] = json.dumps(values).encode()
        change = FileChange("M", "metrics/m.json", commit.commit)
        branched.commits[at] = replace(commit, changes=(change,))
    tags = {"v1": "b", "v2": "m3", "v2-again": "m3"}
    chart = plan_chart(branched.read(main="m3", feat="f2", tags=tags), {})
    text = render_text(chart, chart.metrics, width=70, listed=2)
    _, acc, rest, points = text.split("\n\n")
    assert acc.splitlines()[0] == "acc (higher is better)"
    assert rest.splitlines()[0] == "loss (lower is better)"
    assert ("╰" in acc, "╰" in rest) == (False, True)
    mark = rest.splitlines()[-1]
    assert mark.split() == ["⚑", "v1", "⚑", "v2", "+1"]
    plot = next(line for line in acc.splitlines() if "●" in line and "0 ┤" in line)
    assert mark.index("⚑ v1") > plot.index("●")
    assert points.splitlines()[-1].endswith("⚑ v2 ⚑ v2-again About m3")


@pytest.mark.parametrize("width", [24, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    history = grow(500, lambda at: at / 7, metrics=2)
    names = tuple(f"{name}-{'long-' * 30}" for name in ("main", "feat"))
    points = [
        replace(point, branches=(names[at % 2],), subject="word " * 40)
        for at, point in enumerate(history.points)
    ]
    chart = plan_chart(History(names, tuple(points)), {})
    text = render_text(chart, chart.metrics, width=width)
    assert max(map(text_width, text.splitlines())) <= width
