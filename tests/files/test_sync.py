from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from jupyter_mlops.files.durable import make_folder
from jupyter_mlops.files.sync import sync_paths, tells_failures
from tests.support.system_steps import fail_with, run_watched


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize("by_folder", [True, False])
def test_few_and_many_files_and_folders_are_synced(
    tmp_path: Path, count: int, by_folder: bool
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        sync_paths([str(tmp_path), str(tmp_path / "file")] * count, fd if by_folder else None)
    finally:
        os.close(fd)


def test_what_is_gone_is_passed_over_and_what_cannot_be_synced_is_not(tmp_path: Path) -> None:
    sync_paths([str(tmp_path / "nowhere")], None)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="loop"):
        sync_paths([str(tmp_path / "loop")], None)


@pytest.mark.parametrize(
    ("release", "tells"),
    [
        ("5.8", True),
        ("5.10.0-28-amd64", True),
        ("6.1-rc3", True),
        ("5.4.0-150-generic", False),
        ("4.18.0-553.el8_10.x86_64", False),
        ("unknown", False),
    ],
)
def test_old_kernels_do_not_tell_of_lost_bytes(release: str, tells: bool) -> None:
    assert tells_failures(release) is tells


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EINVAL, None),
        (errno.ENOTSUP, None),
        (errno.EIO, "write-failed"),
        (errno.ENOSPC, "disk-full"),
    ],
)
def test_a_folder_that_cannot_be_synced_is_told_from_a_disk_that_fails(
    tmp_path: Path, number: int, code: str | None
) -> None:
    system = {"os.fsync": fail_with(number)}
    assert run_watched(lambda: make_folder(tmp_path / "new"), tmp_path, system).code == code
