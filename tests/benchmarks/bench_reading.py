"""``jupyter_mlops.open`` as a training loader calls it, beside ``open`` on the files themselves.

Run it with ``python -m tests.benchmarks.bench_reading [--folder DIR] [--mib N]``. Files of random
bytes, which are what pictures are to a store, are read whole and in a shuffled order, by turns from
a snapshot and from the working tree: warm, and, where root permits, with nothing in memory.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import jupyter_mlops
from jupyter_mlops.commands.snapshot import snapshot
from tests.support.data_project import DataProject, make_data_project

_SIZES = (8_000, 100_000)
_TURNS = 7
_DROP = Path("/proc/sys/vm/drop_caches")


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
    ways: dict[str, Callable[[str], bytes]] = {
        "mlops.open": partial(_read, taken),
        "open": _read_plainly,
    }
    _report(f"{count:,} files of {size_bytes:,} bytes, warm", ways, names, cold=False)
    if os.access(_DROP, os.W_OK):
        _report(f"{count:,} files of {size_bytes:,} bytes, cold", ways, names, cold=True)


def _keep(project: DataProject) -> str:
    return snapshot(project.open(), ("data",)).id


def _read(revision: str, name: str) -> bytes:
    with jupyter_mlops.open(name, revision) as file:
        content: bytes = file.read()
        return content


def _read_plainly(name: str) -> bytes:
    return Path(name).read_bytes()


def _report(
    what: str, ways: dict[str, Callable[[str], bytes]], names: Sequence[str], *, cold: bool
) -> None:
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(3 if cold else _TURNS):
        for way in sorted(ways, reverse=bool(turn % 2)):
            if cold:
                os.sync()
                _DROP.write_text("3")
            read = ways[way]
            began = time.perf_counter()
            for name in names:
                read(name)
            taken[way].append(time.perf_counter() - began)
    ours, plain = (statistics.median(taken[way]) / len(names) * 1e6 for way in ways)
    print(f"{what:<44} {ours:7.1f} us a file  open {plain:7.1f} us  speed {plain / ours:.2f} of it")


if __name__ == "__main__":
    main()
