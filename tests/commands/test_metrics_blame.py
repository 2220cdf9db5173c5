from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from jupyter_mlops.commands.metrics_blame import MetricsBlameResult, metrics_blame
from jupyter_mlops.commands.parse import parse_words
from jupyter_mlops.commands.run import encode_result, run_invocation
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from tests.support.data_project import DataProject, make_data_project

STEPS = 24


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> DataProject:
    """A noisy metric that a parameter raised at 8 and code lowered at 16; renamed at 12."""
    project = make_data_project(tmp_path_factory.mktemp("blame") / "project")
    noise = random.Random(5)
    for step in range(STEPS):
        value = 0.8 + 0.1 * (step >= 8) - 0.2 * (step >= 16) + noise.gauss(0, 0.003)
        if step == 12:
            project.remove("metrics/a.json")
        name = "a" if step < 12 else "b"
        project.write(f"metrics/{name}.json", json.dumps({"acc": value, "other": 1}))
        project.write("params/p.json", json.dumps({"depth": 8 if step >= 8 else 4}))
        project.write("train.py", f"bug = {step >= 16}\n")
        project.write("README.md", f"{step}\n")
        project.commit(f"step {step}")
    return project


@pytest.fixture
def short(data_project: DataProject) -> DataProject:
    """Four commits, of which one does not move the metric."""
    commit_values(data_project, [1, 2, 2, 5])
    return data_project


def commit_values(project: DataProject, values: Iterable[object], path: str = "m") -> None:
    for value in values:
        project.write(f"metrics/{path}.json", json.dumps({"acc": value}))
        project.write("train.py", f"# {project.head()}\n")
        project.commit(f"acc is {value}")


def subjects(result: MetricsBlameResult) -> list[str]:
    return [one.subject for one in result.commits]


def text_of(result: MetricsBlameResult) -> str:
    return render_text(result.describe())


def test_only_moves_beyond_the_noise_newest_first_with_their_why(long: DataProject) -> None:
    result = metrics_blame(long.open(), "acc")
    assert subjects(result) == ["step 16", "step 8"]
    assert (result.metric, result.branch, result.points) == ("metrics/b.json:acc", "main", STEPS)
    assert result.noise is not None
    assert result.noise.basis == "unchanged"
    assert 0.002 < result.noise.level < 0.009
    code, param = (one.differences[0] for one in result.commits)
    assert (code.kind, code.name) == ("code", "train.py")
    assert (param.kind, param.name, param.change) == ("parameter", "depth", "4 → 8")
    assert [one.better for one in result.commits] == [False, True]
    text = text_of(result)
    assert f"acc moved at {STEPS - 1} commits of {STEPS} on main, at 2 of them" in text
    assert "train.py: edited, 1 line added, 1 removed" in text
    assert "README.md" not in text
    assert result.commits[0].command in text


def test_one_of_many_and_the_command_for_the_rest(long: DataProject) -> None:
    result = metrics_blame(long.open(), "metrics/a.json:acc", limit=1)
    assert (subjects(result), result.blamed) == (["step 16"], 2)
    assert (
        "See 1 older one: jupyter mlops metrics blame metrics/b.json:acc --limit 2 --branch main"
    ) in text_of(result)


def test_each_commit_explains_itself(long: DataProject) -> None:
    (first, _) = metrics_blame(long.open(), "acc").commits
    shown = run_invocation(parse_words(first.command.split()[2:], COMMANDS), start=long.root)
    assert shown is not None
    assert "train.py" in render_text(shown.describe())


def test_a_metric_that_never_moves_is_blamed_on_nobody(long: DataProject) -> None:
    result = metrics_blame(long.open(), "other")
    assert (result.commits, result.moves, result.points) == ((), 0, STEPS)


def test_with_few_points_every_move_is_shown(short: DataProject) -> None:
    result = metrics_blame(short.open(), "acc")
    assert result.noise is None
    assert subjects(result) == ["acc is 5", "acc is 2"]
    assert [one.delta for one in result.commits] == [3, 1]
    assert "Its noise is not known from so few, so every move is shown." in text_of(result)


def test_moves_to_and_from_nan_always_count(data_project: DataProject) -> None:
    values = [*[1, 1.01] * 5, 1, "NaN", 1.01, "Infinity", 1]
    commit_values(data_project, values)
    result = metrics_blame(data_project.open(), "acc")
    assert result.noise is not None
    assert result.noise.basis == "all"
    assert subjects(result) == ["acc is 1", "acc is Infinity", "acc is 1.01", "acc is NaN"]
    encoded = json.loads(encode_result(result))
    assert [one["new"] for one in encoded["commits"]] == [1, None, 1.01, None]


def test_a_gap_is_compared_across(short: DataProject) -> None:
    before = short.head()
    short.remove("metrics/m.json")
    short.commit("gone")
    commit_values(short, [7])
    newest = metrics_blame(short.open(), "acc").commits[0]
    assert (newest.previous, newest.old, newest.new) == (before, 5, 7)


def test_snapshots_of_one_state_are_repeats(short: DataProject) -> None:
    for value in (5.1, 5, 5.1, 5, 5.1, 5):
        short.write("metrics/m.json", json.dumps({"acc": value}))
        short.snapshot()
    commit_values(short, [5.2, 9])
    result = metrics_blame(short.open(), "acc")
    assert result.noise is not None
    assert result.noise.basis == "unchanged"
    assert "acc is 9" in subjects(result)
    assert "acc is 5.2" not in subjects(result)


def test_snapshots_of_other_code_are_no_repeats(short: DataProject) -> None:
    for value in (5, 6, 7, 8, 9, 10):
        short.write("metrics/m.json", json.dumps({"acc": value}))
        short.write("train.py", f"a = {value}\n")
        short.snapshot()
    assert metrics_blame(short.open(), "acc").noise is None


def test_another_branch_and_a_merge(short: DataProject) -> None:
    short.git("switch", "--quiet", "-c", "side", "HEAD~1")
    commit_values(short, [3])
    side = metrics_blame(short.open(), "acc")
    assert (side.branch, subjects(side)) == ("side", ["acc is 3", "acc is 2"])
    assert subjects(metrics_blame(short.open(), "acc", branch="main"))[0] == "acc is 5"
    short.git("switch", "--quiet", "main")
    short.git("merge", "--quiet", "-s", "ours", "-m", "merged", "side")
    commit_values(short, [6])
    assert subjects(metrics_blame(short.open(), "acc")) == ["acc is 6", "acc is 5", "acc is 2"]


def test_a_detached_head(short: DataProject) -> None:
    short.git("switch", "--quiet", "--detach", "HEAD~1")
    result = metrics_blame(short.open(), "acc")
    assert (result.branch, subjects(result)) == (None, ["acc is 2"])


def test_a_shallow_clone_says_so(short: DataProject, tmp_path: Path) -> None:
    source = f"file://{short.root}"
    short.git("clone", "--quiet", "--depth", "2", source, str(tmp_path / "clone"))
    result = metrics_blame(DataProject(tmp_path / "clone").open(), "acc")
    assert (subjects(result), result.is_shallow) == (["acc is 5"], True)
    assert "git fetch --unshallow" in text_of(result)


def test_a_name_that_means_several(short: DataProject) -> None:
    commit_values(short, [1], path="n")
    with pytest.raises(ConflictError) as raised:
        metrics_blame(short.open(), "acc")
    assert raised.value.code == "metric-ambiguous"
    assert raised.value.hints[0] == "jupyter mlops metrics blame metrics/m.json:acc"


def test_names_that_are_not_there(short: DataProject) -> None:
    with pytest.raises(NotFoundError) as raised:
        metrics_blame(short.open(), "none")
    assert raised.value.code == "unknown-metric"
    with pytest.raises(NotFoundError) as raised:
        metrics_blame(short.open(), "acc", branch="none")
    assert raised.value.code == "unknown-branch"
    with pytest.raises(UsageError) as refused:
        metrics_blame(short.open(), "acc", limit=0)
    assert refused.value.code == "limit-invalid"


def test_no_metrics_and_no_commits(data_project: DataProject) -> None:
    assert "holds a metric yet" in text_of(metrics_blame(data_project.open(), "acc"))
    data_project.git("update-ref", "-d", "HEAD")
    assert "holds a metric yet" in text_of(metrics_blame(data_project.open(), "acc"))
