"""What stands in the way of a history is said in clear words, and the rest is still shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_mlops.commands.metrics_chart import metrics_chart
from jupyter_mlops.commands.metrics_diff import metrics_diff
from jupyter_mlops.commands.metrics_history import MetricsHistoryResult, metrics_history
from jupyter_mlops.commands.metrics_show import metrics_show
from jupyter_mlops.commands.run import encode_result
from jupyter_mlops.commands.workspace import open_workspace
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import UnavailableError
from tests.support.project import Project

GOOD = "metrics/good.json:loss"


@pytest.fixture
def good(project: Project) -> Project:
    project.write("mlops.toml", "")
    project.write("metrics/good.json", '{"loss": 1}')
    project.commit("Good")
    return project


def read(project: Project) -> MetricsHistoryResult:
    return metrics_history(open_workspace(project.root))


def said(result: MetricsHistoryResult) -> str:
    return render_text(result.describe())


def test_a_file_of_100_megabytes(good: Project) -> None:
    with (good.root / "metrics/huge.json").open("wb") as file:
        file.truncate(100 * 1000**2)
    good.git("-c", "core.bigFileThreshold=1m", "-c", "core.compression=0", "add", "--all")
    good.git("-c", "core.bigFileThreshold=1m", "commit", "--quiet", "-m", "Huge")
    result = read(good)
    assert result.points[-1].values == {GOOD: 1}
    assert f"Left out metrics/huge.json at {good.head()[:7]}: it is larger than 8 MiB." in said(
        result
    )
    shown = metrics_show(open_workspace(good.root), "HEAD")
    assert (shown.values, [one.path for one in shown.problems]) == (
        {GOOD: 1},
        ["metrics/huge.json"],
    )
    (problem,) = metrics_diff(open_workspace(good.root)).problems
    assert problem.why == "it is larger than 8 MiB"


def test_deep_nesting(good: Project) -> None:
    good.write("metrics/deep.json", '{"a":' * 40 + "1" + "}" * 40)
    good.write("metrics/deeper.json", "[" * 100_000)
    good.commit("Deep")
    result = read(good)
    assert result.points[-1].values == {GOOD: 1}
    assert {one.path: one.why for one in result.problems} == {
        "metrics/deep.json": "it is nested too deeply",
        "metrics/deeper.json": "it is nested too deeply",
    }


def test_a_text_where_a_number_was(good: Project) -> None:
    texts = []
    for value in (0.5, "none", "none yet", 0.75, None):
        good.write("metrics/a.json", json.dumps({"acc": value, "name": "tree"}))
        commit = good.commit(f"acc is {value}")
        texts += [commit] if isinstance(value, str) else []
    result = read(good)
    values = [point.values.get("metrics/a.json:acc") for point in result.points]
    assert values == [None, 0.5, None, None, 0.75, None]
    (problem,) = result.problems
    assert (problem.path, problem.where, problem.versions) == ("metrics/a.json:acc", texts[0], 2)
    wanted = (
        f"Left out metrics/a.json:acc at {texts[0][:7]} and 1 more version: it is no number there."
    )
    assert wanted in said(result)


def test_files_of_the_same_name(good: Project) -> None:
    for path in ("north/train", "south/train", "south/Train", "south/TRAIN/train"):
        good.write(f"metrics/{path}.json", '{"acc": 1}')
    good.write("metrics/south/train.yaml", "acc: 1")
    good.write("mlops.toml", '[metrics]\nfiles = ["metrics/**/*"]\n')
    good.commit("Alike")
    labels = [one.label for one in read(good).metrics]
    assert len({label.casefold() for label in labels}) < len(labels)
    assert len(set(labels)) == len(labels) == 6


def test_a_branch_whose_commit_is_gone(good: Project) -> None:
    """So it is where a branch is deleted, and garbage collected, while it is read."""
    good.write(".git/refs/heads/gone", "1" * 40 + "\n")
    result = read(good)
    assert result.points[-1].values == {GOOD: 1}
    assert "Left out the branch gone: Git lacks its commit." in said(result)
    (kept,) = (good.root / ".git/mlops/history").iterdir()
    before = kept.stat().st_ino
    assert read(good) == result
    assert kept.stat().st_ino == before


def test_a_shallow_clone_says_what_it_cannot_see(good: Project, tmp_path: Path) -> None:
    good.write("metrics/good.json", '{"loss": 0.5}')
    good.commit("Better")
    assert not read(good).shallow
    words = ("clone", "--quiet", "--depth=1", good.root.as_uri(), str(tmp_path / "clone"))
    good.git(*words)
    clone = Project(tmp_path / "clone")
    result = read(clone)
    assert [dict(point.values) for point in result.points] == [{GOOD: 0.5}]
    assert json.loads(encode_result(result))["shallow"] is True
    assert metrics_chart(open_workspace(clone.root)).shallow
    assert "This clone is shallow" in said(result)
    clone.git("fetch", "--quiet", "--unshallow")
    assert len(read(clone).points) == 2
    assert not read(clone).shallow


def lacking(project: Project) -> int:
    listed = project.git("rev-list", "--objects", "--missing=print", "--all")
    return sum(line.startswith("?") for line in listed.splitlines())


def clone_in_part(project: Project, target: Path, part: str) -> Project:
    project.git("config", "uploadpack.allowFilter", "true")
    words = ("clone", "--quiet", f"--filter={part}", project.root.as_uri(), str(target))
    project.git(*words)
    return Project(target)


def test_a_partial_clone_fetches_nothing(good: Project, tmp_path: Path) -> None:
    for value in (0.5, 0.25):
        good.write("metrics/good.json", json.dumps({"loss": value}))
        good.commit(f"loss {value}")
    clone = clone_in_part(good, tmp_path / "clone", "blob:none")
    before = lacking(clone)
    assert before >= 2
    for _ in range(2):
        result = read(clone)
        assert [point.values.get(GOOD) for point in result.points] == [None, None, 0.25]
        assert lacking(clone) == before
    text = said(result)
    assert "and 1 more version: Git has not fetched it." in text
    assert "git fetch --refetch --no-filter" in text
    clone.git("fetch", "--quiet", "--refetch", "--no-filter")
    assert [point.values.get(GOOD) for point in read(clone).points] == [1, 0.5, 0.25]
    assert read(clone).problems == ()


def test_a_partial_clone_without_folders(good: Project, tmp_path: Path) -> None:
    good.write("metrics/good.json", '{"loss": 0.5}')
    good.commit("Better")
    clone = clone_in_part(good, tmp_path / "clone", "tree:0")
    with pytest.raises(UnavailableError) as raised:
        read(clone)
    assert raised.value.code == "history-not-fetched"
    assert raised.value.hints == ("git fetch --refetch --no-filter",)


def test_a_file_that_git_lacks(good: Project) -> None:
    good.write("metrics/lost.json", '{"acc": 1}')
    good.commit("Lost")
    oid = good.git("rev-parse", "HEAD:metrics/lost.json").strip()
    path = good.root / ".git/objects" / oid[:2] / oid[2:]
    content = path.read_bytes()
    path.unlink()
    result = read(good)
    assert result.points[-1].values == {GOOD: 1}
    assert "metrics/lost.json" in said(result)
    (kept,) = (good.root / ".git/mlops/history").iterdir()
    before = kept.stat().st_ino
    assert read(good) == result
    assert kept.stat().st_ino == before
    path.write_bytes(content[:10])
    assert read(good).points[-1].values == {GOOD: 1}
    path.write_bytes(content)
    assert read(good).points[-1].values == {GOOD: 1, "metrics/lost.json:acc": 1}
    assert read(good).problems == ()


def test_dates_that_no_calendar_has(good: Project) -> None:
    stream = "commit refs/heads/odd\ncommitter A <a@b> 99999999999999 +0000\ndata 1\nx\n"
    stream += 'M 644 inline metrics/odd.json\ndata 10\n{"acc": 1}\n'
    good.git("fast-import", "--quiet", "--date-format=raw-permissive", input=stream)
    assert [point.committed_at.year for point in read(good).points][-1] == 9999
