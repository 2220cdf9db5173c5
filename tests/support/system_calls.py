"""Watching the system calls of a process and of all that it starts, and letting one of them fail.

Before the kernel carries a watched call out it asks this process (seccomp's user notification,
Linux 5.9 or newer), which lets it pass, fails it, or kills the process that made it. Calls are
counted over all processes together, in the order in which they come, so that a number names one
moment in the life of a command, its Git processes included.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import select
import signal
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

if sys.platform != "win32":
    import fcntl

_NUMBERS = {
    "x86_64": {
        **{"read": 0, "write": 1, "open": 2, "ioctl": 16, "pread64": 17, "pwrite64": 18},
        **{"writev": 20, "sendfile": 40, "flock": 73, "fsync": 74, "fdatasync": 75},
        **{"truncate": 76, "ftruncate": 77, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85},
        **{"link": 86, "unlink": 87, "symlink": 88, "chmod": 90, "fchmod": 91, "openat": 257},
        **{"mkdirat": 258, "unlinkat": 263, "renameat": 264, "linkat": 265, "symlinkat": 266},
        **{"fchmodat": 268, "utimensat": 280, "fallocate": 285, "syncfs": 306},
        **{"renameat2": 316, "copy_file_range": 326, "seccomp": 317},
    },
    "aarch64": {
        **{"ioctl": 29, "flock": 32, "mkdirat": 34, "unlinkat": 35, "symlinkat": 36, "linkat": 37},
        **{"renameat": 38, "truncate": 45, "ftruncate": 46, "fallocate": 47, "fchmod": 52},
        **{"fchmodat": 53, "openat": 56, "read": 63, "write": 64, "writev": 66, "pread64": 67},
        **{"pwrite64": 68, "sendfile": 71, "fsync": 82, "fdatasync": 83, "utimensat": 88},
        **{"syncfs": 267, "renameat2": 276, "seccomp": 277, "copy_file_range": 285},
    },
}
_PIDFD_GETFD = 438

_PATHS: dict[str, tuple[tuple[int | None, int], ...]] = {
    **dict.fromkeys(("open", "creat", "mkdir", "rmdir", "unlink", "chmod"), ((None, 0),)),
    **dict.fromkeys(("truncate",), ((None, 0),)),
    **dict.fromkeys(("openat", "mkdirat", "unlinkat", "fchmodat", "utimensat"), ((0, 1),)),
    **dict.fromkeys(("rename", "link"), ((None, 0), (None, 1))),
    **dict.fromkeys(("renameat", "renameat2", "linkat"), ((0, 1), (2, 3))),
    "symlink": ((None, 1),),
    "symlinkat": ((1, 2),),
}
"""Which arguments of a call are a folder's descriptor (None: there is none) and a path."""
_DESCRIPTORS = {"copy_file_range": 2}
"""Which argument is the descriptor of the file that is changed, where it is not the first."""

_OPENS_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_FICLONE = 0x40049409

SYNCS = frozenset({"fsync", "fdatasync", "syncfs"})
READS = frozenset({"read", "pread64"})
WRITES = frozenset({"write", "pwrite64"})
CHANGES = WRITES | {
    "writev",
    *("open", "openat", "creat", "ioctl", "sendfile", "copy_file_range", "fallocate"),
    *("truncate", "ftruncate", "rename", "renameat", "renameat2", "link", "linkat", "symlink"),
    *("symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmod"),
    *("fchmodat", "utimensat"),
}
"""Calls that change what others see."""
WATCHED = CHANGES | SYNCS | {"flock"}

_NOTIFY, _ALLOW = 0x7FC00000, 0x7FFF0000
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_NO_NEW_PRIVILEGES, _SUBREAPER = 38, 36


class Call(NamedTuple):
    """One watched call.

    ``path`` is what it is about, the last one where there are two; ``by`` the program that made it.
    """

    name: str
    path: str
    by: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at the call with the number ``at``, the first one being 1.

    ``kill tree`` ends the command and all that it started, ``kill one`` only the process that made
    the call. ``fail`` gives it ``error``; ``lasting`` gives it to all later calls of the same name
    as well. ``cut`` lets a write take only half of its bytes.
    """

    at: int
    how: Literal["kill tree", "kill one", "fail", "cut"] = "kill tree"
    error: int = 0
    lasting: bool = False


@dataclass(slots=True)
class Watched:
    """What came of a command: its exit status (negative: a signal), the calls, what was hit."""

    status: int = 0
    calls: list[Call] = field(default_factory=list)
    hit: Call | None = None
    overdue: bool = False


def can_watch() -> bool:
    """Return whether calls can be watched on this system."""
    if sys.platform != "linux" or platform.machine() not in _NUMBERS:
        return False
    try:
        done = run_watched(lambda: os.mkdir("/proc/none"), calls=WATCHED, seconds=10)
    except OSError:
        return False
    return [call.name in ("mkdir", "mkdirat") for call in done.calls] == [True]


def run_watched(
    work: Callable[[], object],
    *,
    calls: Iterable[str] = WATCHED,
    beneath: str = "/",
    fault: Fault | None = None,
    seconds: float = 30,
) -> Watched:
    """Run ``work`` in a process of its own and return what came of it.

    Only calls on files are counted, those on pipes and terminals are not; and only those
    ``beneath`` a folder, as far as reading is concerned. What still runs after ``seconds`` is
    killed.
    """
    ours, theirs = socket.socketpair()
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        status = 70
        try:
            ours.close()
            os.setsid()
            listener = _install(frozenset(calls))
            socket.send_fds(theirs, [b"x"], [listener])
            os.close(listener)
            theirs.close()
            work()
            status = 0
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
        finally:
            os._exit(status)
    theirs.close()
    with ours:
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    if not descriptors:
        os.waitpid(child, 0)
        raise OSError(errno.ENOSYS, "calls cannot be watched here")
    watcher = _Watcher(descriptors[0], child, fault, beneath)
    try:
        watcher.serve(time.monotonic() + seconds)
    finally:
        os.close(descriptors[0])
    _, ended = os.waitpid(child, 0)
    with suppress(ChildProcessError):
        while os.waitpid(-child, 0)[0]:  # what it started, not what else this process has
            pass
    watcher.found.status = os.waitstatus_to_exitcode(ended)
    return watcher.found


def _install(calls: frozenset[str]) -> int:
    """Let this process and all that it starts ask before they make ``calls``."""
    libc = ctypes.CDLL(None, use_errno=True)
    program = _assemble(calls)
    code = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    number = _NUMBERS[platform.machine()]["seccomp"]
    listener: int = libc.syscall(number, 1, 8, described)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


def _assemble(calls: frozenset[str]) -> bytes:
    """Return the filter: a list of tests, each of which ends in a verdict."""

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("HBBI", code, yes, no, value)

    def argument(position: int) -> bytes:
        return step(_LOAD, 16 + 8 * position)

    verdicts = step(_RETURN, _NOTIFY), step(_RETURN, _ALLOW)
    program = [step(_LOAD, 0)]
    for name, number in _NUMBERS[platform.machine()].items():
        if name not in calls:
            continue
        match name:
            case "open" | "openat":
                test = [argument(1 + (name == "openat")), step(_ANY_BIT, _OPENS_TO_WRITE, 0, 1)]
            case "write" | "writev" | "read":
                test = [argument(0), step(_GREATER, 2, 0, 1)]
            case "ioctl":
                test = [argument(1), step(_EQUAL, _FICLONE, 0, 1)]
            case _:
                program += [step(_EQUAL, number, 0, 1), verdicts[0]]
                continue
        program += [step(_EQUAL, number, 0, 4), *test, *verdicts]
    return b"".join([*program, verdicts[1]])


@dataclass(slots=True)
class _Watcher:
    listener: int
    child: int
    fault: Fault | None
    beneath: str
    found: Watched = field(default_factory=Watched)

    def serve(self, until: float) -> None:
        """Answer until no process that is watched is left."""
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        while True:
            events = poll.poll(1000)
            if time.monotonic() > until and not self.found.overdue:
                self.found.overdue = True
                self._kill_tree()
            if not events:
                continue
            if not events[0][1] & select.POLLIN:
                return
            asked = bytearray(80)
            try:
                fcntl.ioctl(self.listener, _RECEIVE, asked)
            except OSError:  # who asked was killed meanwhile
                continue
            token, pid, _, number, _, _, *arguments = struct.unpack("QIIiIQ6Q", asked)
            answer = self._decide(pid, number, arguments)
            if answer is not None:
                value, error, flags = answer
                with suppress(OSError):
                    fcntl.ioctl(
                        self.listener, _SEND, struct.pack("QqiI", token, value, error, flags)
                    )

    def _decide(self, pid: int, number: int, arguments: list[int]) -> tuple[int, int, int] | None:
        """Return the answer to one call: what it returns, its error, flags; None for no answer."""
        name = _NAMES[number]
        try:
            call = _describe(pid, name, arguments)
        except OSError:  # it was killed
            return 0, 0, _CONTINUE
        if call is None or (name in READS and not call.path.startswith(self.beneath)):
            return 0, 0, _CONTINUE
        self.found.calls.append(call)
        fault = self.fault
        if fault is None:
            return 0, 0, _CONTINUE
        hit = self.found.hit
        if len(self.found.calls) == fault.at:
            self.found.hit = call
        elif not (fault.lasting and hit is not None and hit.name == name):
            return 0, 0, _CONTINUE
        match fault.how:
            case "kill tree":
                self._kill_tree()
                return None
            case "kill one":
                os.kill(pid, signal.SIGKILL)
                return None
            case "fail":
                return 0, -fault.error, 0
            case "cut":
                if name not in WRITES:  # where processes run at once, another call may be this one
                    return 0, 0, _CONTINUE
                try:
                    return _write_half(pid, name, arguments), 0, 0
                except OSError:  # the bytes cannot be had from here
                    return 0, 0, _CONTINUE

    def _kill_tree(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.child, signal.SIGKILL)


_NAMES = {number: name for name, number in _NUMBERS.get(platform.machine(), {}).items()}


def _describe(pid: int, name: str, arguments: list[int]) -> Call | None:
    """Return the call that ``pid`` is about to make; None when it is about no file."""
    by = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    if name not in _PATHS:
        link = f"/proc/{pid}/fd/{arguments[_DESCRIPTORS.get(name, 0)]}"
        try:
            mode = os.stat(link).st_mode
        except OSError:
            return None
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return None
        return Call(name, os.readlink(link), by)
    path = ""
    for folder, position in _PATHS[name]:
        start = f"/proc/{pid}/cwd"
        if folder is not None and arguments[folder] & 0xFFFFFFFF != 0xFFFFFF9C:
            start = f"/proc/{pid}/fd/{arguments[folder] & 0xFFFFFFFF}"
        told = _read_text(pid, arguments[position])
        path = told if told.startswith("/") else os.path.join(os.readlink(start), told).rstrip("/")
    return (
        None
        if path.startswith("/dev/") and not path.startswith("/dev/shm/")
        else Call(name, path, by)
    )


def _read_text(pid: int, address: int) -> str:
    if address == 0:
        return ""
    read = b""
    while b"\0" not in read and len(read) < 4096:
        read += _read_memory(pid, address + len(read), 4096 - (address + len(read)) % 4096)
    return os.fsdecode(read.split(b"\0")[0])


def _read_memory(pid: int, address: int, length: int) -> bytes:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(length)


def _write_half(pid: int, name: str, arguments: list[int]) -> int:
    """Write the first half of what ``pid`` is about to write, as a disk may; return its length."""
    descriptor, address, length = arguments[:3]
    with open(f"/proc/{pid}/status", "rb") as file:
        (process,) = (int(line.split()[1]) for line in file if line.startswith(b"Tgid:"))
    handle = os.pidfd_open(process)
    try:
        ours = ctypes.CDLL(None).syscall(_PIDFD_GETFD, handle, int(descriptor), 0)
    finally:
        os.close(handle)
    try:
        half = _read_memory(pid, address, max(1, length // 2))
        if name == "pwrite64":
            return os.pwrite(ours, half, arguments[3])
        return os.write(ours, half)
    finally:
        os.close(ours)
