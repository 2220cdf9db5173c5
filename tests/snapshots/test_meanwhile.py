"""Another program moves something while a command works: it is noticed, and nothing is lost."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.commands.restore import restore
from jupyter_mlops.commands.snapshot import snapshot
from jupyter_mlops.commands.undo import undo
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import ConflictError
from jupyter_mlops.progress import Task
from jupyter_mlops.snapshots.operations import Move, Operation, log_operation
from jupyter_mlops.snapshots.take import Circumstances, take_snapshot
from tests.support.data_project import DataProject
from tests.support.system_steps import run_watched


class _Ignored(Task):
    def advance(self, amount: int) -> None: ...


class _Meanwhile:
    """Progress that lets something else happen once, at the end of a piece of work."""

    def __init__(self, label: str, happen: Callable[[], object]) -> None:
        self._label = label
        self._happen = happen
        self._done = False

    @contextmanager
    def task(self, label: str, total: int | None, unit: str = "B") -> Iterator[Task]:
        yield _Ignored()
        if label.startswith(self._label) and not self._done:
            self._done = True
            self._happen()


@pytest.fixture
def project(data_project: DataProject) -> DataProject:
    """A project with a folder of two states."""
    for number in (1, 2):
        data_project.write("data/a", b"%d" % number)
        data_project.write("data/b", b"kept")
        data_project.snapshot("data")
        data_project.commit(f"state {number}")
    return data_project


def _open(project: DataProject, label: str, happen: Callable[[], object]) -> Workspace:
    return project.open(progress=_Meanwhile(label, happen))


def test_a_pointer_that_moves_stops_a_restore(project: DataProject) -> None:
    older = project.git("show", "HEAD~1:data.mlops").encode()
    ws = _open(project, "Restoring", lambda: project.write("data.mlops", older))

    with pytest.raises(ConflictError) as caught:
        restore(ws, "HEAD~1", ("data",))

    assert caught.value.code == "pointer-moving"
    assert project.read("data/a") == b"2"
    assert project.read("data.mlops") == older
    assert project.state("data") == "behind"
    project.restore()
    assert project.read("data/a") == b"1"


def test_a_pointer_that_moves_stops_an_undo(project: DataProject) -> None:
    project.restore("HEAD~1")
    newer = project.git("show", "HEAD:data.mlops").encode()
    ws = _open(project, "Restoring", lambda: project.write("data.mlops", newer))

    with pytest.raises(ConflictError) as caught:
        undo(ws)

    assert caught.value.code == "undo-moved"
    assert (project.read("data/a"), project.read("data.mlops")) == (b"1", newer)
    assert project.leftovers() == []


@pytest.mark.parametrize("command", ["restore", "undo"])
def test_a_file_that_changes_is_not_overwritten(project: DataProject, command: str) -> None:
    if command == "undo":
        project.restore("HEAD~1")
    ws = _open(project, "Restoring", lambda: project.write("data/a", b"mine"))

    with pytest.raises(ConflictError) as caught:
        restore(ws, "HEAD~1", ("data",)) if command == "restore" else undo(ws)

    assert caught.value.code == "file-changing"
    assert " data/a was changed" in caught.value.message
    assert project.read("data/a") == b"mine"
    assert project.leftovers() == []
    project.restore("HEAD")
    assert project.read("data/a") == b"2"


def test_a_file_that_comes_where_one_is_to_be_written_stays(project: DataProject) -> None:
    project.remove("data/a")
    ws = _open(project, "Restoring", lambda: project.write("data/a", b"mine"))

    with pytest.raises(ConflictError) as caught:
        restore(ws, None, ("data",))

    assert caught.value.code == "file-changing"
    assert " data/a was changed" in caught.value.message
    assert project.read("data/a") == b"mine"


def test_a_single_file_that_changes_is_named(project: DataProject) -> None:
    for content in (b"one", b"two"):
        project.write("model.bin", content)
        project.snapshot("model.bin", name=content.decode())
    ws = _open(project, "Restoring", lambda: project.write("model.bin", b"mine"))
    with pytest.raises(ConflictError) as caught:
        restore(ws, "one", ("model.bin",))
    assert " model.bin was changed" in caught.value.message
    assert project.read("model.bin") == b"mine"


def test_a_folder_that_comes_where_none_was_stays(project: DataProject) -> None:
    project.remove("data")
    ws = _open(project, "Restoring", lambda: project.write("data/other", b"mine"))

    with pytest.raises(ConflictError) as caught:
        restore(ws, None, ("data",))

    assert caught.value.code == "file-changing"
    assert project.files("data") == {"other": b"mine"}


def test_a_checkout_while_content_is_kept_makes_the_data_stale(project: DataProject) -> None:
    project.write("data/a", b"3")
    ws = _open(
        project, "Keeping", lambda: project.git("checkout", "--quiet", "HEAD~1", "--", "data.mlops")
    )

    with pytest.raises(ConflictError) as caught:
        snapshot(ws, ("data",))

    assert caught.value.code == "stale"
    assert project.read("data/a") == b"3"
    older = project.git("show", "HEAD~1:data.mlops").encode()
    assert project.read("data.mlops") == older


def test_whoever_says_that_theirs_is_newer_keeps_it_all_the_same(project: DataProject) -> None:
    project.write("data/a", b"3")
    ws = _open(
        project, "Keeping", lambda: project.git("checkout", "--quiet", "HEAD~1", "--", "data.mlops")
    )

    snapshot(ws, ("data",), keep_mine=True)

    assert project.states() == {"data": "clean"}
    assert project.read("data/a") == b"3"
    project.write("data/a", b"4")
    project.restore()
    assert project.read("data/a") == b"3"


def test_two_snapshots_of_the_same_data_end_clean(project: DataProject) -> None:
    project.write("data/a", b"3")
    snapshot(_open(project, "Keeping", project.snapshot), ("data",))
    assert project.states() == {"data": "clean"}


def test_data_that_is_newer_than_what_was_kept_counts_as_changed(project: DataProject) -> None:
    project.write("data/a", b"3")

    def keep_newer() -> None:
        project.write("data/a", b"4")
        project.snapshot()

    snapshot(_open(project, "Keeping", keep_newer), ("data",))

    assert project.states() == {"data": "changed"}
    assert project.read("data/a") == b"4"
    project.snapshot()
    assert project.states() == {"data": "clean"}


def test_a_newer_snapshot_while_git_is_waited_for_stays_the_newest(project: DataProject) -> None:
    """What the older one settles at its end is its own only."""
    project.write("data/a", b"3")
    lock = project.root / ".git/index.lock"
    lock.write_bytes(b"")

    def keep_newer(seconds: float) -> None:
        if lock.exists():
            lock.unlink()
            project.write("data/a", b"4")
            project.snapshot()

    take_snapshot(project.open(), ("data",), Circumstances(), sleep=keep_newer)

    assert not lock.exists()
    project.write("data/a", b"5")
    assert project.states() == {"data": "changed"}


def test_operations_that_are_logged_at_once_are_all_there(tmp_path: Path) -> None:
    def log(number: int) -> None:
        refs = {"refs/x": Move(None, b"%040d" % number)}
        log_operation(tmp_path, Operation((f"{number}",), datetime.now(UTC), refs=refs))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(log, range(40)))
    assert len(list((tmp_path / "operations").iterdir())) == 40


@pytest.mark.skipif(sys.platform != "linux", reason="not run: it forks")
def test_what_is_written_over_a_restored_file_at_once_is_seen(data_project: DataProject) -> None:
    """Even at the same size, and while the restore goes on for longer than times are told apart."""
    for text in ("one", "two"):
        data_project.write("data/a", text)
        data_project.snapshot("data", name=text)
    now, replace = time.time_ns, os.replace
    file = data_project.root / "data/a"

    def replace_and_write(*args: Any, **kwargs: Any) -> None:
        replace(*args, **kwargs)
        if file.exists() and file.read_bytes() == b"one":
            file.write_bytes(b"new")

    restored = run_watched(
        lambda: data_project.restore("one"),
        data_project.root,
        {"os.replace": replace_and_write, "time.time_ns": lambda: now() + 10_000_000_000},
    )

    assert restored.code is None
    assert data_project.read("data/a") == b"new"
    assert data_project.states() == {"data": "changed"}
