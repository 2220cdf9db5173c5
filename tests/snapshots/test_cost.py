"""What a command costs, counted in processes rather than in seconds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from tests.support.data_project import DataProject


def _count_processes(work: Callable[[], object]) -> int:
    """Return how many processes ``work`` starts; it runs in a process of its own."""
    child = os.fork()
    if child == 0:
        count = 0

        def watch(event: str, _: object) -> None:
            nonlocal count
            count += event == "subprocess.Popen"

        sys.addaudithook(watch)
        try:
            work()
        finally:
            os._exit(count)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_snapshot_of_what_has_not_changed_starts_few_processes(
    data_project: DataProject,
) -> None:
    """However many paths are tracked."""
    paths = [f"data/{number}.bin" for number in range(12)]
    for path in paths:
        data_project.write(path, path)
    data_project.write("folder/a", "1")
    data_project.snapshot("folder", *paths, commit=True)
    data_project.snapshot()
    assert 0 < _count_processes(data_project.snapshot) <= 12
    assert 0 < _count_processes(data_project.states) <= 6
