"""Git on a disk that refuses to take an object."""

from __future__ import annotations

import errno
import sys
from itertools import count

import pytest

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.staging import stage_paths
from tests.support.project import Project
from tests.support.system_calls import Fault, can_watch, run_watched


def test_nothing_is_staged_that_git_could_not_keep(project: Project, repo: Repository) -> None:
    if not can_watch():
        pytest.skip("not run: watching system calls needs Linux 5.9 or newer on x86-64 or ARM")

    def stage() -> None:
        try:
            stage_paths(repo, ["file"])
        except MlopsError:
            sys.exit(1)

    for number in count(1):
        project.write("file", f"content {number}")
        fault = Fault(number, "fail", errno.ENOSPC)
        done = run_watched(stage, calls=["mkdir"], fault=fault)
        project.git("fsck", "--strict")
        if done.hit is None:
            break
    assert number > 3
