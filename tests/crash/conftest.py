"""A runner for the whole run, and the projects in which commands are cut short."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash.cutting import Cutter
from tests.crash.runner import Runner
from tests.support.system_calls import can_watch


@pytest.fixture(scope="session")
def runner(hermetic: None) -> Iterator[Runner]:
    """A process that runs commands while their system calls are watched."""
    if not can_watch():
        pytest.skip("not run: watching system calls needs Linux 5.9 or newer on x86-64 or ARM")
    with Runner() as running:
        yield running


@pytest.fixture(scope="session")
def cutter(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cutter]:
    """What runs scenarios, each with a fault, and judges what is left."""
    with _open_memory(tmp_path_factory) as folder:
        yield Cutter(folder, runner)


@pytest.fixture
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory where that is possible, else an ordinary one."""
    with _open_memory(tmp_path_factory) as folder:
        yield folder


@contextmanager
def _open_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path_factory.mktemp("crash")
        return
    with tempfile.TemporaryDirectory(prefix="mlops-crash-", dir=memory) as folder:
        yield Path(folder)
