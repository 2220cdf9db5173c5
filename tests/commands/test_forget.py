"""``forget`` drops the snapshots that no rule keeps, and tells which rule keeps the others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.commands.forget import ForgetResult, forget
from jupyter_mlops.errors import UsageError
from jupyter_mlops.snapshots.listing import list_snapshots
from tests.support.clock import HandClock
from tests.support.data_project import DataProject, make_data_project

TAKEN = {
    "a": datetime(2025, 12, 31, 12, tzinfo=UTC),
    "b": datetime(2026, 1, 1, 9, 10, tzinfo=UTC),
    "c": datetime(2026, 1, 1, 9, 50, tzinfo=UTC),
    "d": datetime(2026, 1, 7, 9, tzinfo=UTC),
    "e": datetime(2026, 1, 7, 12, tzinfo=UTC),
}
"""When each snapshot is taken; the days do not change at any hour in between, in any zone."""


@pytest.fixture
def kept(tmp_path: Path) -> DataProject:
    """Five snapshots; all but ``e`` have a name."""
    clock = HandClock()
    project = DataProject(make_data_project(tmp_path / "project").root, clock)
    project.write("model.bin", b"model")
    for name, at in TAKEN.items():
        clock.at = at
        project.snapshot("model.bin", name=name if name != "e" else None, message=name)
    return project


def messages(project: DataProject) -> str:
    """Return the messages of the snapshots that are left, oldest first."""
    listed = reversed(list_snapshots(project.open().git))
    return "".join(snapshot.record.message or "?" for snapshot in listed)


def kept_by(result: ForgetResult) -> dict[str | None, tuple[str, ...]]:
    return {one.message: one.kept_by for one in result.kept}


@pytest.mark.parametrize(
    "rules, left",
    [
        ({"keep_last": 2}, "de"),
        ({"keep_last": 9}, "abcde"),
        ({"keep_named": True}, "abcd"),
        ({"keep_hourly": 3}, "cde"),
        ({"keep_daily": 2}, "ce"),
        ({"keep_daily": 3}, "ace"),
        ({"keep_weekly": 2}, "ce"),
        ({"keep_monthly": 2}, "ae"),
        ({"keep_yearly": 1}, "e"),
        ({"keep_last": 1, "keep_yearly": 2}, "ae"),
    ],
)
def test_what_a_rule_keeps_stays(kept: DataProject, rules: dict[str, Any], left: str) -> None:
    told = forget(kept.open(), dry_run=True, **rules)
    assert messages(kept) == "abcde"
    done = forget(kept.open(), **rules)
    assert messages(kept) == left
    assert sorted(one.message or "" for one in done.kept) == sorted(left)
    assert (told.kept, told.dropped) == (done.kept, done.dropped)
    if done.dropped:
        kept.undo()
    assert messages(kept) == "abcde"


def test_it_tells_which_rules_keep_what(kept: DataProject) -> None:
    result = forget(kept.open(), keep_last=1, keep_daily=2, keep_named=True, dry_run=True)
    assert kept_by(result) == {
        "a": ("named",),
        "b": ("named",),
        "c": ("daily", "named"),
        "d": ("named",),
        "e": ("last", "daily"),
    }


@pytest.mark.parametrize("rules", [{}, {"keep_last": -1}, {"keep_last": 0}])
def test_without_a_rule_nothing_goes(kept: DataProject, rules: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        forget(kept.open(), **rules)
    assert messages(kept) == "abcde"


def test_data_stays_restorable_from_commits(kept: DataProject) -> None:
    kept.commit("model")
    forget(kept.open(), keep_last=1)
    kept.write("model.bin", b"other")
    kept.restore("HEAD")
    assert (kept.root / "model.bin").read_bytes() == b"model"
