"""What a command costs, counted in processes rather than in seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from jupyter_mlops.commands.snapshot import snapshot
from jupyter_mlops.progress import Task
from tests.support.data_project import DataProject
from tests.support.processes import count_events, count_processes
from tests.support.system_steps import run_watched


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
    assert 0 < count_processes(data_project.snapshot) <= 15
    assert 0 < count_processes(data_project.states) <= 7


def _count_data_reads(work: Callable[[], object]) -> int:
    """Return how many files of data ``work`` opens; it runs in a process of its own."""
    return count_events(
        work,
        lambda event, arguments: (
            event == "open" and isinstance(arguments, tuple) and "/data/" in str(arguments[0])
        ),
    )


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_what_a_restore_wrote_is_not_read_to_see_that_it_is_clean(
    data_project: DataProject,
) -> None:
    """Of files that are older than the system tells times apart."""
    for number in (1, 2):
        for name in ("a", "b"):
            data_project.write(f"data/{name}", f"{name}{number}")
        data_project.snapshot("data", name=f"n{number}")
    now = time.time_ns

    restored = run_watched(
        lambda: data_project.restore("n1"),
        data_project.root,
        {"time.time_ns": lambda: now() + 10_000_000_000},
    )

    assert restored.code is None
    assert _count_data_reads(data_project.states) == 0
    assert data_project.states() == {"data": "clean"}
    data_project.write("data/a", "a3")
    assert _count_data_reads(data_project.states) == 1


def test_new_content_is_read_once(data_project: DataProject) -> None:
    told = []

    class Told(Task):
        def advance(self, amount: int) -> None:
            told.append(amount)

    class Telling:
        @contextmanager
        def task(self, label: str, total: int | None, unit: str = "B") -> Iterator[Task]:
            yield Told()

    for name in ("a", "b/c"):
        data_project.write(f"data/{name}", name * 1000)
    snapshot(data_project.open(progress=Telling()), ("data",))
    assert sum(told) == sum(len(content) for content in data_project.files("data").values())
