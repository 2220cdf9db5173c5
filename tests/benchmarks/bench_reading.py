"""``jupyter_mlops.open`` as a training loader calls it, beside ``open`` on the files themselves.

Run it with ``python -m tests.benchmarks.bench_reading [--folder DIR] [--mib N]``. Files of random
bytes, which are what pictures are to a store, are read whole and in a shuffled order, by turns from
a snapshot and from the working tree: warm, and, where root permits, with nothing in memory, by a
process that reads them for the first time and by one that has read them before.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import jupyter_mlops
from jupyter_mlops.commands.snapshot import snapshot
from tests.support.data_project import DataProject, make_data_project

_SIZES = (8_000, 100_000)
_DROP = Path("/proc/sys/vm/drop_caches")

Read = Callable[[str], bytes]
TimeAll = Callable[[Read, Sequence[str]], float]
"""Reads all files and returns how many seconds that took."""


def main() -> None:
    """Compare for each size of files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--mib", type=int, default=200)
    options = parser.parse_args()
    for size_bytes in _SIZES:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            _compare(Path(name), size_bytes, (options.mib << 20) // size_bytes)


def _compare(folder: Path, size_bytes: int, count: int) -> None:
    project = make_data_project(folder / "project")
    chance = random.Random(size_bytes)
    names = [f"data/{number % 100:02}/{number:06}.bin" for number in range(count)]
    for name in names:
        project.write(name, chance.randbytes(size_bytes))
    taken = _keep(project)
    chance.shuffle(names)
    os.chdir(project.root)
    ways: dict[str, Read] = {
        "mlops.open": partial(_read, taken),
        "open": _read_plainly,
    }
    what = f"{count:,} files of {size_bytes:,} bytes"
    cold = os.access(_DROP, os.W_OK)
    if cold:
        _report(f"{what}, cold, first time", ways, names, _in_child(_cold(_time)), turns=3)
    _report(f"{what}, warm", ways, names, _time, turns=7)
    if cold:
        _report(f"{what}, cold", ways, names, _cold(_time), turns=3)


def _keep(project: DataProject) -> str:
    return snapshot(project.open(), ("data",)).id


def _read(revision: str, name: str) -> bytes:
    with jupyter_mlops.open(name, revision) as file:
        content: bytes = file.read()
        return content


def _read_plainly(name: str) -> bytes:
    return Path(name).read_bytes()


def _report(
    what: str, ways: Mapping[str, Read], names: Sequence[str], time_all: TimeAll, *, turns: int
) -> None:
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(turns):
        for way in sorted(ways, reverse=bool(turn % 2)):
            taken[way].append(time_all(ways[way], names))
    ours, plain = (statistics.median(taken[way]) / len(names) * 1e6 for way in ways)
    print(f"{what:<44} {ours:7.1f} us a file  open {plain:7.1f} us  speed {plain / ours:.2f} of it")


def _time(read: Read, names: Sequence[str]) -> float:
    began = time.perf_counter()
    for name in names:
        read(name)
    return time.perf_counter() - began


def _cold(time_all: TimeAll) -> TimeAll:
    """Return the same with nothing in memory at the beginning."""

    def measure(read: Read, names: Sequence[str]) -> float:
        os.sync()
        _DROP.write_text("3")
        return time_all(read, names)

    return measure


def _in_child(time_all: TimeAll) -> TimeAll:
    """Return the same in a process of its own, which knows what this one does, and no more."""

    def measure(read: Read, names: Sequence[str]) -> float:
        receive, send = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.write(send, repr(time_all(read, names)).encode())
            finally:
                os._exit(0)
        os.close(send)
        os.waitpid(child, 0)
        with open(receive) as pipe:
            return float(pipe.read())

    return measure


if __name__ == "__main__":
    main()
