"""Clocks and workloads that the benchmarks share."""

from __future__ import annotations

import os
import random
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")
_ROWS_A_BLOCK = 1 << 16


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


def make_csv(path: Path, size_bytes: int, seed: int = 1) -> None:
    """Write a table of rising times, categories and wandering numbers of about ``size_bytes``."""
    rng = random.Random(seed)
    with open(path, "wb") as file:
        number = 0
        while file.tell() < size_bytes:
            rows = []
            for _ in range(_ROWS_A_BLOCK):
                number += 1
                rows.append(_row(rng, number))
            file.write("".join(rows).encode())


def edit_csv(source: Path, target: Path, seed: int = 2) -> None:
    """Write a copy with 1 % of the rows edited in 200 places and 1 % appended."""
    rng = random.Random(seed)
    with open(source, "rb") as file:
        lines = file.readlines()
    span = max(1, len(lines) // 100 // 200)
    for number, start in enumerate(sorted(rng.sample(range(len(lines) - span), 200))):
        fresh = [_row(rng, start + n).encode() for n in range(span)]
        if number % 4 == 1:
            fresh = [b"" for _ in fresh[: span // 10]] + fresh[span // 10 :]
        if number % 4 == 3:
            fresh[0] += b"".join(fresh[: max(1, span // 10)])
        lines[start : start + span] = fresh
    lines += [_row(rng, len(lines) + n).encode() for n in range(len(lines) // 100)]
    with open(target, "wb") as file:
        file.writelines(lines)


def make_small_files(folder: Path, count: int, seed: int = 3) -> None:
    """Write ``count`` files of 4 to 12 KiB in 100 folders, half of them text, half noise."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(2000)]
    text = " ".join(rng.choices(words, k=400_000)).encode()
    for number in range(count):
        parent = folder / f"d{number % 100:02d}"
        if number < 100:
            parent.mkdir(parents=True)
        size = rng.randint(4096, 12288)
        start = rng.randrange(len(text) - size)
        content = text[start : start + size] if number % 2 else rng.randbytes(size)
        with open(f"{parent}/f{number:06d}", "wb", buffering=0) as file:
            file.write(content)


def _row(rng: random.Random, number: int) -> str:
    bits = rng.getrandbits(62)
    return (
        f"{number:010d},2026-01-{1 + number // 86400 % 28:02d}T{number // 3600 % 24:02d}"
        f":{number // 60 % 60:02d}:{number % 60:02d},sensor_{bits % 200:03d},"
        f"{(bits >> 8) % 400000 / 10000 - 20:+08.4f},{(bits >> 28) % 1000000 / 1000000:.6f},"
        f"{'ok' if bits >> 50 & 7 else 'fail'},{(bits >> 40) % 5000 * 17:08d}\n"
    )
