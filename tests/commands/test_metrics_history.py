from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jupyter_mlops.commands.metrics_history import MetricsHistoryResult, metrics_history
from jupyter_mlops.commands.run import encode_result
from jupyter_mlops.commands.workspace import open_workspace
from jupyter_mlops.document import Figure
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.formats.snapshot import SnapshotRecord, encode_snapshot_record
from tests.support.project import Project

MINUTE_SECONDS = 60
Commit = Callable[..., str]


@pytest.fixture
def commit(project: Project) -> Commit:
    """Commits the metrics files given, each a minute after the one before; None deletes."""
    project.write("mlops.toml", "")
    now = [1_700_000_000]

    def commit_files(message: str, files: dict[str, object]) -> str:
        for path, content in files.items():
            if content is None:
                (project.root / path).unlink()
            else:
                text = content if isinstance(content, str) else json.dumps(content, indent=1)
                project.write(path, text)
        now[0] += MINUTE_SECONDS
        at = f"{now[0]} +0000"
        project.git("add", "--all")
        dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        project.git("commit", "--quiet", "--allow-empty", "-m", message, env=dates)
        return project.head()

    return commit_files


def read_history(project: Project, **options: object) -> MetricsHistoryResult:
    return metrics_history(open_workspace(project.root), **options)  # type: ignore[arg-type]


def shown(project: Project, commit: str) -> dict[str, float]:
    """Return what ``git show COMMIT:FILE`` holds, for each metrics file of the commit."""
    listed = project.git("ls-tree", "-r", "-z", "--name-only", commit, "--", "metrics")
    values: dict[str, float] = {}

    def flatten(path: str, prefix: str, table: dict[str, object]) -> None:
        for key, value in table.items():
            if isinstance(value, dict):
                flatten(path, f"{prefix}{key}.", value)
            elif isinstance(value, int | float):
                values[f"{path}:{prefix}{key}"] = value

    for path in filter(None, listed.split("\0")):
        try:
            flatten(path, "", json.loads(project.git("show", f"{commit}:{path}")))
        except ValueError:
            continue
    return values


def changed(project: Project, commit: str) -> bool:
    """Return whether the commit changed a metrics file, against its first parent."""
    words = ("-m", "--first-parent", "-z", "--name-only", "--format=", commit, "--", "metrics")
    return bool(project.git("show", *words).strip("\0\n"))


def test_every_value_is_what_git_show_holds(project: Project, commit: Commit) -> None:
    train, ü = "metrics/train.json", "metrics/tief/ü ß.json"
    commit("first", {train: {"acc": 0.5, "val": {"loss": 1.25}}})
    commit("code only", {"model.py": "1"})
    commit("odd keys", {ü: {"a.b": 1, "c/d": {"ö": 2}, "x:y": 3}})
    project.git("switch", "--quiet", "--create", "feat/gbm")
    commit("gbm", {train: {"acc": 0.75, "val": {"loss": 1}}})
    commit("rename", {train: None, "metrics/renamed.json": {"acc": 0.75, "val": {"loss": 1}}})
    project.git("switch", "--quiet", "main")
    commit("broken", {train: '{"acc": 0.5,\n<<<<<<< HEAD'})
    commit("mended", {train: {"acc": 0.625}})
    commit("deleted", {train: None})
    project.git("merge", "--quiet", "--no-ff", "-m", "merge", "feat/gbm", check=False)
    if project.git("status", "--porcelain").strip():
        project.git("rm", "--quiet", "--force", "--ignore-unmatch", train)
        commit("merge", {})
    commit("added again", {train: {"acc": 0.875}})
    project.git("switch", "--quiet", "--detach")
    project.git("switch", "--quiet", "--create", "other", "HEAD~1")
    project.git("merge", "--quiet", "--no-ff", "-s", "ours", "-m", "ours", "main")

    result = read_history(project)
    points = {point.commit: point for point in result.points}
    for commit_id, point in points.items():
        assert point.values == shown(project, commit_id or "")
        assert project.git("show", "-s", "--format=%s", commit_id or "").strip() == point.subject
    every = project.git("rev-list", "--all").split()
    assert set(points) == {one for one in every if changed(project, one)}
    for name in result.branches:
        line = project.git("rev-list", "--first-parent", name).split()
        assert {one for one in points if name in points[one].branches} == set(line) & set(points)
    assert [(one.path, one.versions) for one in result.problems] == [(train, 1)]


def test_oldest_first_with_the_branches_of_each(project: Project, commit: Commit) -> None:
    a = commit("a", {"metrics/m.json": {"acc": 1}})
    project.git("switch", "--quiet", "--create", "feat")
    b = commit("b", {"metrics/m.json": {"acc": 2}})
    project.git("switch", "--quiet", "main")
    c = commit("c", {"metrics/m.json": {"acc": 3}})
    result = read_history(project)
    assert [(point.commit, point.branches) for point in result.points] == [
        (a, ("feat", "main")),
        (b, ("feat",)),
        (c, ("main",)),
    ]
    assert result.branches == ("feat", "main")
    assert result.current == "main"


def test_the_json(project: Project, commit: Commit) -> None:
    a = commit("a", {"metrics/m.json": {"acc": 0.5}})
    encoded = json.loads(encode_result(read_history(project)))
    assert encoded["branches"] == ["main"]
    (point,) = encoded["points"]
    wanted = {"commit", "snapshot", "branches", "committed_at", "subject", "values"}
    assert {key: point[key] for key in wanted} == {
        "commit": a,
        "snapshot": None,
        "branches": ["main"],
        "committed_at": "2023-11-14T22:14:20Z",
        "subject": "a",
        "values": {"metrics/m.json:acc": 0.5},
    }


def test_options_choose_metrics_branches_and_points(project: Project, commit: Commit) -> None:
    commit("a", {"metrics/m.json": {"acc": 1, "loss": 1}})
    project.git("switch", "--quiet", "--create", "feat")
    b = commit("b", {"metrics/m.json": {"acc": 2}})
    c = commit("c", {"metrics/n.json": {"f1": 3}})
    assert read_history(project, branch=("main",)).branches == ("main",)
    assert len(read_history(project, branch=("main",)).points) == 1
    assert {name for p in read_history(project, metric=("loss",)).points for name in p.values} == {
        "metrics/m.json:loss"
    }
    assert [point.commit for point in read_history(project, limit=2).points] == [b, c]
    with pytest.raises(NotFoundError) as raised:
        read_history(project, metric=("none",))
    assert raised.value.code == "unknown-metric"
    with pytest.raises(NotFoundError) as raised:
        read_history(project, branch=("none",))
    assert raised.value.code == "unknown-branch"
    with pytest.raises(UsageError):
        read_history(project, limit=0)


def test_remote_branches_on_request(project: Project, commit: Commit, tmp_path: Path) -> None:
    commit("a", {"metrics/m.json": {"acc": 1}})
    project.git("switch", "--quiet", "--create", "theirs")
    commit("b", {"metrics/m.json": {"acc": 2}})
    project.git("switch", "--quiet", "main")
    clone = project.clone(tmp_path / "clone")
    assert len(read_history(clone).points) == 1
    everything = read_history(clone, all_branches=True)
    assert everything.branches == ("main", "origin/main", "origin/theirs")
    assert len(everything.points) == 2
    assert len(read_history(clone, branch=("origin/theirs",)).points) == 2


def test_a_detached_head_is_a_line_of_its_own(project: Project, commit: Commit) -> None:
    commit("a", {"metrics/m.json": {"acc": 1}})
    project.git("switch", "--quiet", "--detach")
    b = commit("b", {"metrics/m.json": {"acc": 2}})
    result = read_history(project)
    assert result.branches == ("main", "HEAD")
    assert (result.points[-1].commit, result.points[-1].branches) == (b, ("HEAD",))


def test_before_the_first_metric(project: Project, commit: Commit) -> None:
    commit("nothing", {})
    result = read_history(project)
    assert result.points == ()
    assert read_history(project, metric=("acc",)).points == ()
    assert "holds a metric yet" in str(result.describe())


def test_the_files_are_those_of_the_configuration(project: Project, commit: Commit) -> None:
    project.write("mlops.toml", '[metrics]\nfiles = ["results/*.yaml"]\nbetter = {n = "lower"}\n')
    commit("a", {"results/r.yaml": "n: 1e-3\n", "metrics/m.json": {"acc": 1}})
    result = read_history(project)
    assert [dict(point.values) for point in result.points] == [{"results/r.yaml:n": 0.001}]
    assert [(one.label, one.better) for one in result.metrics] == [("n", "lower")]


def test_a_page_is_written(project: Project, commit: Commit) -> None:
    commit("a", {"metrics/m.json": {"acc": 1}})
    result = read_history(project, html=Path("out.html"))
    assert result.html == str(project.root / "out.html")
    page = (project.root / "out.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "Metrics over 1 commit on 1 branch" in page
    read_history(project, html=Path("out.html"))


def test_it_is_described_by_a_figure(project: Project, commit: Commit) -> None:
    commit("a", {"metrics/m.json": {"acc": 1, "b": 1, "c": 1, "d": 1}})
    (figure,) = read_history(project).describe().blocks
    assert isinstance(figure, Figure)
    assert figure.title == "Metrics over 1 commit on 1 branch"
    assert "Other metrics, drawn with --metric NAME: b, c, d" in figure.draw_text()
    assert max(map(len, figure.draw_text(30).splitlines())) <= 30
    assert re.search(r'<div class="mlops-history"', figure.html())


def test_tags_stand_at_the_point_that_has_their_numbers(project: Project, commit: Commit) -> None:
    commit("a", {"metrics/m.json": {"acc": 1}})
    project.git("tag", "v1")
    commit("b", {"metrics/m.json": {"acc": 2}})
    commit("Elsewhere", {"docs.txt": "x"})
    project.git("tag", "-a", "v2", "-m", "The second")
    assert [point.tags for point in read_history(project).points] == [("v1",), ("v2",)]


def test_nothing_is_checked_out_or_written_but_what_may_be_lost(
    project: Project, commit: Commit
) -> None:
    commit("a", {"metrics/m.json": {"acc": 1}})
    git_folder = project.root / ".git"

    def stamps() -> dict[Path, int]:
        return {
            path: path.stat().st_mtime_ns
            for path in project.root.rglob("*")
            if path != git_folder and git_folder / "mlops" not in (path, *path.parents)
        }

    before = stamps()
    read_history(project)
    assert stamps() == before
    kept = list((git_folder / "mlops").rglob("*"))
    assert [path.parent.name for path in kept if path.is_file()] == ["history"]


def take_snapshot(project: Project, id: str, base: str | None, acc: float, second: int) -> None:
    """Make a snapshot's hidden commit with nothing in it but its record."""
    record = SnapshotRecord(
        id=id,
        created_at=datetime(2026, 1, 1, 12, 0, second, tzinfo=UTC),
        base=base,
        message=f"acc {acc}",
        metrics={"metrics/m.json:acc": acc},
    )
    blob = project.git(
        "hash-object", "-w", "--stdin", input=encode_snapshot_record(record).decode()
    ).strip()
    name = "snapshot.json"
    inner = project.git("mktree", input=f"100644 blob {blob}\t{name}\n").strip()
    tree = project.git("mktree", input=f"040000 tree {inner}\t.mlops\n").strip()
    parents = ("-p", base) if base else ()
    oid = project.git("commit-tree", tree, *parents, "-m", "snapshot").strip()
    project.git("update-ref", f"refs/mlops/snapshots/{id}", oid)


def test_snapshots_are_points_at_their_base(project: Project, commit: Commit) -> None:
    a = commit("a", {"metrics/m.json": {"acc": 0.5}})
    code = commit("code", {"model.py": "1"})
    c = commit("c", {"metrics/m.json": {"acc": 0.75}})
    project.git("switch", "--quiet", "--create", "gone", a)
    left = commit("left every branch", {"metrics/m.json": {"acc": 0.625}})
    project.git("switch", "--quiet", "main")
    project.git("branch", "--quiet", "-D", "gone")
    take_snapshot(project, "kaaaaaaaaaaa", code, 0.25, 2)
    take_snapshot(project, "kbbbbbbbbbbb", code, 0.3, 1)
    take_snapshot(project, "kccccccccccc", left, 0.4, 3)
    take_snapshot(project, "kddddddddddd", None, 0.1, 4)
    result = read_history(project)
    assert [(point.snapshot, point.commit, point.branches) for point in result.points] == [
        ("kddddddddddd", None, ()),
        (None, a, ("main",)),
        ("kbbbbbbbbbbb", code, ("main",)),
        ("kaaaaaaaaaaa", code, ("main",)),
        (None, c, ("main",)),
        (None, left, ()),
        ("kccccccccccc", left, ()),
    ]
    by_id = {point.snapshot: point for point in result.points}
    assert by_id["kaaaaaaaaaaa"].values == {"metrics/m.json:acc": 0.25}
    assert by_id["kaaaaaaaaaaa"].subject == "acc 0.25"
    only = read_history(project, branch=("main",))
    assert [point.snapshot for point in only.points] == [None, "kbbbbbbbbbbb", "kaaaaaaaaaaa", None]
