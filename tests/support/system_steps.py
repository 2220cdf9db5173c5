"""What code asks of the system, step by step, and systems that refuse some of it.

Code runs in a process of its own, in which functions of the system were replaced before.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_mlops.errors import MlopsError

_TWO_NAMES = ("link", "rename", "replace")
_NAMING = (*_TWO_NAMES, "mkdir", "rmdir", "symlink", "unlink")
_RANDOM = re.compile(r"\b[0-9a-f]{24}\b")


@dataclass(frozen=True, slots=True)
class Ended:
    """How work ended: the code of the error that it raised, if it did, and the steps it took.

    A step is ``sync PATH``, ``link PATH PATH`` and so on, of paths relative to a folder; random
    names are shown as ``*``.
    """

    code: str | None
    steps: list[str] = field(default_factory=list)


def run_watched(
    work: Callable[[], object], top: Path, system: Mapping[str, Callable[..., Any]] | None = None
) -> Ended:
    """Run ``work`` in a process of its own and return how it ended.

    Args:
        work: what to run.
        top: the folder that paths are shown relative to; others are not shown.
        system: functions that take the place of others there, as ``os.link`` or ``fcntl.flock``.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        steps: list[str] = []
        answer: dict[str, object] = {"steps": steps}
        try:
            _replace_functions(steps, top, system or {})
            work()
        except MlopsError as error:
            answer["code"] = error.code
        except BaseException:
            answer["failure"] = traceback.format_exc()
        with open(writing, "w", encoding="utf-8") as out:
            json.dump(answer, out)
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as said:
        found = json.load(said)
    os.waitpid(child, 0)
    assert "failure" not in found, found["failure"]
    return Ended(found.get("code"), found["steps"])


def _replace_functions(
    steps: list[str], top: Path, system: Mapping[str, Callable[..., Any]]
) -> None:
    for name in _NAMING:
        setattr(os, name, _tell(getattr(os, name), name, steps, top))
    os.fsync = _tell(os.fsync, "sync", steps, top)
    for full_name, function in system.items():
        module, _, name = full_name.rpartition(".")
        setattr(importlib.import_module(module), name, function)


def _tell(function: Callable[..., Any], name: str, steps: list[str], top: Path) -> Any:
    def telling(*args: Any, **options: Any) -> Any:
        here = options.get("dir_fd")
        paths = [
            _show(args[-1 if name == "symlink" else 0], here or options.get("src_dir_fd"), top)
        ]
        if name in _TWO_NAMES:
            paths.append(_show(args[1], options.get("dst_dir_fd"), top))
        result = function(*args, **options)
        if all(paths):
            steps.append(" ".join([name, *paths]))
        return result

    return telling


def _show(path: Any, folder: int | None, top: Path) -> str:
    if isinstance(path, int):
        full = os.readlink(f"/proc/self/fd/{path}")
    elif folder is not None:
        full = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
    else:
        full = os.path.abspath(path)
    try:
        return _RANDOM.sub("*", Path(full).relative_to(top).as_posix())
    except ValueError:
        return ""


def fail_with(number: int) -> Callable[..., Any]:
    """Return a function of the system that always fails with that error."""

    def failing(*args: Any, **options: Any) -> Any:
        named = [arg for arg in args if isinstance(arg, str | os.PathLike)]
        raise OSError(number, os.strerror(number), *map(str, named[:1]))

    return failing


def little_at_a_time(size_bytes: int) -> dict[str, Callable[..., Any]]:
    """Return a system that reads and writes at most ``size_bytes`` when it is asked for more."""
    read, readv, pread, write = os.read, os.readv, os.pread, os.write
    return {
        "os.read": lambda fd, length: read(fd, min(length, size_bytes)),
        "os.readv": lambda fd, views: readv(fd, [views[0][:size_bytes]]),
        "os.pread": lambda fd, length, offset: pread(fd, min(length, size_bytes), offset),
        "os.write": lambda fd, content: write(fd, memoryview(content)[:size_bytes]),
    }


NO_LINKS = {"os.link": fail_with(errno.EPERM)}
"""A file system on which a file has one name only, as on memory cards."""

NO_LOCKS = {"fcntl.flock": fail_with(errno.ENOLCK)}
"""A file system without locks, as some that come over the network."""

BROKEN_DISK = {"os.fsync": fail_with(errno.EIO)}
"""A disk that does not take what was written to it."""
