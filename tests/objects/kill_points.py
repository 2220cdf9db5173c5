"""A process that runs a write again and again, each time killed one step later.

``python -m tests.objects.kill_points WHAT FOLDER`` forks a child for each step. The child works in
``FOLDER/<step>``, a copy of ``FOLDER/start``, and kills itself right before the step-th call that
could change the file system. The parent prints how many steps there were.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from jupyter_mlops.files.walk import walk
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.objects.store import open_store
from jupyter_mlops.objects.writer import open_writer
from tests.objects.conftest import rebuild_index

_WRITES = {
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.chmod",
    "os.truncate",
    "open",
}


def write(folder: Path) -> None:
    """Add the files of ``source`` to ``store``."""
    with open_writer(open_store(folder / "store")) as writer:
        writer.add_files(folder / "source", walk(folder / "source"))
        writer.finish()


def rebuild(folder: Path) -> None:
    """Write the index of ``store`` anew."""
    rebuild_index(open_store(folder / "store"))


def batch(folder: Path) -> None:
    """Replace, add, link and delete files of ``tree``."""
    with WorkTree(folder / "tree", folder / "staging").open_batch("data") as changes:
        for path in ("data/old", "data/new/deep", "data/added"):
            fd = changes.open_file(path, Mode.FILE)
            os.write(fd, b"new " + path.encode())
            os.close(fd)
        changes.add_link("data/link", "old", within="data")
        changes.add_folder("data/empty")
        changes.delete("data/gone/file")
        changes.apply()


def _run_until(step: int, work: str, folder: Path) -> None:
    count = 0

    def hook(event: str, args: tuple[object, ...]) -> None:
        nonlocal count
        if event not in _WRITES:
            return
        if event == "open":
            flags = args[2]
            if not isinstance(flags, int) or not flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
                return
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    {"write": write, "rebuild": rebuild, "batch": batch}[work](folder)


def main(work: str, top: Path) -> None:
    """Kill ``work`` at every step until it is done."""
    step = 0
    while True:
        step += 1
        folder = top / f"{step}"
        shutil.copytree(top / "start", folder, symlinks=True)
        child = os.fork()
        if child == 0:
            try:
                _run_until(step, work, folder)
            except BaseException:
                os._exit(3)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            print(step, os.WEXITSTATUS(status))
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
