from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.lock import hold_lock
from tests.support.system_steps import NO_LOCKS, fail_with, run_watched

HOLDER = """
import sys
from pathlib import Path
from jupyter_mlops.files.lock import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
    Path(sys.argv[2]).write_text("left")
"""


def _start(lock: Path, mark: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(lock), str(mark)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_whoever_comes_second_waits(tmp_path: Path) -> None:
    lock, mark = tmp_path / "new/lock", tmp_path / "mark"
    holder = _start(lock, mark)
    assert holder.stdin is not None
    holder.stdin.write("go\n")
    holder.stdin.flush()
    with hold_lock(lock):
        assert mark.read_text() == "left"
    assert lock.stat().st_mode & 0o777 == 0o600
    holder.communicate()


def test_a_killed_holder_gives_it_up(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holder = _start(lock, tmp_path / "mark")
    holder.kill()
    holder.communicate()
    with hold_lock(lock):
        assert not (tmp_path / "mark").exists()


def test_it_is_held_again_and_again(tmp_path: Path) -> None:
    for _ in range(3):
        with hold_lock(tmp_path / "lock"):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_a_file_system_without_locks_gives_everyone_theirs(tmp_path: Path) -> None:
    def hold() -> None:
        with hold_lock(tmp_path / "new" / "lock"):
            (tmp_path / "mark").write_bytes(b"held")

    assert run_watched(hold, tmp_path, NO_LOCKS).code is None
    assert (tmp_path / "mark").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_a_failing_lock_is_not_held(tmp_path: Path) -> None:
    def hold() -> None:
        with hold_lock(tmp_path / "lock"):
            (tmp_path / "mark").write_bytes(b"held")

    ended = run_watched(hold, tmp_path, {"fcntl.flock": fail_with(errno.EIO)})
    assert ended.code == "write-failed"
    assert not (tmp_path / "mark").exists()


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(UnavailableError), hold_lock(tmp_path / "lock"):
        pass
