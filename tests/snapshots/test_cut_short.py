"""What a failing disk cuts short is concluded by the next command."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.commands.move import move
from jupyter_mlops.commands.snapshot_drop import snapshot_drop
from jupyter_mlops.commands.untrack import untrack
from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.snapshots.origins import read_origins
from tests.support.data_project import STATE, DataProject, make_data_project
from tests.support.system_steps import run_watched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")


@pytest.fixture(scope="module")
def two_states(tmp_path_factory: pytest.TempPathFactory) -> DataProject:
    """A project of two states, the newer one on disk with a change."""
    project = make_data_project(tmp_path_factory.mktemp("cut-short") / "project")
    for number, name in ((1, "one"), (2, "two")):
        project.write("data/a", b"%d" % number)
        project.write("model.bin", b"%d" % number)
        project.snapshot("data", "model.bin", name=name, commit=True)
    project.write("data/a", b"3")
    project.write("new.bin", b"new")
    return project


@pytest.fixture
def project(two_states: DataProject, tmp_path: Path) -> DataProject:
    """A copy of that project."""
    return two_states.copy(tmp_path / "project")


def _fail_at(part: str) -> dict[str, Callable[..., Any]]:
    """Return a system in which no file gets, or loses, a name with ``part`` in it."""

    def failing(function: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*paths: Any, **options: Any) -> Any:
            if part in os.fspath(paths[-1]):
                raise OSError(errno.EIO, os.strerror(errno.EIO), part)
            return function(*paths, **options)

        return checked

    return {f"os.{name}": failing(getattr(os, name)) for name in ("replace", "link", "unlink")}


COMMANDS: Mapping[str, Callable[[DataProject], object]] = {
    "restore": lambda p: p.restore("one"),
    "snapshot": lambda p: p.snapshot("data", "new.bin", commit=True),
    "untrack": lambda p: untrack(p.open(), "data"),
    "move": lambda p: move(p.open(), "data", "deeper/data"),
    "drop": lambda p: snapshot_drop(p.open(), ("one", "two")),
}


def _seen(project: DataProject) -> tuple[object, ...]:
    """Everything, and what the worktree remembers; no refs of dropped or automatic snapshots."""
    files, index, refs, *rest = project.everything()
    kept = [row for row in str(refs).splitlines() if row.split()[2] in _named_refs(project)]
    return (files, index, kept, *rest, read_origins(project.root / STATE), project.states())


def _named_refs(project: DataProject) -> set[str]:
    refs = project.git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/mlops/snapshots")
    return {
        ref
        for ref in refs.split()
        if ref.startswith("refs/heads")
        or '"automatic": true' not in project.git("show", f"{ref}:.mlops/snapshot.json")
    }


@pytest.mark.parametrize(
    ("command", "part"),
    [
        *(("restore", part) for part in ("model.bin", ".bin.mlops", "operations/")),
        *(("snapshot", part) for part in ("data.mlops", "operations/")),
        ("untrack", "origins/"),
        *(("move", part) for part in ("data.mlops", "operations/")),
        ("drop", "operations/"),
    ],
)
def test_an_undo_that_a_disk_cuts_short_is_concluded_by_the_next(
    project: DataProject, command: str, part: str
) -> None:
    before = _seen(project)
    COMMANDS[command](project)
    after = _seen(project)

    assert run_watched(project.undo, project.root, _fail_at(part)).code == "write-failed"

    project.undo()
    assert _seen(project) == before
    project.undo()
    assert _seen(project) == after
    assert project.leftovers() == []


def test_a_restore_that_a_disk_refuses_leaves_no_note(project: DataProject) -> None:
    before = _seen(project)
    refusing = _fail_at("model.bin")
    ended = run_watched(lambda: project.restore("one", "model.bin"), project.root, refusing)
    assert ended.code == "write-failed"
    assert _seen(project) == before
    assert list((project.root / STATE / "unfinished").iterdir()) == []


def test_a_restore_that_a_disk_cuts_short_is_finished_by_the_next(project: DataProject) -> None:
    refusing = _fail_at("model.bin")
    ended = run_watched(lambda: project.restore("one"), project.root, refusing)
    assert ended.code == "write-failed"
    assert (project.read("data/a"), project.read("model.bin")) == (b"1", b"2")
    project.restore()
    assert (project.read("data/a"), project.read("model.bin")) == (b"1", b"1")
    assert set(project.states().values()) == {"clean"}


@pytest.mark.parametrize("command", ["snapshot", "restore", "undo"])
def test_what_killed_commands_left_is_gone_with_the_next(
    project: DataProject, command: str
) -> None:
    project.snapshot("data", "new.bin")
    state, store = project.root / STATE, project.root / ".git/mlops"
    folders = [
        *(project.root, project.root / ".git/hooks", state),
        *(state / name for name in ("staging", "operations", "origins", "unfinished")),
        *(store, store / "tmp", store / "index"),
    ]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        (folder / f"{STAGED_PREFIX}0").write_bytes(b"half")
    getattr(project, command)()
    assert project.leftovers() == []


def test_what_was_to_be_gone_is_gone_when_it_is_finished(project: DataProject) -> None:
    before = read_origins(project.root / STATE)
    untrack(project.open(), "model.bin")
    project.remove("model.bin")
    project.restore("one", "model.bin")
    ended = run_watched(project.undo, project.root, _fail_at("model.bin.mlops"))
    assert ended.code == "write-failed"

    project.restore()

    assert not (project.root / "model.bin").exists()
    assert not (project.root / "model.bin.mlops").exists()
    assert before.keys() - read_origins(project.root / STATE).keys() == {"model.bin"}
