"""What the machine does while a run goes on, and what the run runs in."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.formats.run import Number
from jupyter_mlops.git.process import try_git
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.ids import format_hash, hash_bytes
from jupyter_mlops.snapshots.environment import read_environment
from jupyter_mlops.tracking.place import Place

LOCK_FILES = (
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pixi.lock",
    "conda-lock.yml",
    "environment.yml",
    "requirements.txt",
)
_LOCK_FILE_BYTES = 64 * 1024**2
_CHANGED_LIMIT = 20
_BELIEVED_SECONDS = 60.0
_described: dict[Place, tuple[float, dict[str, str]]] = {}


def describe_environment(place: Place) -> dict[str, str]:
    """Return what a run in ``place`` runs in: Python, packages, lock files, GPUs, state of Git.

    Takes up to a second, most of it for Git to look at the working tree; what was found less than
    a minute ago is believed.
    """
    found = _described.get(place)
    if found is None or time.monotonic() - found[0] > _BELIEVED_SECONDS:
        found = (time.monotonic(), _look_around(place))
        _described.clear()
        _described[place] = found
    return found[1]


def _look_around(place: Place) -> dict[str, str]:
    if place.repository is None:
        return {}
    found = read_environment(place.repository.state_dir / "environment")
    for name in LOCK_FILES:
        with suppress(OSError):
            path = place.root / name
            if os.stat(path).st_size <= _LOCK_FILE_BYTES:
                found[f"lock:{name}"] = format_hash(hash_bytes(path.read_bytes()))
    with suppress(OSError):
        found["processors"] = str(os.cpu_count())
    found.update(_gpus_there())
    with suppress(MlopsError):
        changed = _list_changed(place.repository)
        found["git"] = "clean" if not changed else f"{len(changed)} changed"
        if changed:
            found["git:changed"] = ", ".join(changed[:_CHANGED_LIMIT])
    return found


class Machine:
    """Reads what this machine does; the processors' share is of the time since the last reading.

    Without psutil, or a GPU's library, what only they know is left out.
    """

    def __init__(self) -> None:
        self._psutil = _import("psutil")
        self._process = None if self._psutil is None else self._psutil.Process()
        self._disk: tuple[float, int, int] | None = None
        self.read()

    def read(self) -> Mapping[str, Number]:
        """Return numbers by name; what cannot be read is left out."""
        values: dict[str, Number] = {}
        if self._psutil is not None and self._process is not None:
            with suppress(Exception):  # psutil's errors differ by system
                memory = self._psutil.virtual_memory()
                values["cpu_percent"] = self._psutil.cpu_percent()
                values["memory_percent"] = memory.percent
                values["process_cpu_percent"] = self._process.cpu_percent()
                values["process_memory_bytes"] = self._process.memory_info().rss
            with suppress(Exception):
                values.update(self._read_disk())
        values.update(_read_gpus())
        return values

    def _read_disk(self) -> dict[str, Number]:
        counters = self._psutil.disk_io_counters()
        now = (time.monotonic(), counters.read_bytes, counters.write_bytes)
        before, self._disk = self._disk, now
        if before is None:
            return {}
        seconds = max(now[0] - before[0], 1e-9)
        return {
            "disk_read_bytes_per_second": round((now[1] - before[1]) / seconds),
            "disk_write_bytes_per_second": round((now[2] - before[2]) / seconds),
        }


def _list_changed(repository: Repository) -> list[str]:
    """Return the files that Git tracks and that differ from HEAD; its index is not refreshed."""
    words = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no")
    status, printed, _ = try_git(repository, *words, env={"GIT_OPTIONAL_LOCKS": "0"})
    lines = printed.decode("utf-8", "replace").split("\0") if status == 0 else []
    return [line[3:] for line in lines if line]


def _import(name: str) -> Any:
    try:
        return import_module(name)
    except Exception:  # a library of the user's that does not even load
        return None


@cache
def _find_gpus() -> tuple[Any, list[Any]]:
    """Return the library that knows GPUs, and those that it finds."""
    library = _import("pynvml")
    if library is None:
        return None, []
    try:
        library.nvmlInit()
        count = library.nvmlDeviceGetCount()
        return library, [library.nvmlDeviceGetHandleByIndex(number) for number in range(count)]
    except Exception:  # no driver
        return None, []


def _gpus_there() -> dict[str, str]:
    library, gpus = _find_gpus()
    found: dict[str, str] = {}
    for number, gpu in enumerate(gpus):
        with suppress(Exception):  # an older driver does not know everything
            name = library.nvmlDeviceGetName(gpu)
            found[f"gpu{number}"] = name.decode() if isinstance(name, bytes) else str(name)
            found["gpu_driver"] = str(library.nvmlSystemGetDriverVersion())
    return found


def _read_gpus() -> dict[str, Number]:
    library, gpus = _find_gpus()
    values: dict[str, Number] = {}
    for number, gpu in enumerate(gpus):
        with suppress(Exception):
            memory = library.nvmlDeviceGetMemoryInfo(gpu)
            values[f"gpu{number}_percent"] = library.nvmlDeviceGetUtilizationRates(gpu).gpu
            values[f"gpu{number}_memory_bytes"] = int(memory.used)
            values[f"gpu{number}_memory_percent"] = round(100 * memory.used / memory.total, 1)
        with suppress(Exception):
            values[f"gpu{number}_watts"] = library.nvmlDeviceGetPowerUsage(gpu) / 1000
    return values
