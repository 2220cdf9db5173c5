"""Programs that keep changing files while they are read.

``python -m tests.crash.changing WAY FILE`` says that it has begun, then changes the file in one way
until its standard input is closed. A block of a file is a number and its checksum, so that a
mixture of two states is told from one of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from blake3 import blake3

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.ids import format_hash, hash_bytes
from jupyter_mlops.objects import source
from jupyter_mlops.objects.reader import read_file
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.tracked import read_tree_pointers
from tests.support.data_project import DataProject

ROOT = Path(__file__).parents[2]
BLOCK_BYTES = 64
SIZES = {"small": 4_000, "big": 2_000_000}


def version(number: int, size_bytes: int) -> bytes:
    """Return the whole content that has this number."""
    head = b"%020d" % number
    block = head + blake3(head).hexdigest().encode()[: BLOCK_BYTES - len(head)]
    return block * (size_bytes // BLOCK_BYTES)


def is_state(body: bytes) -> bool:
    """Return whether a file that was changed in one of the ways had this content at one moment.

    A writer in place writes two halves, the second after the first, and appends whole blocks.
    """
    if not body:
        return True
    blocks = [body[at : at + BLOCK_BYTES] for at in range(0, len(body), BLOCK_BYTES)]
    numbers = [int(block[:20]) for block in blocks]
    if any(
        block != version(number, BLOCK_BYTES) for block, number in zip(blocks, numbers, strict=True)
    ):
        return False
    kinds = list(dict.fromkeys(numbers))
    in_halves = len(kinds) == 2 and kinds[0] == kinds[1] + 1 and numbers == sorted(numbers)[::-1]
    appended = numbers[0] == 0 and kinds == list(range(len(kinds)))
    return len(kinds) < 2 or in_halves or appended


def _replace(path: Path, number: int, size_bytes: int) -> None:
    beside = path.with_name(".new")
    beside.write_bytes(version(number, size_bytes))
    beside.replace(path)


def _rewrite(path: Path, number: int, size_bytes: int) -> None:
    body = version(number, size_bytes)
    half = size_bytes // BLOCK_BYTES // 2 * BLOCK_BYTES
    with open(path, "r+b", buffering=0) as file:
        file.write(body[:half])
        file.write(body[half:])


def _append(path: Path, number: int, size_bytes: int) -> None:
    with open(path, "ab", buffering=0) as file:
        file.write(version(number, BLOCK_BYTES))


def _truncate(path: Path, number: int, size_bytes: int) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(version(number, size_bytes))


WAYS: dict[str, Callable[[Path, int, int], None]] = {
    "append": _append,
    "replace": _replace,
    "rewrite": _rewrite,
    "truncate": _truncate,
}


def change(way: str, path: Path) -> None:
    """Change ``path`` until standard input ends."""
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    size_bytes = path.stat().st_size
    number = 1
    while not ended.is_set():
        WAYS[way](path, number, size_bytes)
        if number == 1:
            print("begun", flush=True)
        number += 1


@contextmanager
def keep_changing(way: str, path: Path) -> Iterator[None]:
    """Let a process change ``path`` while the block runs."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.changing", way, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None and child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    try:
        yield
    finally:
        child.communicate()
    assert child.returncode == 0


def trust_reads() -> None:
    """Let what was read count, whatever became of the file meanwhile."""
    for owner, name in ((source, "_same"),):
        setattr(owner, name, lambda before, after: True)


def tells_writes_apart(folder: Path) -> bool:
    """Return whether two writes in a row, with a look in between, always give two times.

    Where they do not, nobody can tell that a file was written while it was read.
    """
    with open(folder / ".times", "wb", buffering=0) as file:
        times = []
        for _ in range(200):
            file.write(b"x")
            times.append(os.fstat(file.fileno()).st_mtime_ns)
    return len(set(times)) == len(times)


def keep_again_and_again(
    root: Path, path: str, count: int, *, whole: bool = True
) -> tuple[int, int]:
    """Take snapshots of a file that changes; return how many were taken and how many refused.

    Without ``whole`` what a snapshot holds is not compared with what the file was.

    Raises:
        AssertionError: a snapshot holds what the file never was.
    """
    project = DataProject(root)
    taken = refused = 0
    for _ in range(count):
        try:
            result = project.snapshot(path, keep_mine=True)
        except MlopsError as error:
            assert error.code in ("file-changing", "file-vanished"), error.message
            assert path in error.message
            refused += 1
            continue
        taken += 1
        (one,) = result.paths
        ws = project.open()
        pointer = read_tree_pointers(open_tree(ws.git, resolve_revision(ws.git, result.id)))[path]
        (entry,) = read_entries(ws.store, pointer).values()
        body = read_file(ws.store, entry)
        assert format_hash(entry.hash) == one.hash
        assert hash_bytes(body) == entry.hash
        assert is_state(body) or not whole, (len(body), body[:20], body[-BLOCK_BYTES:][:20])
    return taken, refused


def main(way: str, path: str, *more: str) -> None:
    """Change a file; or with a way ``keep``, take snapshots of it without looking twice."""
    if way == "keep":
        trust_reads()
        print(*keep_again_and_again(Path(path), more[0], int(more[1])))
    else:
        change(way, Path(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
