"""Clocks that the benchmarks share."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Timing:
    """The median of some runs: wall seconds and processor seconds."""

    wall_seconds: float
    cpu_seconds: float


def clock(work: Callable[[], _T], runs: int = 1) -> tuple[Timing, _T]:
    """Return how long ``work`` takes, begun with nothing dirty in memory, and its result."""
    timings = []
    for _ in range(runs):
        os.sync()
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        timings.append((time.perf_counter() - wall, time.process_time() - cpu))
    middle = [statistics.median(column) for column in zip(*timings, strict=True)]
    return Timing(*middle), result


def say(label: str, timing: Timing, **more: object) -> None:
    """Print one line of a report."""
    rest = "".join(f"  {name} {value}" for name, value in more.items())
    print(f"{label:<44} {timing.wall_seconds:8.2f} s  cpu {timing.cpu_seconds:7.2f} s{rest}")


def peak_mib() -> int:
    """Return the most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
