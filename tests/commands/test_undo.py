from __future__ import annotations

from collections.abc import Callable

import pytest

from jupyter_mlops.commands.move import move
from jupyter_mlops.commands.snapshot_branch import snapshot_branch
from jupyter_mlops.commands.snapshot_drop import snapshot_drop
from jupyter_mlops.commands.snapshot_name import snapshot_name
from jupyter_mlops.commands.snapshot_note import snapshot_note
from jupyter_mlops.commands.untrack import untrack
from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.snapshots.listing import find_snapshot
from jupyter_mlops.snapshots.origins import read_origins
from tests.support.data_project import STATE, DataProject

Command = Callable[[DataProject], object]


def _edited_snapshot(project: DataProject) -> object:
    project.write("data/a.csv", "a3")
    project.write("new.bin", "new")
    return project.snapshot("data", "new.bin")


def _seen(project: DataProject) -> tuple[object, ...]:
    """Everything and the origins, without the refs that keep dropped snapshots."""
    files, index, refs, *rest = project.everything()
    rows = [row for row in str(refs).splitlines() if "refs/mlops/dropped/" not in row]
    return (files, index, rows, *rest, read_origins(project.root / STATE))


@pytest.fixture
def two(data_project: DataProject) -> DataProject:
    """Two committed states, snapshots ``one`` and ``two``."""
    for number, name in ((1, "one"), (2, "two")):
        data_project.write("data/a.csv", f"a{number}")
        data_project.write(f"data/{name}.csv", name)
        data_project.write("model.bin", f"m{number}")
        data_project.snapshot("data", "model.bin", name=name)
        data_project.commit(name)
    return data_project


def _nothing(project: DataProject) -> None:
    """Prepare nothing."""


COMMANDS: dict[str, tuple[Command, Command]] = {
    "restore": (_nothing, lambda p: p.restore("one")),
    "restore over changes": (lambda p: p.write("data/a.csv", "x"), lambda p: p.restore("one")),
    "restore of what is missing": (lambda p: p.remove("data"), lambda p: p.restore()),
    "snapshot": (_nothing, lambda p: p.snapshot()),
    "snapshot of changes": (lambda p: p.write("model.bin", "m3"), lambda p: p.snapshot()),
    "snapshot --commit": (
        lambda p: p.write("model.bin", "m3"),
        lambda p: p.snapshot(commit=True),
    ),
    "snapshot of new data": (
        lambda p: p.write("sub/new.bin", "new"),
        lambda p: p.snapshot("sub/new.bin"),
    ),
    "untrack": (_nothing, lambda p: untrack(p.open(), "data")),
    "move": (_nothing, lambda p: move(p.open(), "data", "deeper/data")),
    "drop": (_nothing, lambda p: snapshot_drop(p.open(), ("one",))),
    "name": (_nothing, lambda p: snapshot_name(p.open(), "one", "first")),
    "note": (_nothing, lambda p: snapshot_note(p.open(), "one", "why")),
    "branch": (_nothing, lambda p: snapshot_branch(p.open(), "one", "again")),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_taken_back_and_done_again(two: DataProject, name: str) -> None:
    prepare, command = COMMANDS[name]
    prepare(two)
    before = _seen(two)
    command(two)
    after = _seen(two)
    assert after != before
    two.undo()
    assert _without_automatic(two, _seen(two)) == before
    two.undo()
    assert _seen(two) == after
    assert two.leftovers() == []


def _without_automatic(project: DataProject, seen: tuple[object, ...]) -> tuple[object, ...]:
    """Leave automatic snapshots out: what a restore kept stays kept."""
    files, index, rows, *rest = seen
    assert isinstance(rows, list)
    kept = [row for row in rows if not _is_automatic(project, row)]
    return (files, index, kept, *rest)


def _is_automatic(project: DataProject, row: str) -> bool:
    oid, _, ref = row.split(maxsplit=2)
    if not ref.startswith("refs/mlops/snapshots/"):
        return False
    return '"automatic": true' in project.git("show", f"{oid}:.mlops/snapshot.json")


def test_undoing_a_snapshot_leaves_data_changed(two: DataProject) -> None:
    two.write("data/a.csv", "a3")
    two.snapshot()
    two.undo()
    assert two.states() == {"data": "changed", "model.bin": "clean"}
    assert two.read("data/a.csv") == b"a3"
    assert two.git("status", "--porcelain") == ""


def test_undo_goes_back_and_forth_only(two: DataProject) -> None:
    two.restore("one")
    for content in (b"m2", b"m1", b"m2"):
        two.undo()
        assert two.read("model.bin") == content
        assert set(two.states().values()) == {"clean"}


def test_nothing_to_undo(data_project: DataProject) -> None:
    with pytest.raises(NotFoundError) as caught:
        data_project.undo()
    assert caught.value.code == "nothing-to-undo"
    assert caught.value.hints


MOVES: dict[str, tuple[Command, Command]] = {
    "data": (lambda p: p.restore("one"), lambda p: p.write("data/a.csv", "since")),
    "data, back to what it was": (
        lambda p: p.restore("one"),
        lambda p: (p.write("data/a.csv", "a2"), p.write("data/two.csv", "two")),
    ),
    "added file": (lambda p: p.restore("one"), lambda p: p.write("data/since.csv", "since")),
    "pointer": (lambda p: p.restore("one"), lambda p: p.git("checkout", "HEAD", "model.bin.mlops")),
    "snapshot's pointer": (_edited_snapshot, lambda p: p.git("reset", "--hard", "--quiet")),
    "branch": (
        lambda p: (p.write("model.bin", "m3"), p.snapshot(commit=True)),
        lambda p: p.git("commit", "--allow-empty", "--quiet", "-m", "since"),
    ),
    "ignore file": (lambda p: untrack(p.open(), "data"), lambda p: p.write(".gitignore", "x\n")),
    "moved data": (
        lambda p: move(p.open(), "model.bin", "m2.bin"),
        lambda p: p.write("model.bin", "another"),
    ),
    "data that is gone where it was moved to": (
        lambda p: move(p.open(), "model.bin", "m2.bin"),
        lambda p: p.remove("m2.bin"),
    ),
    "snapshot's name": (
        lambda p: snapshot_name(p.open(), "one", "first"),
        lambda p: p.git("update-ref", "-d", _ref(p, "first")),
    ),
    "the branch that HEAD is on": (
        lambda p: snapshot_branch(p.open(), "two", "again"),
        lambda p: p.git("switch", "--quiet", "again"),
    ),
}


def _ref(project: DataProject, name: str) -> str:
    return f"refs/mlops/snapshots/{find_snapshot(project.open().git, name).id}"


@pytest.mark.parametrize("what", MOVES)
def test_what_has_moved_since_is_not_taken_back(two: DataProject, what: str) -> None:
    command, since = MOVES[what]
    command(two)
    since(two)
    before = two.everything()
    with pytest.raises(ConflictError) as caught:
        two.undo()
    assert caught.value.code == "undo-moved"
    assert caught.value.hints
    assert two.everything() == before
    assert two.leftovers() == []


def test_former_content_that_is_gone_is_said_and_nothing_moves(two: DataProject) -> None:
    packs = set((two.root / ".git/mlops/packs").rglob("*.pack"))
    two.write("data/a.csv", "mine")
    two.restore("one")
    for pack in set((two.root / ".git/mlops/packs").rglob("*.pack")) - packs:
        pack.unlink()
    before = two.everything()
    with pytest.raises(NotFoundError) as caught:
        two.undo()
    assert caught.value.code == "content-missing"
    assert caught.value.message == "The former content of data is not in the store any more."
    assert two.everything() == before


def test_a_drop_keeps_content_and_comes_back(two: DataProject) -> None:
    snapshot_drop(two.open(), ("one", "two"))
    with pytest.raises(NotFoundError):
        two.restore("one")
    two.git("gc", "--quiet", "--prune=now")
    two.undo()
    two.restore("one")
    assert two.read("model.bin") == b"m1"


def test_undoing_a_snapshot_then_dropping_another(two: DataProject) -> None:
    """The ref that keeps a snapshot taken back exists already when it is dropped again."""
    taken = two.snapshot(name="three")
    two.undo()
    two.undo()
    snapshot_drop(two.open(), (taken.id,))
    two.undo()
    assert taken.id in two.git("for-each-ref", "refs/mlops/snapshots")
    two.undo()
    assert taken.id not in two.git("for-each-ref", "refs/mlops/snapshots")


@pytest.mark.parametrize("name", ["00000099.json", "²²²²²²²².json", "9" * 200 + ".json", "-1.json"])
@pytest.mark.parametrize("content", [b"{", b'{"x": ' + b"[" * 100_000, b'{"command": "\xff"}'])
def test_a_log_that_is_not_ours_is_passed_over(two: DataProject, name: str, content: bytes) -> None:
    two.write(f".git/mlops-worktree/operations/{name}", content)
    for folder in ("unfinished", "origins"):
        two.write(f".git/mlops-worktree/{folder}/{name}", content)
    two.write("model.bin", "m3")
    two.restore()
    assert two.read("model.bin") == b"m2"
    two.undo()
    assert two.read("model.bin") == b"m3"
