"""Which process made a file, and whether that process still runs."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

_FORM = re.compile(r"(\d+)\.(\d+)\.([0-9a-f]+)\.(\d+)\.([0-9a-f]{8})")
_UNSEEN_LIFETIME_SECONDS = 3600.0
"""After this long a process that cannot be looked at from here counts as gone."""


class Owner(NamedTuple):
    """A process, told from every other one that has had or will have its number."""

    pid: int
    started: int
    """When it was started, in the kernel's ticks since boot; 0 where this is not known."""
    boot: str
    """The run of the kernel it belongs to; ``0`` where this is not known."""
    namespace: int
    """The container it runs in; 0 where this is not known."""
    host: str


def current_owner() -> Owner:
    """Return the process that this code runs in."""
    boot, namespace, host = _read_surroundings()
    pid = os.getpid()
    return Owner(pid, _read_start(pid) or 0, boot, namespace, host)


def owner_of_parent() -> Owner:
    """Return the process that started this one."""
    pid = os.getppid()
    return current_owner()._replace(pid=pid, started=_read_start(pid) or 0)


def format_owner(owner: Owner) -> str:
    """Return ``owner`` as text that may stand in a file name: letters, digits and full stops."""
    return ".".join(map(str, owner))


def parse_owner(text: str) -> Owner | None:
    """Return the owner whose text is ``text``, or None when it is not such a text."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    pid, started, boot, namespace, host = match.groups()
    return Owner(int(pid), int(started), boot, int(namespace), host)


def is_gone(owner: Owner, *, age_seconds: float) -> bool:
    """Return whether ``owner`` has ended; ``age_seconds`` is the age of the file that names it.

    A process on another machine or in another container cannot be looked at: it counts as gone once
    the file is an hour old.
    """
    boot, _, host = _read_surroundings()
    if owner.host == host and owner.boot != boot:
        return True
    seen = sees_gone(owner)
    return age_seconds > _UNSEEN_LIFETIME_SECONDS if seen is None else seen


def sees_gone(owner: Owner) -> bool | None:
    """Return whether ``owner`` has ended, None where it cannot be looked at from here.

    That is so on another machine, which may have the same name as this one, in another container,
    and before this machine was started.
    """
    boot, namespace, host = _read_surroundings()
    if (owner.host, owner.boot, owner.namespace) != (host, boot, namespace):
        return None
    if owner.started:
        return _read_start(owner.pid) != owner.started
    return not is_running(owner.pid)


@cache
def _read_surroundings() -> tuple[str, int, str]:
    host = sha256(platform.node().encode("utf-8", "surrogateescape")).hexdigest()[:8]
    if sys.platform != "linux":
        return "0", 0, host
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", "")
        namespace = int(re.sub(r"\D", "", os.readlink("/proc/self/ns/pid")))
    except (OSError, ValueError):
        return "0", 0, host
    return boot[:16], namespace, host


def _read_start(pid: int) -> int | None:
    """Return when the process ``pid`` was started; None when it has ended, or is not to be seen."""
    try:
        described = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The second field is the program's name in brackets, which may itself hold brackets and spaces.
    state, *fields = described[described.rindex(b")") + 2 :].split()
    return None if state in (b"Z", b"X") else int(fields[18])


def is_running(pid: int) -> bool:
    """Return whether there is a process ``pid``, as far as can be seen from here."""
    if sys.platform == "win32":
        synchronize, still_running = 0x00100000, 0x00000102
        process = ctypes.windll.kernel32.OpenProcess(synchronize, False, pid)
        if not process:
            return False
        try:
            return bool(ctypes.windll.kernel32.WaitForSingleObject(process, 0) == still_running)
        finally:
            ctypes.windll.kernel32.CloseHandle(process)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
