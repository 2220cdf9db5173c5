from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from jupyter_mlops.commands.log import log
from jupyter_mlops.commands.snapshot_branch import snapshot_branch
from jupyter_mlops.commands.snapshot_drop import snapshot_drop
from jupyter_mlops.commands.snapshot_list import snapshot_list
from jupyter_mlops.commands.snapshot_name import snapshot_name
from jupyter_mlops.commands.snapshot_note import snapshot_note
from jupyter_mlops.commands.upgrade import upgrade
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.files.durable import STAGED_PREFIX
from tests.support.data_project import STATE, DataProject


class Ticking:
    """A clock that goes on by a minute whenever it is read."""

    def __init__(self) -> None:
        self._at = datetime(2024, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self._at += timedelta(minutes=1)
        return self._at

    def monotonic_seconds(self) -> float:
        return self._at.timestamp()


@pytest.fixture
def logged(data_project: DataProject) -> DataProject:
    """Three snapshots, the last on a branch of its own."""
    project = DataProject(data_project.root, Ticking())
    project.write("model.bin", b"1")
    project.write("metrics/run.json", '{"acc": 0.5}')
    project.snapshot("model.bin", name="one", message="first")
    project.git("switch", "--quiet", "-c", "idea")
    project.snapshot(name="two")
    project.commit("on idea")
    project.snapshot(name="three")
    return project


def test_metrics_of_one_key_are_told_apart(data_project: DataProject) -> None:
    data_project.write("metrics/cancer.json", '{"accuracy": 0.9}')
    data_project.write("metrics/digits.json", '{"accuracy": 0.8, "loss": 0.1}')
    data_project.snapshot()
    shown = render_text(log(data_project.open()).describe(), width=200).splitlines()
    heads = next(line for line in shown if "message" in line)
    assert heads.split("message")[1].split() == [
        *("accuracy", "·", "cancer"),
        *("accuracy", "·", "digits"),
        "loss",
    ]


def test_newest_first_with_base_branches_and_metrics(logged: DataProject) -> None:
    shown = log(logged.open()).snapshots
    assert [one.name for one in shown] == ["three", "two", "one"]
    assert [one.branches for one in shown] == [("idea",), ("idea", "main"), ("idea", "main")]
    assert shown[0].base == logged.head()
    assert shown[2].message == "first"
    assert dict(shown[2].metrics) == {"metrics/run.json:acc": 0.5}
    assert shown[0].created_at > shown[1].created_at > shown[2].created_at
    assert log(logged.open(), limit=1).snapshots == shown[:1]
    assert snapshot_list(logged.open()) == log(logged.open())
    with pytest.raises(UsageError):
        log(logged.open(), limit=0)


def test_what_a_person_reads(logged: DataProject) -> None:
    text = render_text(log(logged.open()).describe(), width=160, colour=False)
    assert "three" in text
    assert "acc" in text
    assert "0.5" in text


def test_no_snapshots(data_project: DataProject) -> None:
    result = log(data_project.open())
    assert result.snapshots == ()
    assert "jupyter mlops snapshot" in render_text(result.describe(), width=80, colour=False)


def test_a_snapshot_is_found_by_the_beginning_of_its_id(logged: DataProject) -> None:
    id = log(logged.open()).snapshots[0].id
    assert logged.restore(id[:6]).revision == logged.restore("three").revision
    with pytest.raises(NotFoundError):
        logged.restore(id[:3])


def test_a_name_is_given_changed_and_taken_away(logged: DataProject) -> None:
    snapshot_name(logged.open(), "one", "first")
    assert [one.name for one in log(logged.open()).snapshots] == ["three", "two", "first"]
    with pytest.raises(ConflictError):
        snapshot_name(logged.open(), "first", "two")
    snapshot_name(logged.open(), "first", remove=True)
    assert log(logged.open()).snapshots[2].name is None
    with pytest.raises(UsageError):
        snapshot_name(logged.open(), "two")
    with pytest.raises(NotFoundError):
        snapshot_name(logged.open(), "first", "again")


def test_a_note_changes_the_message_alone(logged: DataProject) -> None:
    before = log(logged.open()).snapshots[2]
    tree = logged.git("ls-tree", "-r", f"refs/mlops/snapshots/{before.id}")
    snapshot_note(logged.open(), "one", "because")
    after = log(logged.open()).snapshots[2]
    assert after.message == "because"
    assert (after.id, after.created_at, after.base) == (before.id, before.created_at, before.base)
    changed = set(logged.git("ls-tree", "-r", f"refs/mlops/snapshots/{after.id}").splitlines())
    assert {row.split("\t")[1] for row in changed ^ set(tree.splitlines())} == {
        ".mlops/snapshot.json"
    }


def test_a_branch_is_the_whole_state_on_its_base(logged: DataProject) -> None:
    logged.write("train.py", "idea\n")
    taken = logged.snapshot(message="the idea")
    result = snapshot_branch(logged.open(), taken.id, "from-idea")
    assert logged.git("rev-parse", "from-idea").strip() == result.commit
    assert logged.git("rev-parse", "from-idea^").strip() == logged.head()
    assert logged.git("show", "from-idea:train.py") == "idea\n"
    assert logged.git("show", "-s", "--format=%s", "from-idea").strip() == "the idea"
    assert ".mlops" not in logged.git("ls-tree", "--name-only", "from-idea").split()
    assert logged.git("symbolic-ref", "--short", "HEAD").strip() == "idea"
    for name, error in (("main", ConflictError), ("-x", UsageError), ("a..b", UsageError)):
        before = logged.everything()
        with pytest.raises(error):
            snapshot_branch(logged.open(), taken.id, name)
        assert logged.everything() == before


def test_dropping_several_or_none(logged: DataProject) -> None:
    before = logged.everything()
    with pytest.raises(NotFoundError):
        snapshot_drop(logged.open(), ("one", "nonsense"))
    assert logged.everything() == before
    assert len(snapshot_drop(logged.open(), ("one", "two", "one")).dropped) == 2
    assert [one.name for one in log(logged.open()).snapshots] == ["three"]


MANAGE: dict[str, Callable[[DataProject], object]] = {
    "name": lambda project: snapshot_name(project.open(), "one", "one"),
    "note": lambda project: snapshot_note(project.open(), "one", "first"),
    "branch": lambda project: snapshot_branch(project.open(), "one", "again"),
    "drop": lambda project: snapshot_drop(project.open(), ("one",)),
}


@pytest.mark.parametrize("command", MANAGE)
def test_what_a_killed_command_left_is_cleared(logged: DataProject, command: str) -> None:
    (logged.root / STATE / "operations" / f"{STAGED_PREFIX}0").touch()
    MANAGE[command](logged)
    assert logged.leftovers() == []


def test_a_record_that_is_not_valid_is_left_out(logged: DataProject) -> None:
    logged.git("update-ref", "refs/mlops/snapshots/g23456abcdef", "HEAD")
    assert len(log(logged.open()).snapshots) == 3


def test_the_store_is_of_the_newest_format_already(logged: DataProject) -> None:
    result = upgrade(logged.open())
    assert result.before == result.after == 0


def test_a_damaged_snapshot_hides_no_other(data_project: DataProject) -> None:
    data_project.write("model.bin", b"m")
    ids = [data_project.snapshot("model.bin").id for _ in range(3)]
    commits = data_project.git(
        "for-each-ref", "--format=%(objectname)", "refs/mlops/snapshots"
    ).split()
    damaged = data_project.root / ".git/objects" / commits[0][:2] / commits[0][2:]
    damaged.chmod(0o600)
    damaged.write_bytes(b"damaged")
    left = {one.id for one in log(data_project.open()).snapshots}
    assert len(left) == 2
    assert left < set(ids)
