from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jupyter_mlops.files.lock import hold_lock

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
