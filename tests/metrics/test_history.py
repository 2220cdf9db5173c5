from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.metrics.history import History, select
from tests.metrics.conftest import Story, snapshot

ACC = "metrics/m.json:acc"


def ids(history: History) -> list[str]:
    return [point.snapshot or point.commit or "" for point in history.points]


def test_every_change_is_a_point(branched: Story) -> None:
    history = branched.read(main="m3", feat="f2")
    assert ids(history) == ["a", "b", "f1", "g1", "m1", "f2", "g2", "m2", "m3"]
    assert [point.values[ACC] for point in history.points] == [
        *(0.1, 0.2, 0.5, 0.05, 0.5, 0.6, 0.07, 0.55, 0.6)
    ]
    assert history.points[0].subject == "About a"
    assert history.points[0].author == "Ada"


def test_branches_are_those_whose_first_parent_line_holds_the_commit(branched: Story) -> None:
    history = branched.read(main="m3", feat="f2")
    assert {point.commit: point.branches for point in history.points} == {
        "a": ("main", "feat"),
        "b": ("main", "feat"),
        "f1": ("feat",),
        "g1": (),
        "m1": ("main",),
        "f2": ("feat",),
        "g2": (),
        "m2": ("main",),
        "m3": ("main",),
    }


def test_points_are_linked_past_commits_without_changes(branched: Story) -> None:
    points = branched.read(main="m3", feat="f2").points
    linked = {
        point.commit: (
            None if point.previous is None else points[point.previous].commit,
            {points[at].commit for at in point.parents},
        )
        for point in points
    }
    assert linked["m1"] == ("b", {"f1"})
    assert linked["f1"] == ("b", {"b"})
    assert linked["m3"] == ("m2", {"m2", "f2"})
    assert linked["a"] == (None, set())


def test_a_commit_that_ends_where_its_parent_is_changes_nothing(story: Story) -> None:
    story.commit("a", acc=1)
    story.commit("f", "a", acc=2)
    story.commit("b", "a")
    story.commit("ours", "b", "f", files={"metrics/m.json": {"acc": 1}})
    assert ids(story.read(main="ours")) == ["a", "f"]


def test_renamed_deleted_and_added_again(story: Story) -> None:
    story.commit("a", files={"metrics/x.json": {"acc": 1}})
    story.commit("renamed", "a", files={"metrics/y.json": {"acc": 1}})
    story.commit("deleted", "renamed", files={})
    story.commit("again", "deleted", files={"metrics/x.json": {"acc": 2}})
    assert [dict(point.values) for point in story.read(main="again").points] == [
        {"metrics/x.json:acc": 1},
        {"metrics/y.json:acc": 1},
        {},
        {"metrics/x.json:acc": 2},
    ]


def test_a_broken_file_is_left_out_and_named_once(story: Story) -> None:
    good = {"metrics/good.json": {"loss": 1}}
    story.commit("a", files={**good, "metrics/m.json": {"acc": 1}})
    story.commit("broken", "a", files={**good, "metrics/m.json": b"<<<<<<<"})
    story.commit("worse", "broken", files={**good, "metrics/m.json": b"{"})
    story.commit("mended", "worse", files={**good, "metrics/m.json": {"acc": 2}})
    history = story.read(main="mended")
    assert [len(point.values) for point in history.points] == [2, 1, 1, 2]
    (problem,) = history.problems
    assert (problem.path, problem.where, problem.versions) == ("metrics/m.json", "broken", 2)


def test_keys_with_dots_slashes_and_unicode(story: Story) -> None:
    story.commit("a", files={"metrics/ü ö.json": {"val/acc": {"a.b": 1}, "größe": 2}})
    (point,) = story.read(main="a").points
    assert point.values == {"metrics/ü ö.json:val/acc.a.b": 1, "metrics/ü ö.json:größe": 2}


def test_older_clocks_do_not_turn_parents_and_children(story: Story) -> None:
    story.commit("a", minute=10, acc=1)
    story.commit("b", "a", minute=2, acc=2)
    story.commit("c", "a", minute=11, acc=3)
    assert ids(story.read(main="b", other="c")) == ["a", "b", "c"]


def test_snapshots_follow_their_base(branched: Story) -> None:
    taken = [
        snapshot("late", "docs", minute=99, acc=0.9),
        snapshot("early", "docs", minute=50, acc=0.8),
        snapshot("on-f1", "f1", minute=60, acc=0.7),
        snapshot("unborn", None, acc=0.01),
    ]
    history = branched.read(taken, main="m3", feat="f2")
    assert ids(history)[:7] == ["unborn", "a", "b", "f1", "on-f1", "g1", "early"]
    by_id = {point.snapshot: point for point in history.points}
    assert by_id["early"].commit == "docs"
    assert by_id["early"].branches == ("main",)
    assert history.points[by_id["early"].previous or 0].commit == "b"
    assert history.points[by_id["on-f1"].previous or 0].commit == "f1"
    assert (by_id["unborn"].commit, by_id["unborn"].branches) == (None, ())


def test_snapshots_of_other_histories_are_left_out_on_request(branched: Story) -> None:
    taken = [snapshot("unborn", None, acc=1), snapshot("elsewhere", "none", acc=1)]
    assert "elsewhere" in ids(branched.read(taken, main="m3"))
    assert ids(branched.read(taken, loose=False, main="m3"))[0] == "a"


def test_select_keeps_the_links(branched: Story) -> None:
    branched.commit("other", "m3", files={"metrics/o.json": {"loss": 1}})
    branched.commit("both", "other", acc=0.9)
    history = select(branched.read(main="both"), ["loss"])
    assert ids(history) == ["other"]
    acc = select(branched.read(main="both"), ["acc"])
    assert ids(acc)[-2:] == ["m3", "both"]
    assert acc.points[acc.points[-1].previous or 0].commit == "m3"


def test_a_tag_is_at_the_nearest_point_that_has_its_values(branched: Story) -> None:
    tags = {"first": "a", "written": "docs", "merged": "m2", "elsewhere": "unknown"}
    history = branched.read(main="m3", tags=tags)
    tagged = {point.commit: point.tags for point in history.points if point.tags}
    assert tagged == {"a": ("first",), "b": ("written",), "m2": ("merged",)}


def test_a_tag_of_a_point_that_is_left_out_goes_to_the_one_before(story: Story) -> None:
    story.commit("a", acc=1)
    story.commit("b", "a", acc=2)
    story.commit("c", "b", loss=3)
    history = story.read(main="c", tags={"v1": "a", "v3": "c"})
    assert [point.tags for point in select(history, ["acc"]).points] == [("v1",), ("v3",)]
    assert [point.tags for point in select(history, ["loss"]).points] == [("v3",)]
    assert [point.tags for point in select(history, [], 1).points] == [("v3",)]


def test_limit_keeps_the_newest(branched: Story) -> None:
    history = select(branched.read(main="m3", feat="f2"), [], 3)
    assert ids(history) == ["g2", "m2", "m3"]
    assert [point.parents for point in history.points] == [(), (0,), (1,)]
    assert [point.previous for point in history.points] == [None, None, 1]


@given(st.data())
def test_values_are_those_of_the_commit_in_any_graph(data: st.DataObject) -> None:
    story = Story()
    names: list[str] = []
    for at in range(data.draw(st.integers(1, 25))):
        count = data.draw(st.integers(0, min(2, len(names))))
        parents = data.draw(
            st.lists(st.sampled_from(names), min_size=count, max_size=count, unique=True)
            if names
            else st.just([])
        )
        value = data.draw(st.none() | st.integers(0, 3))
        files = None if value is None else {"metrics/m.json": {"acc": float(value)}}
        names.append(
            story.commit(f"c{at}", *parents, minute=data.draw(st.integers(0, 9)), files=files)
        )
    tips = data.draw(st.lists(st.sampled_from(names)))
    branches = {f"b{at}": tip for at, tip in enumerate(tips)}
    history = story.read(branches=branches)
    position = {point.commit: at for at, point in enumerate(history.points)}
    reached = set(tips)
    for commit in reversed(story.commits):
        if commit.commit in reached:
            reached.update(commit.parents)
        assert (commit.commit in position) == (commit.commit in reached and bool(commit.changes))
    for at, point in enumerate(history.points):
        state = story.states[point.commit or ""]
        assert len(point.values) == len(state)
        for path, oid in state.items():
            assert f'"acc": {point.values[f"{path}:acc"]}'.encode() in bytes.fromhex(oid)
        assert all(parent < at for parent in point.parents)
        assert point.previous is None or point.previous < at
    for name, tip in branches.items():
        line, commit_id = [], tip
        by_name = {commit.commit: commit for commit in story.commits}
        while commit_id:
            line.append(commit_id)
            parents = list(by_name[commit_id].parents)
            commit_id = parents[0] if parents else ""
        held = {point.commit for point in history.points if name in point.branches}
        assert held == {one for one in line if one in position}
