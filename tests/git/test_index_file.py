from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.owner import current_owner, format_owner
from jupyter_mlops.git.index_file import (
    clear_own_lock,
    hold_index_lock,
    new_temporary,
    open_private_index,
)
from jupyter_mlops.git.repository import Repository
from tests.support.project import Project


class Sleeper:
    """Counts what is slept, and does something once it is asked to sleep for the third time."""

    def __init__(self, then: Path | None = None) -> None:
        self.seconds = 0.0
        self.calls = 0
        self._then = then

    def __call__(self, seconds: float) -> None:
        self.seconds += seconds
        self.calls += 1
        if self.calls == 3 and self._then is not None:
            self._then.unlink()


def leave_a_lock_behind(root: Path) -> None:
    """Take the index lock in a process that is then killed."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from jupyter_mlops.git.index_file import hold_index_lock\n"
        "from jupyter_mlops.git.repository import open_repository\n"
        "with hold_index_lock(open_repository(Path(sys.argv[1]))) as held:\n"
        "    assert held\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(root)], check=False)


def test_the_lock_keeps_git_from_writing(project: Project, repo: Repository) -> None:
    project.write("new", "x")
    with hold_index_lock(repo) as held:
        assert held
        with pytest.raises(AssertionError, match=r"index\.lock"):
            project.git("add", "new")
    project.git("add", "new")


def test_nothing_is_left_when_it_is_given_back(repo: Repository) -> None:
    with pytest.raises(ZeroDivisionError), hold_index_lock(repo):
        raise ZeroDivisionError
    assert not (repo.git_dir / "index.lock").exists()
    assert list(repo.state_dir.iterdir()) == []


def test_a_lock_of_a_killed_process_of_ours_is_removed(project: Project, repo: Repository) -> None:
    leave_a_lock_behind(project.root)
    assert (repo.git_dir / "index.lock").exists()
    sleeper = Sleeper()
    with hold_index_lock(repo, sleep=sleeper) as held:
        assert held
    assert sleeper.calls == 1
    assert not (repo.git_dir / "index.lock").exists()
    assert [path.name for path in repo.state_dir.iterdir()] == ["recovery.lock"]


def test_it_is_removed_before_git_is_let_write(project: Project, repo: Repository) -> None:
    leave_a_lock_behind(project.root)
    clear_own_lock(repo)
    project.write("new", "x")
    project.git("add", "new")


@pytest.mark.parametrize("content", [b"", b"DIRC\0\0\0\2", b"jupyter-mlops nonsense\n"])
def test_a_foreign_lock_is_waited_for_and_never_removed(repo: Repository, content: bytes) -> None:
    lock = repo.git_dir / "index.lock"
    lock.write_bytes(content)
    os.utime(lock, (0, 0))
    sleeper = Sleeper()
    with hold_index_lock(repo, sleep=sleeper) as held:
        assert not held
    assert sleeper.seconds == pytest.approx(5)
    clear_own_lock(repo)
    assert lock.read_bytes() == content


def test_a_lock_of_a_running_process_of_ours_is_foreign(repo: Repository) -> None:
    with hold_index_lock(repo) as first, hold_index_lock(repo, sleep=Sleeper()) as second:
        assert first
        assert not second


def test_a_foreign_lock_that_goes_away_is_followed_by_ours(repo: Repository) -> None:
    lock = repo.git_dir / "index.lock"
    lock.touch()
    sleeper = Sleeper(then=lock)
    with hold_index_lock(repo, sleep=sleeper) as held:
        assert held
    assert sleeper.calls == 3


def test_worktrees_do_not_wait_for_each_other(project: Project, repo: Repository) -> None:
    from jupyter_mlops.git.repository import open_repository

    project.git("worktree", "add", "--quiet", "../linked")
    linked = open_repository(project.root.parent / "linked")
    with hold_index_lock(repo) as one, hold_index_lock(linked, sleep=Sleeper()) as other:
        assert one
        assert other


def test_a_private_index_has_the_time_of_the_original(repo: Repository) -> None:
    os.utime(repo.git_dir / "index", ns=(10**18, 10**18 + 123_456_789))
    with open_private_index(repo) as private:
        assert private.stat().st_mtime_ns == 10**18 + 123_456_789
    assert not private.exists()


def test_temporary_files_of_ended_processes_are_removed(repo: Repository) -> None:
    kept = new_temporary(repo)
    kept.touch()
    dead = format_owner(current_owner()._replace(pid=2**22 + 1, started=1))
    left = repo.state_dir / f"tmp-{dead}-0123456789abcdef"
    left.touch()
    left.with_name(f"{left.name}.lock").touch()
    foreign = repo.state_dir / "tmp-of-someone-else"
    foreign.touch()
    new_temporary(repo)
    assert set(repo.state_dir.iterdir()) == {kept, foreign}


def test_a_git_folder_that_cannot_be_written_is_told(repo: Repository) -> None:
    repo.state_dir.write_text("a file where a folder should be")
    with pytest.raises(UnavailableError), hold_index_lock(repo):
        raise AssertionError("the lock was given")
