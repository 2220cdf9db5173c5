from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.append import append_bytes
from tests.support.system_steps import fail_with, little_at_a_time, run_watched


def test_what_is_appended_comes_after_what_is_there(tmp_path: Path) -> None:
    append_bytes(tmp_path / "log", b"one\n")
    append_bytes(tmp_path / "log", b"two\n")
    append_bytes(tmp_path / "log", b"")
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"


def test_nothing_is_appended_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "log").symlink_to("mine")
    with pytest.raises(UnavailableError):
        append_bytes(tmp_path / "log", b"x")
    assert (tmp_path / "mine").read_bytes() == b"mine"


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_a_line_is_whole_however_little_the_system_takes(tmp_path: Path) -> None:
    def append() -> None:
        append_bytes(tmp_path / "log", b"a long line\n" * 10)

    assert run_watched(append, tmp_path, little_at_a_time(7)).code is None
    assert (tmp_path / "log").read_bytes() == b"a long line\n" * 10


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_a_full_disk_is_said_and_nothing_stays_open(tmp_path: Path) -> None:
    def append() -> None:
        before = os.listdir("/proc/self/fd")
        try:
            append_bytes(tmp_path / "log", b"line\n")
        finally:
            assert os.listdir("/proc/self/fd") == before

    full = {"os.write": fail_with(errno.ENOSPC)}
    assert run_watched(append, tmp_path, full).code == "disk-full"
