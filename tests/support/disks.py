"""File systems in a certain state: without room, or without the right to write."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mount_tmpfs(folder: Path, size: str) -> Iterator[None]:
    """Put an empty file system of ``size`` (``4m``) at ``folder``, where that is allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("not run: a small tmpfs needs Linux and root")
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("not run: no tmpfs can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def make_read_only(folder: Path) -> Iterator[None]:
    """Take the right to write at and below ``folder`` away, from root as well."""
    if os.geteuid() != 0:
        folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        modes = [(path, path.stat().st_mode) for path in folders]
        for path, mode in modes:
            path.chmod(mode & ~0o222)
        try:
            yield
        finally:
            for path, mode in modes:
                path.chmod(mode)
        return
    bind = subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True)
    if bind.returncode:
        pytest.skip("not run: nothing can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
