"""Each command makes what it names durable first, and its own end the last of all."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from jupyter_mlops.snapshots.operations import read_last_operation
from tests.support.data_project import STATE, DataProject
from tests.support.system_steps import BROKEN_DISK, NO_LINKS, NO_LOCKS, fail_with, run_watched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")

_WHAT = {
    r"\S+ \.git/mlops/packs/../\w+\.pack": "pack",
    r"\S+ \.git/mlops/index/\w+\.idx": "index",
    r"\S+ \.git/mlops-worktree/origins/\w+\.json": "origin",
    r"\S+ \.git/mlops-worktree/unfinished/[\w-]+\.json": "note",
    r"\S+ \.git/mlops-worktree/operations/\w+\.json": "operation",
    r"\S+ \.git/mlops-worktree/undoing": "mark",
    r"\S+ \.git/index": "Git's index",
    r"\S+ data\.mlops": "pointer",
    r"\S+ data/a": "data",
}


def _named(steps: list[str]) -> list[str]:
    """Return what got its name or lost it, in order, and the syncs of Git's refs."""
    found = []
    for step in steps:
        verb, _, names = step.partition(" ")
        if step == "sync .git/refs":
            found.append("ref")
        for pattern, what in _WHAT.items():
            if verb in {"link", "replace"} and re.fullmatch(pattern, names):
                found.append(what)
            if verb == "unlink" and re.fullmatch(pattern.removeprefix(r"\S+ "), names):
                found.append(f"no {what}")
    return found


def _unsynced(steps: list[str]) -> list[str]:
    """Return names that were given without that their folder was synced after it."""
    left: dict[str, str] = {}
    for step in steps:
        verb, _, names = step.partition(" ")
        if verb in {"link", "replace"}:
            name = names.rpartition(" ")[2]
            left[name] = name.rpartition("/")[0] or "."
        elif verb == "sync":
            left = {name: folder for name, folder in left.items() if folder != names}
        elif verb == "unlink":
            left.pop(names, None)
    return sorted(left)


_CACHES = [f"{STATE}/{name}" for name in ("objects-synced", "stat-cache")]
"""What may be lost: it costs the next command time."""


def _run(project: DataProject, work: Callable[[], object]) -> list[str]:
    ended = run_watched(work, project.root)
    assert ended.code is None
    assert set(_unsynced(ended.steps)) <= set(_CACHES)
    return _named(ended.steps)


@pytest.fixture
def project(data_project: DataProject) -> DataProject:
    """A project with a folder of two states."""
    data_project.write("data/a", b"one")
    data_project.write("data/b", b"kept")
    data_project.snapshot("data")
    data_project.git("commit", "--quiet", "--message", "first")
    data_project.write("data/a", b"two")
    data_project.snapshot()
    return data_project


def test_a_snapshot_ends_with_its_ref_and_origins_frame_the_pointer(project: DataProject) -> None:
    project.write("data/a", b"three")
    assert _run(project, project.snapshot) == [
        *("pack", "index", "origin", "pointer", "Git's index", "ref", "origin", "operation"),
    ]


def test_a_restore_notes_what_it_moves_until_all_of_it_stands(project: DataProject) -> None:
    assert _run(project, lambda: project.restore("HEAD")) == [
        *("note", "data", "pointer", "origin", "no note", "operation"),
    ]
    assert project.read("data/a") == b"one"


def test_a_restore_notes_data_that_moves_alone(project: DataProject) -> None:
    project.remove("data/a")
    assert _run(project, project.restore) == ["note", "data", "no note", "operation"]


def test_a_restore_notes_a_pointer_that_moves_alone(project: DataProject) -> None:
    project.write("data/a", b"one")
    assert _run(project, lambda: project.restore("HEAD")) == [
        *("note", "pointer", "origin", "no note", "operation"),
    ]
    assert project.states() == {"data": "clean"}


def test_what_a_restore_overwrites_has_a_snapshot_before(project: DataProject) -> None:
    project.write("data/a", b"mine")
    assert _run(project, lambda: project.restore("HEAD")) == [
        *("pack", "index", "ref", "note", "data", "pointer", "origin", "no note", "operation"),
    ]
    project.undo()
    assert project.read("data/a") == b"mine"


def test_an_undo_marks_what_it_takes_back_until_that_is_logged(project: DataProject) -> None:
    project.restore("HEAD")
    assert _run(project, project.undo) == [
        *("mark", "note", "data", "pointer", "origin", "no note", "operation", "no mark"),
    ]
    assert project.read("data/a") == b"two"


def test_a_command_that_has_nothing_to_do_names_nothing(project: DataProject) -> None:
    assert _run(project, project.restore) == []


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (BROKEN_DISK, "write-failed"),
        ({"os.write": fail_with(errno.ENOSPC)}, "disk-full"),
        ({"os.replace": fail_with(errno.EROFS)}, "read-only"),
    ],
)
@pytest.mark.parametrize("command", ["snapshot", "restore", "undo"])
def test_a_disk_that_fails_changes_nothing_that_counts(
    project: DataProject, command: str, system: Mapping[str, Callable[..., Any]], code: str
) -> None:
    if command == "undo":
        project.restore("HEAD")
    else:
        project.write("data/a", b"mine")
    files = {name: content for name, content in project.files().items() if name != ".gitignore"}
    refs, last = project.git("for-each-ref"), read_last_operation(project.root / STATE)
    words = ("HEAD",) if command == "restore" else ()

    ended = run_watched(lambda: getattr(project, command)(*words), project.root, system)

    assert ended.code == code
    after = {name: content for name, content in project.files().items() if name != ".gitignore"}
    assert after == files
    assert project.git("for-each-ref") == refs
    assert read_last_operation(project.root / STATE) == last
    getattr(project, command)(*words)
    assert project.leftovers() == []


@pytest.mark.parametrize("system", [NO_LINKS, NO_LOCKS], ids=["links", "locks"])
def test_file_systems_without_links_or_locks_are_enough(
    project: DataProject, system: Mapping[str, Callable[..., Any]]
) -> None:
    def there_and_back() -> None:
        project.write("data/a", b"three")
        project.snapshot()
        project.restore("HEAD")
        assert project.read("data/a") == b"one"
        project.undo()
        assert project.read("data/a") == b"three"

    assert run_watched(there_and_back, project.root, system).code is None
    assert project.states() == {"data": "clean"}
    assert project.leftovers() == []
