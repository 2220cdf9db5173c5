"""Processes that work on one project at the same time.

``python -m tests.crash.together WORK ROOT NUMBER COUNT [BROKEN]`` waits for a line on its standard
input, works, and prints what it did as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_mlops.commands.gc import gc
from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.log import log
from jupyter_mlops.commands.metrics_show import metrics_show
from jupyter_mlops.commands.pull import pull
from jupyter_mlops.commands.push import push
from jupyter_mlops.commands.snapshot_drop import snapshot_drop
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files import durable
from jupyter_mlops.git import staging
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.objects import store
from jupyter_mlops.objects.running import running
from tests.support.data_project import DataProject
from tests.support.project import Project

ROOT = Path(__file__).parents[2]
PYTHON = (sys.executable, "-m", "tests.crash.together")

_PATIENCE = 100

Did = list[tuple[str, str]]
"""What a process did: a snapshot and the content that it must hold; or a code and a message."""


def content(number: int, count: int) -> bytes:
    """Return what a process keeps in its ``count``-th snapshot."""
    return b"%d,%d\n" % (number, count) * (50 + count)


def take_snapshots(root: Path, number: int, count: int) -> Did:
    """Take snapshots of a file of one's own, each of other content."""
    project = DataProject(root)
    did = []
    for one in range(count):
        project.write(f"own/{number}.bin", content(number, one))
        with running(project.open().store):
            taken = project.snapshot(f"own/{number}.bin", message=f"{number} {one}")
        did.append((taken.id, f"{one}"))
    return did


def keep_one_of_many(root: Path, number: int, count: int) -> Did:
    """Take snapshots of contents that come again, and drop all but the last few."""
    project = DataProject(root)
    path = f"own/{number}.bin"
    did: Did = []
    for one in range(count):
        told = one % 5
        project.write(path, content(number, told))
        with running(project.open().store):
            taken = project.snapshot(path)
        did.append((taken.id, f"{told}"))
        if len(did) > 3:
            with running(project.open().store):
                snapshot_drop(project.open(), (did.pop(0)[0],))
    return did


def collect(root: Path, number: int, count: int) -> Did:
    """Collect garbage, which nothing makes wait, and delete it for good the next time.

    It goes on until something was deleted: the others may have dropped nothing yet.
    """
    project = DataProject(root)
    did: Did = []
    freed = 0
    while len(did) < count or (not freed and len(did) < _PATIENCE * count):
        found = gc(project.open(), grace_hours=0, trash_days=0, even_all=True)
        freed += found.purged_bytes
        did.append(("freed", f"{found.purged_bytes}"))
    return did


def restore_and_keep(root: Path, number: int, count: int) -> Did:
    """Take snapshots and go back to an earlier one in between."""
    project = DataProject(root)
    path = f"own/{number}.bin"
    did = []
    for one in range(count):
        project.write(path, content(number, one))
        with running(project.open().store):
            taken = project.snapshot(path)
        did.append((taken.id, f"{one}"))
        back, former = did[one // 2]
        with running(project.open().store):
            project.restore(back, path)
        assert project.read(path) == content(number, int(former))
    return did


def read_all(root: Path, number: int, count: int) -> Did:
    """Run the commands that read, as a panel does."""
    project = DataProject(root)
    for _ in range(count):
        project.states()
        log(project.open())
        metrics_show(project.open())
    return []


def commit(root: Path, number: int, count: int) -> Did:
    """Commit a file with plain Git, whose hooks run; Git itself may find its index locked."""
    project = Project(root)
    did: Did = []
    for one in range(count):
        project.write("code.py", f"print({one})\n")
        words = ("commit", "--quiet", "-m", f"code {one}", "--", "code.py")
        try:
            project.git(*words)
        except AssertionError as error:
            assert "index.lock" in str(error), error
            did.append(("locked", f"{one}"))
    return did


def push_each(root: Path, number: int, count: int) -> Did:
    """Push a file of one's own again and again, each time of other content."""
    project = DataProject(root)
    path = f"own/{number}.bin"
    did = []
    for one in range(count):
        project.write(path, content(number, one))
        with running(project.open().store):
            project.snapshot(path)
        project.commit(f"{number} {one}")
        with running(project.open().store):
            pushed = push(project.open())
        assert not pushed.absent
        did.append((project.head(), f"{one}"))
    return did


def pull_each(root: Path, number: int, count: int) -> Did:
    """Pull what others have pushed, again and again into an empty store."""
    project = DataProject(root)
    did = []
    for _ in range(count):
        with running(project.open().store):
            pulled = pull(project.open(), (f"own/{number}.bin",))
        did.append(("pulled", f"{pulled.chunks}"))
        project.remove(f"own/{number}.bin")
    return did


def set_up(root: Path, number: int, count: int) -> Did:
    """Run init."""
    init(open_here(root))
    return []


WORKS: dict[str, Callable[[Path, int, int], Did]] = {
    "collect": collect,
    "commit": commit,
    "drop": keep_one_of_many,
    "init": set_up,
    "pull": pull_each,
    "push": push_each,
    "read": read_all,
    "restore": restore_and_keep,
    "snapshot": take_snapshots,
}


def _break_lock() -> None:
    """Let everyone believe that Git's index is theirs."""

    @contextmanager
    def hold(repo: Repository, **_: object) -> Iterator[bool]:
        yield True

    for owner, name in ((staging, "hold_index_lock"),):
        setattr(owner, name, hold)


def _break_names() -> None:
    """Let files be written under one temporary name for all."""

    def write(path: Path, data: bytes, **_: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name("new")
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)

    for owner, name in ((durable, "write_atomic"), (store, "write_atomic")):
        setattr(owner, name, write)


BROKEN = {"Git's index is not locked": _break_lock, "temporary names meet": _break_names}
"""Defects that processes at the same time must bring to light."""


def main(work: str, root: str, number: str, count: str, broken: str | None = None) -> None:
    """Wait for the start, work, tell."""
    if broken is not None:
        BROKEN[broken]()
    sys.stdin.readline()
    try:
        did = WORKS[work](Path(root), int(number), int(count))
    except MlopsError as error:
        sys.exit(f"{error.code}: {error.message}")
    print(json.dumps(did))


def run_together(works: list[tuple[str, Path, int]], count: int, *broken: str) -> list[Did]:
    """Start a process for each of ``works`` (what, where, its number), all let go at one moment.

    Raises:
        AssertionError: one of them failed.
    """
    children = [
        subprocess.Popen(
            [*PYTHON, work, str(root), str(number), str(count), *broken],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for work, root, number in works
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    ended = [child.communicate() for child in children]
    for child, (_, said) in zip(children, ended, strict=True):
        assert child.returncode == 0, said
    return [[(id, told) for id, told in json.loads(printed)] for printed, _ in ended]


if __name__ == "__main__":
    main(*sys.argv[1:])
