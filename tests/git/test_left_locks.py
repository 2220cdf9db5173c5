"""Locks that Git leaves behind when it is killed while it works for us."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_mlops.git.left_locks import clear_left_locks, noted_locks
from jupyter_mlops.git.refs import list_refs, update_refs
from jupyter_mlops.git.repository import Repository
from tests.support.project import Project

REF = "refs/mlops/snapshots/one"

_KILLED = """
import os, sys
from pathlib import Path
from jupyter_mlops.git.left_locks import noted_locks
from jupyter_mlops.git.repository import open_repository
lock = Path(sys.argv[2])
with noted_locks(open_repository(Path(sys.argv[1])), [lock]):
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    os._exit(0)
"""


class Sleeper:
    """Lets time pass for a file instead of waiting."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def __call__(self, seconds: float) -> None:
        self.count += 1
        make_old(self.path)


def make_old(path: Path) -> None:
    os.utime(path, (time.time() - 60, time.time() - 60))


def leave(repo: Repository, lock: Path) -> None:
    """Let a process be killed that had Git take ``lock``."""
    command = [sys.executable, "-c", _KILLED, str(repo.root), str(lock)]
    subprocess.run(command, check=True)


def notes(repo: Repository) -> list[Path]:
    return list(repo.store_dir.glob("git-locks-*"))


def test_a_reference_can_be_written_after_git_was_killed(
    project: Project, repo: Repository
) -> None:
    lock = repo.common_dir / f"{REF}.lock"
    leave(repo, lock)
    make_old(lock)
    update_refs(repo, [(REF, project.head(), None)])
    assert [ref.name for ref in list_refs(repo, REF)] == [REF]
    assert notes(repo) == []


def test_a_lock_is_left_alone_while_it_may_be_held(repo: Repository) -> None:
    lock = repo.common_dir / "HEAD.lock"
    leave(repo, lock)
    sleeper = Sleeper(lock)
    clear_left_locks(repo, sleep=sleeper)
    assert (sleeper.count, lock.exists(), notes(repo)) == (1, False, [])


def test_the_lock_of_a_program_that_runs_is_never_removed(repo: Repository) -> None:
    lock = repo.common_dir / "HEAD.lock"
    with noted_locks(repo, [lock]):
        lock.touch()
        make_old(lock)
        clear_left_locks(repo)
        assert lock.exists()
    clear_left_locks(repo)
    assert not lock.exists()


def test_the_lock_of_somebody_else_is_never_removed(repo: Repository) -> None:
    lock = repo.common_dir / "packed-refs.lock"
    lock.touch()
    make_old(lock)
    leave(repo, repo.common_dir / "HEAD.lock")
    make_old(repo.common_dir / "HEAD.lock")
    clear_left_locks(repo)
    assert lock.exists()


def test_of_many_locks_those_of_ended_processes_go(repo: Repository) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = [f"next-index-{os.getpid()}.lock", f"next-index-{ended.pid}.lock"]
    for name in names:
        (repo.git_dir / name).touch()
        make_old(repo.git_dir / name)
    with pytest.raises(ZeroDivisionError), noted_locks(repo, [repo.git_dir / "next-index-*.lock"]):
        raise ZeroDivisionError
    clear_left_locks(repo)
    assert [(repo.git_dir / name).exists() for name in names] == [True, False]


@pytest.mark.parametrize("line", ["../../other.lock", "{folder}/other.lock", "../mine"])
def test_a_note_speaks_of_locks_in_gits_folder_alone(
    repo: Repository, tmp_path: Path, line: str
) -> None:
    others = [tmp_path / "other.lock", repo.root / "mine"]
    for other in others:
        other.touch()
        make_old(other)
    leave(repo, repo.common_dir / "config.lock")
    (note,) = notes(repo)
    note.write_text(line.format(folder=tmp_path) + "\nconfig.lock\n")
    make_old(repo.common_dir / "config.lock")
    clear_left_locks(repo)
    assert all(other.exists() for other in others)
    assert not (repo.common_dir / "config.lock").exists()
