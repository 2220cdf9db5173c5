"""A disk that fails while a file is read, locked or removed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files.durable import open_staged, write_atomic
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.files.worktree import WorkTree
from tests.support.system_calls import READS, WATCHED, Fault, can_watch, run_watched


def run_failing(work: Callable[[], object], folder: Path, name: str) -> tuple[int, str]:
    """Run ``work`` while every call ``name`` fails; return its status and the error's code."""
    if not can_watch():
        pytest.skip("not run: watching system calls needs Linux 5.9 or newer on x86-64 or ARM")
    told = folder / "told"

    def run() -> None:
        try:
            work()
        except MlopsError as error:
            told.write_text(error.code)

    fault = Fault(1, "fail", errno.EIO, lasting=True)
    calls = {name} & (WATCHED | READS)
    done = run_watched(run, calls=calls, beneath=f"{folder}/", fault=fault)
    assert done.hit is not None
    return done.status, told.read_text() if told.exists() else ""


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    ended = run_failing(lambda: WorkTree(tmp_path).read("file"), tmp_path, "read")
    assert ended == (0, "not-readable")


def test_a_lock_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    def hold() -> None:
        with hold_lock(tmp_path / "lock"):
            pass

    assert run_failing(hold, tmp_path, "flock") == (0, "write-failed")
    (tmp_path / "told").unlink()
    assert run_failing(lambda: open_staged(tmp_path), tmp_path, "flock") == (0, "write-failed")
    assert sorted(os.listdir(tmp_path)) == ["lock", "told"]


def test_a_temporary_file_that_cannot_be_removed_stays(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")

    def write() -> None:
        write_atomic(tmp_path / "taken", b"x", overwrite=False)

    assert run_failing(write, tmp_path, "unlink") == (0, "name-taken")
