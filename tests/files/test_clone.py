from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from jupyter_mlops.files.clone import try_clone
from tests.support.system_steps import fail_with, run_watched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's clones")


@pytest.mark.parametrize(
    ("number", "fails"),
    [(errno.EOPNOTSUPP, False), (errno.EXDEV, False), (errno.ENOSPC, True), (errno.EIO, True)],
)
def test_a_disk_that_makes_no_clones_is_told_from_one_that_fails(
    tmp_path: Path, number: int, fails: bool
) -> None:
    def clone() -> None:
        with open(tmp_path / "one", "wb+") as one, open(tmp_path / "two", "wb+") as two:
            one.write(b"x")
            if fails:
                with pytest.raises(OSError, match=r"Errno"):
                    try_clone(one.fileno(), two.fileno())
            else:
                assert not try_clone(one.fileno(), two.fileno())

    assert run_watched(clone, tmp_path, {"fcntl.ioctl": fail_with(number)}).code is None
    assert (tmp_path / "two").read_bytes() == b""
