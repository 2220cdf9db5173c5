"""A command that is killed at any of its steps loses nothing, and the next one goes on from there.

Each test kills a real process before each step in turn: names given or taken, Git started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_mlops.commands.move import move
from jupyter_mlops.commands.untrack import untrack
from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError
from jupyter_mlops.snapshots.listing import list_snapshots
from tests.support.crash import DONE, run_killed
from tests.support.data_project import DataProject

pytestmark = pytest.mark.slow

OLD = {"a.csv": b"old a", "sub/b.csv": b"old b", "sub/gone.csv": b"old only"}
NEW = {"a.csv": b"new a", "sub/b.csv": b"new b", "more/c.csv": b"new only"}


def _lay(project: DataProject, files: dict[str, bytes]) -> None:
    if (project.root / "data").exists():
        project.remove("data")
    for name, content in files.items():
        project.write(f"data/{name}", content)


def _iter_killed(
    project: DataProject, work: Callable[[DataProject], object], tmp_path: Path, stride: int = 1
) -> Iterator[tuple[int, DataProject]]:
    """Yield copies of ``project`` in which ``work`` was killed, before each step in turn."""
    step = 1
    while True:
        copy = project.copy(tmp_path / f"killed-{step}")

        def run(copy: DataProject = copy) -> object:
            return work(copy)

        ended = run_killed(run, step)
        if ended == DONE:
            assert step > 5
            return
        assert ended == -9, ended
        yield step, copy
        step += stride


@pytest.fixture
def prepared(data_project: DataProject) -> DataProject:
    """Two committed states of ``data`` and ``model.bin``, the newer one in place."""
    for files, model, message in ((OLD, b"old model", "old"), (NEW, b"new model", "new")):
        _lay(data_project, files)
        data_project.write("model.bin", model)
        data_project.snapshot("data", "model.bin", name=message)
        data_project.commit(message)
    return data_project


def _is_whole(found: dict[str, bytes | str], *states: dict[str, bytes]) -> bool:
    whole = {name: content for name, content in found.items() if content != "dir"}
    return all(any(s.get(name) == content for s in states) for name, content in whole.items())


def test_a_killed_restore_loses_nothing_and_is_finished(
    prepared: DataProject, tmp_path: Path
) -> None:
    ends = set()
    for step, killed in _iter_killed(prepared, lambda p: p.restore("HEAD~1"), tmp_path, stride=2):
        found = killed.files("data")
        assert _is_whole(found, OLD, NEW), step
        states = killed.states()
        assert set(states.values()) <= {"clean", "diverged", "missing"}, (step, states)
        if found not in (OLD, NEW):
            assert states["data"] == "diverged", step
            with pytest.raises(ConflictError):
                killed.snapshot()
        killed.restore()
        found = killed.files("data")
        assert found in (OLD, NEW), step
        model = b"old model" if found == OLD else b"new model"
        assert killed.read("model.bin") == model, step
        assert killed.states() == {"data": "clean", "model.bin": "clean"}, step
        changed = killed.git("status", "--porcelain", "--", "*.mlops").split()
        assert changed == (["M", "data.mlops", "M", "model.bin.mlops"] if found == OLD else [])
        killed.restore("HEAD~1")
        assert killed.files("data") == OLD
        assert killed.leftovers() == [], step
        ends.add(found == OLD)
    assert ends == {True, False}


def test_a_killed_restore_over_unsaved_data_keeps_it(prepared: DataProject, tmp_path: Path) -> None:
    mine = {**NEW, "a.csv": b"mine a", "mine.csv": b"mine only"}
    _lay(prepared, mine)
    for step, killed in _iter_killed(prepared, lambda p: p.restore("HEAD~1"), tmp_path, stride=9):
        assert _is_whole(killed.files("data"), OLD, mine), step
        assert killed.state("data") in {"changed", "diverged", "clean"}, step
        killed.restore("HEAD~1")
        assert killed.files("data") == OLD, step
        kept = killed.git("for-each-ref", "--format=%(refname)", "refs/mlops/snapshots").split()
        states = []
        for ref in kept:
            killed.restore(ref)
            states.append(killed.files("data"))
        assert mine in states, step


def test_a_killed_snapshot_succeeds_when_it_is_taken_again(
    prepared: DataProject, tmp_path: Path
) -> None:
    mine = {**OLD, "a.csv": b"mine a"}
    _lay(prepared, mine)
    prepared.write("second.bin", b"second")
    paths = ("data", "model.bin", "second.bin")
    for step, killed in _iter_killed(prepared, lambda p: p.snapshot(*paths), tmp_path, stride=5):
        assert killed.files("data") == mine, step
        again = killed.snapshot(*paths)
        assert set(killed.states().values()) == {"clean"}, step
        assert killed.leftovers() == [], step
        killed.remove("data")
        killed.restore(again.id)
        assert killed.files("data") == mine, step
        assert killed.git("status", "--porcelain", "--", "*.mlops").split("\n")[0][0] in "AM", step


def test_a_killed_snapshot_never_lets_another_state_be_lost(
    prepared: DataProject, tmp_path: Path
) -> None:
    """Killed, and then Git moves the pointer: what only the worktree has is kept before it goes."""
    mine = {**OLD, "a.csv": b"mine a"}
    _lay(prepared, mine)
    for step, killed in _iter_killed(prepared, lambda p: p.snapshot(), tmp_path, stride=6):
        killed.states()  # any command of ours takes a lock away that it died with
        killed.git("reset", "--hard", "--quiet", "HEAD~1")
        saved = killed.restore().saved_as
        assert killed.files("data") == OLD, step
        refs = killed.git("for-each-ref", "--format=%(refname)", "refs/mlops/snapshots").split()
        assert saved or len(refs) == 3, step
        killed.restore(saved or next(r for r in refs if r.split("/")[-1] not in _named(killed)))
        assert killed.files("data") == mine, step


def _named(project: DataProject) -> set[str]:
    return {snapshot.id for snapshot in list_snapshots(project.open().git) if snapshot.name}


def test_a_killed_undo_is_concluded_by_the_next(prepared: DataProject, tmp_path: Path) -> None:
    prepared.restore("HEAD~1")
    for step, killed in _iter_killed(prepared, lambda p: p.undo(), tmp_path, stride=5):
        assert _is_whole(killed.files("data"), OLD, NEW), step
        try:
            killed.undo()
        except MlopsError as error:
            raise AssertionError((step, error.message)) from error
        assert killed.files("data") in (OLD, NEW), step
        assert set(killed.states().values()) == {"clean"}, step
        assert killed.leftovers() == [], step


def test_a_killed_undo_of_a_snapshot_is_concluded_by_the_next(
    prepared: DataProject, tmp_path: Path
) -> None:
    prepared.write("third.bin", b"third")
    before = prepared.everything()
    taken = prepared.snapshot("third.bin")
    for step, killed in _iter_killed(prepared, lambda p: p.undo(), tmp_path, stride=5):
        killed.undo()
        refs = killed.git("for-each-ref", "refs/mlops/snapshots")
        if taken.id not in refs:
            assert killed.everything()[0] == before[0], step
            assert killed.everything()[1] == before[1], step
        else:  # the first undo was logged already, and the second took that one back
            assert set(killed.states().values()) == {"clean"}, step


@pytest.mark.parametrize("old, new", [("data", "elsewhere/data"), ("model.bin", "m2.bin")])
def test_a_killed_move_is_concluded_by_the_next(
    prepared: DataProject, tmp_path: Path, old: str, new: str
) -> None:
    content = prepared.files()
    for step, killed in _iter_killed(
        prepared, lambda p: move(p.open(), old, new), tmp_path, stride=3
    ):
        try:
            move(killed.open(), old, new)
        except NotFoundError:
            assert old not in killed.states(), step
        assert killed.states()[new] == "clean", step
        assert old not in killed.states(), step
        there = killed.files()
        for name, data in content.items():
            if name == old or name.startswith(f"{old}/"):
                assert there[new + name[len(old) :]] == data, step


def test_a_killed_untrack_is_concluded_by_the_next(prepared: DataProject, tmp_path: Path) -> None:
    for step, killed in _iter_killed(
        prepared, lambda p: untrack(p.open(), "data"), tmp_path, stride=3
    ):
        try:
            untrack(killed.open(), "data")
        except NotFoundError:
            assert "data" not in killed.states(), step
        assert killed.states() == {"model.bin": "clean"}, step
        assert killed.files("data") == NEW, step
        assert "/data" not in killed.read(".gitignore").decode().split(), step
