from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.metrics.chart import GREY, GREY_LANES, STYLES, Chart, plan_chart
from tests.metrics.conftest import Story, snapshot


def lane_names(chart: Chart) -> dict[str | None, str | None]:
    return {dot.commit: chart.lanes[dot.lane].branch for dot in chart.dots}


def test_a_lane_and_a_line_a_branch(branched: Story) -> None:
    chart = plan_chart(branched.read(feat="f2", main="m3"), {})
    assert [lane.branch for lane in chart.lanes] == ["main", "feat", None]
    assert lane_names(chart) == {
        **dict.fromkeys(["a", "b", "m1", "m2", "m3"], "main"),
        **dict.fromkeys(["f1", "f2"], "feat"),
        **dict.fromkeys(["g1", "g2"], None),
    }
    lines = {
        chart.lanes[line.lane].branch: [chart.dots[at].commit for at in line.dots]
        for line in chart.lines
    }
    assert lines == {
        "main": ["a", "b", "m1", "m2", "m3"],
        "feat": ["b", "f1", "f2"],
        None: ["b", "g1", "g2"],
    }


def test_a_merge_joins_no_lines(branched: Story) -> None:
    chart = plan_chart(branched.read(feat="f2", main="m3"), {})
    for line in chart.lines:
        own = [chart.dots[at].lane for at in line.dots[1:]]
        assert set(own) == {line.lane}
    merges = [
        (chart.dots[e.parent].commit, chart.dots[e.child].commit) for e in chart.edges if e.merge
    ]
    assert merges == [("f1", "m1"), ("g2", "m2"), ("f2", "m3")]


def test_lanes_of_a_line_are_whole(branched: Story) -> None:
    chart = plan_chart(branched.read(feat="f2", main="m3"), {})
    edges = {(edge.parent, edge.child) for edge in chart.edges}
    for line in chart.lines:
        assert set(pairwise(line.dots)) <= edges


def test_snapshots_stand_in_their_bases_column(branched: Story) -> None:
    taken = [snapshot("s1", "b", acc=0.3), snapshot("s2", "b", acc=0.4), snapshot("s3", "docs")]
    chart = plan_chart(branched.read(taken, main="m3"), {})
    column = {dot.snapshot or dot.commit: dot.column for dot in chart.dots}
    assert column["s1"] == column["s2"] == column["b"]
    assert column["s3"] not in {column[name] for name in ("a", "b", "m1")}
    assert all(chart.dots[at].snapshot is None for line in chart.lines for at in line.dots)


def test_the_change_is_against_the_point_before(branched: Story) -> None:
    chart = plan_chart(branched.read([snapshot("s", "f1", acc=0.25)], main="m3", feat="f2"), {})
    (acc,) = chart.metrics
    changes = {dot.snapshot or dot.commit: chart.change(dot, acc) for dot in chart.dots}
    assert changes["a"] == (None, None)
    assert changes["f1"] == (0.3, True)
    assert changes["s"] == (-0.25, False)


def test_many_branches_share_grey_lanes(story: Story) -> None:
    story.commit("root", acc=0)
    branches = {f"b{at}": story.commit(f"c{at}", "root", acc=at) for at in range(STYLES + 4)}
    main = story.commit("tip", "root", acc=1)
    chart = plan_chart(story.read(main=main, branches=branches), {})
    styled = [lane.branch for lane in chart.lanes if lane.style != GREY]
    assert styled == ["main", *(f"b{at}" for at in range(5, STYLES + 4))]
    assert chart.others == 4


def test_however_many_branches_there_are_the_graph_stays_low(story: Story) -> None:
    story.commit("root", acc=0)
    first = [story.commit(f"c{at}", "root", acc=at + 1) for at in range(40)]
    tips = {f"b{at}": story.commit(f"d{at}", one, acc=at + 2) for at, one in enumerate(first)}
    chart = plan_chart(story.read(main="root", branches=tips), {})
    assert len(chart.lanes) == STYLES + GREY_LANES
    lines = [[chart.dots[at].commit for at in line.dots] for line in chart.lines]
    assert sorted(lines[1:]) == sorted(["root", f"c{at}", f"d{at}"] for at in range(40))


def test_tags_are_told_where_they_stand(branched: Story) -> None:
    chart = plan_chart(branched.read(main="m3", tags={"v1\x1b": "b"}), {})
    assert {dot.commit: dot.tags for dot in chart.dots if dot.tags} == {"b": ("v1\\x1b",)}


def test_metrics_that_tell_most_come_first(story: Story) -> None:
    story.commit("a", rows=1, seconds=2, loss=1, acc=0.5, constant_acc=1)
    story.commit("b", "a", rows=1, seconds=3, loss=0.5, acc=0.6, constant_acc=1)
    chart = plan_chart(story.read(main="b"), {})
    assert [metric.label for metric in chart.metrics] == [
        *("acc", "loss", "constant_acc", "seconds", "rows")
    ]
    said = plan_chart(story.read(main="b"), {"seconds": "lower"})
    assert {metric.label: metric.way for metric in said.metrics}["seconds"] == "lower"


def test_labels_tell_files_apart_where_they_must(story: Story) -> None:
    story.commit("a", files={"metrics/x.json": {"acc": 1, "f1": 1}, "metrics/y.json": {"acc": 1}})
    chart = plan_chart(story.read(main="a"), {})
    assert {metric.label for metric in chart.metrics} == {"acc · x", "acc · y", "f1"}


def test_texts_are_one_line_and_steer_nothing(story: Story) -> None:
    story.commit("a", files={"metrics/m.json": {"loss\x1b[31m\n": 1}})
    evil = replace(story.commits[0], subject="\u202etxt", author="\x07")
    story.commits[0] = evil
    chart = plan_chart(story.read(branches={"b\u202e": "a"}), {})
    (dot,), (metric,), (lane,) = chart.dots, chart.metrics, chart.lanes
    assert (metric.label, lane.branch) == ("loss\\x1b[31m\\n", "b\\u202e")
    assert (dot.subject, dot.author, dot.where) == ("\\u202etxt", "\\x07", "b\\u202e")
    assert dot.value(metric) == 1


def test_an_empty_history_is_an_empty_chart(story: Story) -> None:
    chart = plan_chart(story.read(), {})
    assert (chart.columns, chart.dots, chart.lines, chart.metrics) == (0, (), (), ())


@given(st.data())
def test_no_two_lines_overlap_in_a_row(data: st.DataObject) -> None:
    story = Story()
    story.commit("c0", acc=0)
    tips = ["c0"]
    for at in range(1, data.draw(st.integers(1, 30))):
        parents = data.draw(st.lists(st.sampled_from(tips), min_size=1, max_size=2, unique=True))
        tips.append(story.commit(f"c{at}", *parents, acc=at))
    chosen = data.draw(st.lists(st.sampled_from(tips), min_size=1, unique=True))
    chart = plan_chart(story.read(branches={f"b{at}": tip for at, tip in enumerate(chosen)}), {})
    own: dict[int, list[tuple[int, int]]] = {}
    for line in chart.lines:
        columns = [chart.dots[at].column for at in line.dots if chart.dots[at].lane == line.lane]
        own.setdefault(line.lane, []).append((columns[0], columns[-1]))
    grey = [at for at, lane in enumerate(chart.lanes) if lane.style == GREY]
    assert len(grey) <= GREY_LANES
    for lane, spans in own.items():
        if lane in grey[: GREY_LANES - 1]:
            spans.sort()
            assert all(one[1] <= other[0] for one, other in pairwise(spans))
